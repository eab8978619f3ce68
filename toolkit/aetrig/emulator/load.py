"""Load an emulator's library and evaluate with it, for comparison with the Program."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.emulator.folder import PATHS
from aetrig.errors import CheckFailedError, UserError
from aetrig.program.model import ACCEPT, SCORE, Integers, Program

AUTOMATIC = "automatic"


@dataclass(frozen=True)
class Emulator:
    """A loaded library: call ``trace``. ``path``: one of ``paths()``, or "automatic"."""

    library: ctypes.CDLL
    prefix: str
    program: Program
    path: str = AUTOMATIC

    def trace(self, x: npt.NDArray[np.integer]) -> dict[str, Integers]:
        """Return the output's integers by its quantizer's name, "score" and "accept".

        ``x``: hardware integers, shape (events, features), any integer type. Raises UserError
        where one lies outside its wires' range or this processor lacks the path.
        """
        values = np.asarray(x, dtype=np.int64)
        if values.size and (values.min() < -(2**31) or values.max() >= 2**31):
            raise UserError("the emulator takes 32-bit integers; some of x are beyond")
        return self._call("run_with", np.ascontiguousarray(values, dtype=np.int32))

    def trace16(self, x: npt.NDArray[np.int16]) -> dict[str, Integers]:
        """Return the same through the interface for 16-bit inputs."""
        return self._call("run16_with", np.ascontiguousarray(x, dtype=np.int16))

    def paths(self) -> tuple[str, ...]:
        """Return the paths that this processor has."""
        has = self.library[f"{self.prefix}_has_path"]
        return tuple(name for number, name in enumerate(PATHS, 1) if has(number))

    def best_path(self) -> str:
        """Return the path that "automatic" takes on this processor."""
        return PATHS[self.library[f"{self.prefix}_path"]() - 1]

    def _call(self, function: str, x: npt.NDArray[np.integer]) -> dict[str, Integers]:
        if x.ndim != 2 or x.shape[1] != self.program.features:
            raise UserError(f"input has shape {x.shape}, not (events, {self.program.features})")
        events, trigger = len(x), self.program.trigger
        points = 0 if trigger is None else len(trigger.points)
        y = np.zeros((events, self.program.outputs), dtype=np.int32)
        score = np.zeros((events, 1), dtype=np.int64)
        accept = np.zeros((events, points), dtype=np.uint8)
        scored = (None, None) if trigger is None else (_pointer(score), _pointer(accept))
        number = 0 if self.path == AUTOMATIC else PATHS.index(self.path) + 1
        run = self.library[f"{self.prefix}_{function}"]
        code = run(number, _pointer(x), ctypes.c_size_t(events), _pointer(y), *scored)
        if code == 1:
            raise UserError("an input lies outside the range of its wires")
        if code == 3:
            raise UserError(f"this processor lacks the path {self.path}; it has {self.paths()}")
        if code:
            raise CheckFailedError(f"{self.prefix}_{function} ended with code {code}")
        found = {self.program.operations[-1].name: y.astype(np.int64)}
        if trigger is not None:
            found |= {SCORE: score, ACCEPT: accept.astype(np.int64)}
        return found


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
    with tempfile.TemporaryDirectory(prefix="aetrig.") as scratch:
        copy = shutil.copy(path, scratch)
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


def _pointer(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
