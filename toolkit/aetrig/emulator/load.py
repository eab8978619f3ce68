"""Load an emulator's library and evaluate with it, for comparison with the Program."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.emulator.folder import PATHS
from aetrig.errors import CheckFailedError, UserError
from aetrig.files import workspace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program

AUTOMATIC = "automatic"
OUT_OF_RANGE, NO_PATH = 1, 3


@dataclass(frozen=True)
class Prepared:
    """A call of a library on arrays that it holds; ``y``, ``score`` and ``accept`` are filled."""

    function: Callable[..., int]
    how: tuple[int, ...]
    x: npt.NDArray[np.integer]
    y: npt.NDArray[np.int32]
    score: npt.NDArray[np.int64] | None
    accept: npt.NDArray[np.uint8] | None

    def run(self) -> int:
        """Evaluate; return the library's code."""
        arrays = (self.y, self.score, self.accept)
        events = ctypes.c_size_t(len(self.x))
        return self.function(*self.how, _pointer(self.x), events, *map(_pointer, arrays))


@dataclass(frozen=True)
class Emulator:
    """A loaded library: call ``trace``. ``path``: one of ``paths()``, or "automatic".

    ``threads``: as many share a large batch.
    """

    library: ctypes.CDLL
    prefix: str
    program: Program
    path: str = AUTOMATIC
    threads: int = 1

    def trace(self, x: npt.NDArray[np.integer]) -> dict[str, Integers]:
        """Return the output's integers by its quantizer's name, "score" and "accept".

        ``x``: hardware integers, shape (events, features), any integer type. Raises UserError
        where one lies outside its wires' range or this processor lacks the path.
        """
        values = np.asarray(x, dtype=np.int64)
        if values.size and (values.min() < -(2**31) or values.max() >= 2**31):
            raise UserError("the emulator takes 32-bit integers; some of x are beyond")
        return self._trace(np.ascontiguousarray(values, dtype=np.int32))

    def trace16(self, x: npt.NDArray[np.int16]) -> dict[str, Integers]:
        """Return the same through the interface for 16-bit inputs."""
        return self._trace(np.ascontiguousarray(x, dtype=np.int16))

    def paths(self) -> tuple[str, ...]:
        """Return the paths that this processor has, and the network can go."""
        has = self.library[f"{self.prefix}_has_path"]
        return tuple(name for number, name in enumerate(PATHS, 1) if has(number))

    def best_path(self) -> str:
        """Return the path chosen, or measured, for batches; before, the one for few events."""
        return PATHS[self.library[f"{self.prefix}_path"]() - 1]

    def choose(self, path: str) -> None:
        """Set what "automatic" takes for batches; "automatic": the next batch measures it.

        Raises UserError where the processor or the network lacks the path.
        """
        if self.library[f"{self.prefix}_choose"](self._number(path)):
            raise self._lacking(path)

    def prepared(self, x: npt.NDArray[np.integer]) -> Prepared:
        """Return an evaluation of int32 or int16 inputs, to be done any number of times.

        Raises UserError for another shape than (events, features).
        """
        if x.ndim != 2 or x.shape[1] != self.program.features:
            raise UserError(f"input has shape {x.shape}, not (events, {self.program.features})")
        events, trigger = len(x), self.program.trigger
        y = np.zeros((events, self.program.outputs), dtype=np.int32)
        score = accept = None
        if trigger is not None:
            score = np.zeros((events, 1), dtype=np.int64)
            accept = np.zeros((events, len(trigger.points)), dtype=np.uint8)
        name = "run" if x.dtype == np.int32 else "run16"
        # both are tested where trace is: one has no number of threads
        how = ("_with", ()) if self.threads == 1 else ("_threads", (self.threads,))
        function = self.library[f"{self.prefix}_{name}{how[0]}"]
        return Prepared(function, (self._number(self.path), *how[1]), x, y, score, accept)

    def _trace(self, x: npt.NDArray[np.integer]) -> dict[str, Integers]:
        call = self.prepared(x)
        code = call.run()
        if code == OUT_OF_RANGE:
            raise UserError("an input lies outside the range of its wires")
        if code == NO_PATH:
            raise self._lacking(self.path)
        if code:
            raise CheckFailedError(f"the emulator {self.prefix} ended with code {code}")
        found = {self.program.operations[-1].name: call.y.astype(np.int64)}
        if call.score is not None and call.accept is not None:
            found |= {SCORE: call.score, ACCEPT: call.accept.astype(np.int64)}
        return found

    def _number(self, path: str) -> int:
        return 0 if path == AUTOMATIC else PATHS.index(path) + 1

    def _lacking(self, path: str) -> UserError:
        return UserError(f"this processor lacks the path {path}; it has {self.paths()}")


def load(folder: Path, program: Program) -> Emulator:
    """Load the library of an emulator's folder, which was made for a Program.

    Raises UserError where there is none, or where it is of another network.
    """
    libraries = sorted(folder.glob("libaetrig_*.so"))
    if len(libraries) != 1:
        raise UserError(
            f"{folder} holds {len(libraries)} libraries, expected one; make it again: "
            "aetrig emulator --force"
        )
    return load_library(libraries[0], libraries[0].stem.removeprefix("lib"), program)


def load_library(path: Path, prefix: str, program: Program) -> Emulator:
    """Load one network of a library by its prefix; raises as `load`."""
    # under a path of its own: the loader takes an equal path for the library that it has already
    with workspace() as scratch:
        copy = str(shutil.copy(path, scratch))
        try:
            library = ctypes.CDLL(copy)
            digest = library[f"{prefix}_digest"]
        except (OSError, AttributeError) as error:
            raise UserError(f"{path} is no emulator's library ({error}); make it again") from error
    digest.restype = ctypes.c_char_p
    found = digest().decode()
    if found != program.digest:
        raise UserError(
            f"{path} is of another network (SHA-256 {found[:12]}, expected {program.digest[:12]}); "
            "make it again: aetrig emulator --force"
        )
    return Emulator(library, prefix, program)


def _pointer(array: npt.NDArray[np.generic] | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if array is None else array.ctypes.data)
