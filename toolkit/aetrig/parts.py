"""FPGA parts: short names to full ones, from parts.json.

parts.json gives one package and speed grade for each short name (for xcvu9p the package of the
VCU118 board; give a full name for another) and the device's totals.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from aetrig.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Part:
    """A device. ``lut``, ``ff``, ``dsp``, ``bram36`` (36 kbit blocks): totals, where known."""

    name: str
    family: str
    lut: int | None = None
    ff: int | None = None
    dsp: int | None = None
    bram36: int | None = None


@cache
def parts() -> dict[str, Part]:
    """Return the known parts by short name."""
    text = resources.files("aetrig").joinpath("parts.json").read_text(encoding="utf-8")
    return {short: Part(entry.pop("part"), **entry) for short, entry in json.loads(text).items()}


def resolve(name: str) -> Part:
    """Return the part of a short or full name, in any case.

    A full name is taken as given where it begins with a known short one: package and speed grade
    are the user's. Raises UserError for an unknown part, with the nearest names.
    """
    known, wanted = parts(), name.strip().lower()
    if wanted in known:
        return known[wanted]
    for part in known.values():
        if wanted == part.name.lower():
            return part
    for short, part in sorted(known.items(), key=lambda item: -len(item[0])):
        rest = wanted.removeprefix(short)
        if rest != wanted and rest.startswith(("-", "clg", "csg", "fgg", "ffg", "ftg", "fbg")):
            return Part(name.strip(), part.family, part.lut, part.ff, part.dsp, part.bram36)
    raise UserError(
        f"unknown FPGA part '{name}'{did_you_mean(wanted.split('-')[0], known, count=3)} "
        f"(known: {', '.join(known)}; or a full name that begins with one of them)"
    )
