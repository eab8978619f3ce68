"""A reader under trial, and what else than an aetrig error comes out of it."""

from __future__ import annotations

import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aetrig.errors import AetrigError
from trials.fuzz.choices import Choices

LONGEST_LINE = 4000  # characters of an error
HANG_SECONDS = 20  # of a processor


class HangError(BaseException):
    """A reader does not come to an end; no ``except Exception`` keeps it."""


class BrokenPromiseError(AssertionError):
    """A reader accepted a file, and what it made of it is wrong."""


@dataclass(frozen=True)
class Reader:
    """``read``: reads a file, and checks what it accepts; raises AetrigError for what it refuses.

    ``seeds``: makes valid files. ``ending``: that a file's name must have. ``words``: pieces of
    text that files are made of. ``build``: makes a file out of decisions, for a second target whose
    changes keep the structure. ``longest``: bytes of an input.
    """

    name: str
    read: Callable[[Path], object]
    seeds: Callable[[], Sequence[bytes]]
    ending: str = ""
    words: tuple[str, ...] = ()
    build: Callable[[Choices], bytes] | None = None
    longest: int = 4096


@dataclass(frozen=True)
class Failure:
    """``kind``: the same for inputs that fail in the same place. ``text``: the traceback's end."""

    kind: str
    text: str = field(compare=False)


def fails(reader: Reader, content: bytes, folder: Path) -> Failure | None:
    """Let a reader read a file with this content; return what it should not have done."""
    path = folder / f"input{reader.ending}"
    path.write_bytes(content)
    try:
        with _cpu_limit(HANG_SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)
            reader.read(path)
    except AetrigError as error:
        return _bad_line(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - all of these are what is looked for
        return Failure(_kind(error), "".join(traceback.format_exception(error))[-3000:])
    return None


@contextmanager
def _cpu_limit(seconds: float) -> Iterator[None]:
    """Raise HangError where Python code takes more of the processor; other work does not count."""

    def late(*_: object) -> None:
        raise HangError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _bad_line(line: str) -> Failure | None:
    if not line.isprintable():
        return Failure("message of several lines or with control characters", repr(line)[:500])
    if len(line) > LONGEST_LINE:
        return Failure("message without end", line[:500])
    return None


def _kind(error: BaseException) -> str:
    """Name the exception and the deepest line of the package that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/aetrig/" in frame.filename]
    place = ours[-1] if ours else frames[-1]
    file = place.filename.rpartition("/aetrig/")[2]
    return f"{type(error).__name__} at {file}:{place.name}: {place.line}"
