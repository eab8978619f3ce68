"""Emulate a firmware project, as it stands on disk, in C++: exact integers of every layer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.errors import CheckFailedError
from aetrig.hls.compile import FLAGS, compiled, has_trigger
from aetrig.hls.precision import Layer, layers
from aetrig.hls.trigger import hexadecimal
from aetrig.program.model import ACCEPT, SCORE, Integers, Program

Doubles = npt.NDArray[np.float64]
BATCH = 8192


@dataclass(frozen=True)
class Csim:
    """A compiled project, loaded: call ``trace`` or ``run``."""

    library: Path
    layers: tuple[Layer, ...]
    points: int | None

    def run(self, x: Integers) -> Integers:
        """Return the output's integers (events, outputs) for integers x (events, features)."""
        return self._evaluate(x, traced=False)[self.layers[-1].output]

    def trace(self, x: Integers) -> dict[str, Integers]:
        """Return the integers behind each operation that a layer's output stands for, by its name.

        They are every quantizer, and the accumulators that have a layer of their own; integers
        at the Program's exponent of that operation. A trigger adds its score and accept bits.
        """
        found = self._evaluate(x, traced=True)
        return found if self.points is None else found | self._trigger(x, self.points)

    def network_digest(self) -> str | None:
        """Return the network's digest as the top function gives it, in hexadecimal.

        All 64 digits, or the first 8 behind AXI streams; None for a network alone, and for a
        project made before there was that output.
        """
        library, words = ctypes.CDLL(str(self.library.resolve())), np.zeros(8, dtype=np.uint32)
        if self.points is None or not hasattr(library, "aetrig_network_digest"):
            return None
        library.aetrig_network_digest.restype = ctypes.c_size_t
        count = library.aetrig_network_digest(ctypes.c_void_p(words.ctypes.data))
        return "".join(f"{word:08x}" for word in words[:count].tolist())

    def _trigger(self, x: Integers, points: int) -> dict[str, Integers]:
        """Return score (events, 1) and accept bits (events, points) of the top function."""
        inputs = np.ascontiguousarray(x, dtype=np.int64)
        score = np.zeros((len(x), 1), dtype=np.uint64)
        accept = np.zeros((len(x), points), dtype=np.uint8)
        run = ctypes.CDLL(str(self.library.resolve())).aetrig_trigger
        run.restype = None
        addresses = (ctypes.c_void_p(array.ctypes.data) for array in (inputs, score, accept))
        first, *others = addresses
        run(first, ctypes.c_size_t(len(x)), *others)
        return {SCORE: score.astype(np.int64), ACCEPT: accept.astype(np.int64)}

    def _evaluate(self, x: Integers, *, traced: bool) -> dict[str, Integers]:
        run = ctypes.CDLL(str(self.library.resolve())).aetrig_run
        run.restype = None
        wanted = self.layers[1:] if traced else self.layers[-1:]
        collected: dict[str, list[Integers]] = {layer.output: [] for layer in wanted}
        for start in range(0, len(x), BATCH):
            values = self._batch(run, np.asarray(x[start : start + BATCH]), traced=traced)
            for layer in wanted:
                collected[layer.output].append(_integers(layer, values[layer.name]))
        return {
            layer.output: np.concatenate(
                [np.empty((0, layer.width), np.int64), *collected[layer.output]]
            )
            for layer in wanted
        }

    def _batch(self, run: Callable[..., None], x: Integers, *, traced: bool) -> dict[str, Doubles]:
        events = len(x)
        inputs = np.ascontiguousarray(x, dtype=np.float64)
        last = self.layers[-1]
        output = np.full((events, last.width), np.nan)
        # the last layer's values are the output itself; hls4ml traces them all the same
        names = [layer for layer in self.layers[1:] if traced]
        values = [np.full((events, layer.width), np.nan) for layer in names]
        pointer = ctypes.POINTER(ctypes.c_double)
        size = ctypes.c_size_t
        run(
            inputs.ctypes.data_as(pointer), output.ctypes.data_as(pointer),
            size(events), size(self.layers[0].width), size(last.width),
            (ctypes.c_char_p * len(names))(*[layer.name.encode() for layer in names]),
            (pointer * len(names))(*[array.ctypes.data_as(pointer) for array in values]),
            (size * len(names))(*[layer.width for layer in names]), size(len(names)),
        )  # fmt: skip
        found = {layer.name: array for layer, array in zip(names, values, strict=True)}
        return found | {last.name: output}


def load(project: Path, program: Program, flags: Sequence[str] = FLAGS) -> Csim:
    """Compile (where needed) and load the project that was made for a Program.

    ``flags``: of g++.

    Raises MissingToolError without g++, UserError for an incomplete project, CheckFailedError
    where the project does not compile.
    """
    trigger = program.trigger if has_trigger(project) else None
    points = None if trigger is None else len(trigger.points)
    return Csim(compiled(project, flags), layers(program), points)


def check_digest(loaded: Csim, program: Program) -> None:
    """Raise CheckFailedError where the top function names another network than the Program's."""
    found, expected = loaded.network_digest(), hexadecimal(program)
    if found is not None and not expected.startswith(found):
        raise CheckFailedError(
            f"csim: network_digest is {found[:12]}, expected {expected[:12]}: the project is of "
            "another network; make it again: aetrig hls --force"
        )


def _integers(layer: Layer, values: Doubles) -> Integers:
    """Return a layer's numbers as integers at the Program's exponent."""
    scaled = np.ldexp(values, -layer.result.exponent)
    rounded = np.rint(scaled)
    if not (rounded == scaled).all():
        raise CheckFailedError(
            f"csim: '{layer.output}' has values off its grid of 2**{layer.result.exponent} "
            "or gave none; the project was changed or is of another network"
        )
    return rounded.astype(np.int64)
