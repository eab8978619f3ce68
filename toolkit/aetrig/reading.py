"""Files from outside, read with limits: ordinary files alone, no larger and no deeper than said.

Every reader of a whole file begins here, so that a pipe, a device, a bomb or a record of another
shape ends in one line.
"""

from __future__ import annotations

import contextlib
import json
import math
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from aetrig.errors import UserError

Kind = TypeVar("Kind")
LARGEST = 1 << 28  # bytes: a network, a page of pictures
LARGEST_TEXT = 1 << 26  # a record, a report
MOST_DIGITS = 40  # of an integer
MOST_SHOWN = 80  # characters of a value in an error


def require_file(path: Path, advice: str = "") -> int:
    """Return an ordinary file's size in bytes; raise UserError for a folder, a pipe, a device.

    Reading those would fail with a number, or never end. ``advice``: what to do, behind a missing
    file.
    """
    try:
        found = path.stat()
    except OSError as error:
        more = f"; {advice}" if advice else ""
        raise UserError(f"{path}: cannot be read ({error.strerror}){more}") from error
    except ValueError as error:  # a NUL in a name
        raise UserError(f"{str(path)!r} is no name of a file ({error})") from error
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
        raise UserError(f"{path}: {what}, expected a file")
    return found.st_size


def read_bytes(path: Path, most: int = LARGEST, advice: str = "") -> bytes:
    """Return a file's content; raise UserError where it is none, or larger than ``most`` bytes."""
    size = require_file(path, advice)
    if size > most:
        raise UserError(f"{path}: {size:,} bytes; at most {most:,} are read of such a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def read_text(path: Path, most: int = LARGEST_TEXT, advice: str = "") -> str:
    """Return a file's text, lines ended by LF; raise UserError where it is no UTF-8."""
    content = read_bytes(path, most, advice)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file (byte {error.start} is no UTF-8)") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, shape: Any = dict[str, Any], advice: str = "make it again") -> Any:
    """Return what a JSON file holds, as it stands; raise UserError where it has another shape.

    ``shape``: a type that pydantic checks, strictly and deeply: a TypedDict of what the caller
    reads; further keys are left alone. ``advice``: what to do about a bad one.
    """
    return parse_json(read_text(path), shape, str(path), advice)


def read_json_as(path: Path, kind: type[Kind], advice: str = "make it again") -> Kind:
    """Return a dataclass, or one of dataclasses, from what `dataclasses.asdict` gave of it.

    Every key and type is checked; raises UserError as `read_json`.
    """
    return parse_json_as(read_text(path), kind, str(path), advice)


def parse_json_as(
    text: str | bytes, kind: type[Kind], where: str, advice: str = "make it again"
) -> Kind:
    """Return what a JSON text holds as `read_json_as`."""
    shape: Any = kind
    with _told(where, advice):
        made: Kind = _adapter(shape).validate_json(text, strict=True)
    return made


def parse_json(text: str | bytes, shape: Any, where: str, advice: str = "make it again") -> Any:
    """Return what a JSON text holds; raise UserError, beginning with ``where``, as `read_json`."""
    try:
        content = json.loads(
            text, parse_constant=_no_number, parse_int=_integer, parse_float=_finite
        )
    except RecursionError as error:
        raise UserError(f"{where}: nested too deeply; {advice}") from error
    except ValueError as error:
        raise UserError(f"{where}: not JSON ({error}); {advice}") from error
    check_shape(content, shape, where, advice)
    return content


def check_shape(content: Any, shape: Any, where: str, advice: str = "make it again") -> None:
    """Raise UserError, naming the key, where ``content`` is not of ``shape``."""
    with _told(where, advice):
        _adapter(shape).validate_python(content, strict=True)


@contextlib.contextmanager
def _told(where: str, advice: str) -> Iterator[None]:
    """Turn pydantic's errors into one line."""
    from pydantic import ValidationError

    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        at = f"'{key}': " if key else ""
        message = first["msg"][0].lower() + first["msg"][1:]
        found = "" if first["type"] == "missing" else f", found {shown(first['input'])}"
        raise UserError(f"{where}: {at}{message}{found}; {advice}") from error


def shown(value: object) -> str:
    """Return a value as an error shows it: at most so many characters."""
    if isinstance(value, dict):
        return "keys and values"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits, a list in itself
        return f"{type(value).__name__} too large to show"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:MOST_DIGITS]} is beyond a number's range")
    return value


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


@lru_cache(maxsize=64)
def _adapter(shape: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(shape)
