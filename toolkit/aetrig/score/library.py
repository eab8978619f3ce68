"""The emulator's library as a worker calls it: rows of integers to scores and accept bits."""

from __future__ import annotations

import ctypes
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.errors import CheckFailedError, UserError
from aetrig.files import workspace
from aetrig.reading import read_text
from aetrig.run import sha256

Scores = npt.NDArray[np.int64]
Accept = npt.NDArray[np.uint8]
GOLDEN = "golden.txt"
MOST_GOLDEN = 1 << 24  # bytes
AUTOMATIC, MOST_PATHS, OUT_OF_RANGE = 0, 16, 1  # of the library's interface


@dataclass(frozen=True)
class Library:
    """Where the library is and what it computes.

    ``sha256``: of the file; ``trigger``: SHA-256 of the trigger's QONNX file; ``outputs``: of the
    network, which precede score and bits in the golden vectors.
    """

    path: Path
    prefix: str
    sha256: str
    trigger: str
    features: int
    outputs: int
    points: int

    def evaluate(
        self, x: npt.NDArray[np.int16] | npt.NDArray[np.int32]
    ) -> tuple[Scores, Accept] | int:
        """Return score, shape (events,), and accept bits, shape (events, points).

        ``x``: hardware integers, C-contiguous of shape (events, features). Returns the first event
        with an integer beyond its wires where there is one. Raises UserError where the library
        is missing or another, CheckFailedError where its golden vectors fail on this processor.
        """
        return _call(_opened(self), self, x, AUTOMATIC)


@lru_cache(maxsize=4)
def _opened(library: Library) -> ctypes.CDLL:
    if not library.path.is_file():
        raise UserError(
            f"{library.path} is not to be seen from here; the run's folder, the files and --out "
            "must be on a filesystem that all workers share"
        )
    if sha256(library.path) != library.sha256:
        raise UserError(
            f"{library.path} is not the library that was checked; make it again: "
            "aetrig emulator --force"
        )
    # under a path of its own: the loader takes an equal path for the library that it has already
    with workspace() as scratch:
        copy = shutil.copy(library.path, scratch)
        try:
            opened = ctypes.CDLL(str(copy))
            digest = opened[f"{library.prefix}_digest"]
        except (OSError, AttributeError) as error:
            reason = str(error).replace(str(scratch), "")
            raise UserError(
                f"{library.path} is no emulator's library ({reason}); make it again: "
                "aetrig emulator --force"
            ) from error
    digest.restype = ctypes.c_char_p
    if digest().decode() != library.trigger:
        raise UserError(f"{library.path} is of another trigger; make it: aetrig emulator --force")
    opened[f"{library.prefix}_check"].restype = ctypes.c_size_t
    _require_golden(opened, library)
    return opened


def _require_golden(opened: ctypes.CDLL, library: Library) -> None:
    """Compare with the Program's own results, on every path that this processor may take."""
    rows = _golden(library)
    x = np.ascontiguousarray(rows[:, : library.features], dtype=np.int32)
    wanted = rows[:, library.features + library.outputs :]
    has = opened[f"{library.prefix}_has_path"]
    for path in filter(has, range(1, MOST_PATHS)):
        found = _call(opened, library, x, path)
        if isinstance(found, int) or not np.array_equal(np.column_stack(found), wanted):
            raise CheckFailedError(
                f"{library.path} differs from its golden vectors on this processor's path {path}; "
                "run: aetrig verify"
            )


def _golden(library: Library) -> npt.NDArray[np.int64]:
    """Return golden.txt: inputs, outputs, score and bits of an event a row."""
    path = library.path.with_name(GOLDEN)
    again = "make it again: aetrig emulator --force"
    _, *lines = read_text(path, MOST_GOLDEN, again).splitlines() or [""]
    width = library.features + library.outputs + 1 + library.points
    try:
        rows = [[int(word) for word in line.split()] for line in lines]
        found = np.array(rows, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path}: not golden vectors ({error}); {again}") from error
    if not lines or found.shape != (len(lines), width):
        raise UserError(f"{path}: not rows of {width} integers; {again}")
    return found


def _call(
    opened: ctypes.CDLL,
    library: Library,
    x: npt.NDArray[np.int16] | npt.NDArray[np.int32],
    path: int,
) -> tuple[Scores, Accept] | int:
    events = len(x)
    score = np.empty(events, np.int64)
    accept = np.empty((events, library.points), np.uint8)
    name = f"{library.prefix}_{'run16' if x.dtype == np.int16 else 'run'}_with"
    # no output of the network: it need not be written
    arrays = (None, _pointer(score), _pointer(accept))
    code = opened[name](path, _pointer(x), ctypes.c_size_t(events), *arrays)
    if code == OUT_OF_RANGE:
        wide = np.ascontiguousarray(x, dtype=np.int32)
        check = opened[f"{library.prefix}_check"]
        return int(check(_pointer(wide), ctypes.c_size_t(events)))
    if code:
        raise CheckFailedError(f"{name} ended with code {code}")
    return score, accept


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
