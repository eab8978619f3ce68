"""Whether files hold code that is not ours: by their names, their notices, and their lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

# firmware sources that come with hls4ml, alkaid, da4ml or a vendor's tool
NAMES = re.compile(
    r"(ap|ac)_(u?int|u?fixed|float|common|decl|private|shift_reg|channel|complex)\w*\.h"
    r"|nnet_\w+\.h|hls_(stream|math|vector)\.h|ioutil\.hh|fsm_wrapper\.hh"
    r"|(binop|multiplier|mux|negative|shift_adder|ternary_adder)\.(v|vhd)"
)
MARKS = re.compile(
    rb"(?i)copyright (\(c\) |\xc2\xa9 |[12]\d{3})|gnu (lesser |affero )?general public licen[sc]e"
    rb"|spdx-license-identifier|all rights reserved|mozilla public licen[sc]e"
)
# the texts of licences themselves, and the code that speaks of these words
SPEAKS = re.compile(
    r"(^|/)(LICENSE|LICENSES/.*|firmware/licences/[\w.-]+\.txt|package/licences\.py"
    r"|docs/supply-chain\.md|trials/_supply/\w+\.py|tests/supply/\w+\.py"
    r"|tests/package/test_licences\.py)$"
)
# files that say so for a reason
KNOWN = {"tests/hls/vendor_reports.py": "the header of a vendor's report, as its tool prints it"}
# packages whose code is nearest to ours: copied passages would come from here
NEAR = ("alkaid", "brevitas", "da4ml", "hls4ml", "qonnx", "quantizers")
SOURCES = frozenset({".py", ".v", ".vh", ".vhd", ".h", ".hh", ".hpp", ".cpp", ".tcl", ".in"})
RUN, LETTERS = 8, 200  # so many lines in a row, with so many characters, are no chance


def foreign(files: Mapping[str, bytes], passages: Mapping[bytes, str]) -> Iterator[str]:
    """Yield a line for each file that is, or shows signs of being, someone else's.

    ``files``: content by name; ``passages``: of `passages()`, or none for a quick look.
    """
    for name, content in sorted(files.items()):
        if SPEAKS.search(name) or name.endswith(tuple(KNOWN)):
            continue
        if NAMES.fullmatch(name.rsplit("/", 1)[-1]):
            yield f"{name}: the name of another project's file"
        if mark := MARKS.search(content):
            yield f"{name}: says {mark.group().decode('utf-8', 'replace')!r}"
        if Path(name).suffix in SOURCES:
            for digest in _runs(content):
                if digest in passages:
                    yield f"{name}: {RUN} lines in a row as in {passages[digest]}"
                    break


def passages() -> dict[bytes, str]:
    """Return each run of lines of the near packages that are installed, and the file it is in."""
    found: dict[bytes, str] = {}
    for package in NEAR:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        folder = Path(spec.origin).parent
        for path in folder.rglob("*"):
            if path.suffix in SOURCES and path.is_file():
                where = str(path.relative_to(folder.parent))
                found.update(dict.fromkeys(_runs(path.read_bytes()), where))
    return found


def _runs(content: bytes) -> Iterator[bytes]:
    """Yield the digest of every run of lines; blanks, indents and bare brackets do not count."""
    lines = [line for line in (_bare(line) for line in content.splitlines()) if len(line) > 3]
    for start in range(len(lines) - RUN + 1):
        run = lines[start : start + RUN]
        if sum(map(len, run)) >= LETTERS:
            yield hashlib.blake2b(b"\n".join(run), digest_size=12).digest()


def _bare(line: bytes) -> bytes:
    return b" ".join(line.split())


def tree(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of the files of those names in a folder."""
    return {
        name: (folder / name).read_bytes()
        for name in names
        if (folder / name).is_file() and not (folder / name).is_symlink()
    }
