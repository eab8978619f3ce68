"""Where the data files of a config are, and whether they are what their name says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aetrig.errors import UserError
from aetrig.reading import require_file

Find = Callable[[Path], Path]
VARIABLE = "AETRIG_DATA"
LARGE = 1 << 30  # bytes of a column that must not be packed more than
MOST_PACKED = 100  # times: real columns are not

SIGNATURES = {
    b"PAR1": "Parquet",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"\x80": "pickle",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"root": "ROOT",
    b"ARROW1": "Arrow",
    b"FEA1": "Feather version 1",
    b"\xff\xff\xff\xff": "Arrow stream",
    b"version https://git-lfs": "a Git LFS pointer, not the data itself",
    b"<": "HTML or XML",
}


def finder(folder: Path | None, base: Path) -> Find:
    """Return a function from a file name in the config to an existing, non-empty file.

    An absolute name stands for itself. A relative one is looked for in ``folder`` (taken from the
    working directory, then from ``base``) where that is given, else in $AETRIG_DATA, in ``base``
    and in the working directory, in this order. The function raises UserError that lists where it
    looked.
    """
    places = _places(folder, base)

    def find(name: Path) -> Path:
        name = name.expanduser()
        candidates = [name] if name.is_absolute() else [place / name for place in places]
        for candidate in candidates:
            if candidate.exists():
                return _usable(candidate)
        looked = ", ".join(str(candidate.parent) for candidate in candidates)
        raise UserError(
            f"data file '{name.name}' not found; looked in {looked}; "
            f"set data.folder or ${VARIABLE} to its folder"
        )

    return find


def _places(folder: Path | None, base: Path) -> list[Path]:
    if folder is not None:
        places = [Path.cwd() / folder.expanduser(), base / folder.expanduser()]
    else:
        variable = os.environ.get(VARIABLE)
        places = [*([Path(variable).expanduser()] if variable else []), base, Path.cwd()]
    return list(dict.fromkeys(place.absolute() for place in places))


def _usable(path: Path) -> Path:
    require_file(path)
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not first:
        raise UserError(f"{path} is empty (0 bytes); copy or download it again")
    return path


def content_kind(path: Path) -> str:
    """Say what the first bytes of a file look like: a format's name, 'text' or 'binary data'."""
    with path.open("rb") as file:
        start = file.read(512)
    for signature, name in SIGNATURES.items():
        if start.startswith(signature):
            return name
    return "text" if _is_text(start) else "binary data"


def require_kind(path: Path, *expected: str) -> None:
    """Raise UserError where a file's first bytes are not those of a format it should have."""
    found = content_kind(path)
    if found not in expected:
        raise UserError(
            f"{path}: expected {expected[0]} by its name, found {found}; "
            "rename it by its real format or write it again"
        )


def require_size(path: Path, what: str, declared: int) -> None:
    """Raise UserError where a file declares far more bytes of numbers than it can hold packed.

    Those would be made up when they are read, and fill the memory.
    """
    held = path.stat().st_size
    if declared > max(LARGE, MOST_PACKED * held):
        raise UserError(
            f"{path}: {what} declares {declared:,} bytes in a file of {held:,}; refused above "
            f"{MOST_PACKED} times and {LARGE:,} bytes; copy or download it again"
        )


def _is_text(start: bytes) -> bool:
    if b"\0" in start:
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4  # a character cut at the end of the block
    return True
