"""The reference networks of models/ with their golden vectors: all that a group needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.program.evaluate import evaluate
from aetrig.program.model import Integers, Program
from aetrig.program.read import read

MODELS = Path(__file__).resolve().parents[2] / "models"
LARGE = "l1-57-32-16-3-w6a8"


@dataclass(frozen=True)
class Network:
    """A network without its trigger. ``x``, ``y``: integers of as many events as asked for."""

    name: str
    folder: Path
    program: Program
    x: Integers
    y: Integers

    @property
    def qonnx(self) -> Path:
        """The network's file."""
        return self.folder / "model.qonnx.onnx"

    def values(self) -> npt.NDArray[Any]:
        """Return the output as numbers, float64."""
        return np.ldexp(self.y.astype(np.float64), self.program.output_format.exponent)

    @property
    def widths(self) -> str:
        """Return the widths as 57-32-3-32-57."""
        weights = [op.weight for op in self.program.operations if hasattr(op, "weight")]
        return "-".join(map(str, [self.program.features, *(w.shape[1] for w in weights)]))


def network(name: str, events: int) -> Network:
    """Return a network of models/, its golden events repeated up to ``events``."""
    folder = MODELS / name
    program = replace(read(folder / "model.qonnx.onnx"), trigger=None)
    with np.load(folder / "golden.npz") as golden:
        x = golden["x"].astype(np.int64)
    repeats = -(-events // len(x))
    y = evaluate(program, x)
    return Network(
        name, folder, program, np.tile(x, (repeats, 1))[:events], np.tile(y, (repeats, 1))[:events]
    )
