"""What pictures need of the validation events: scores and reconstructions, float and quantized."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from aetrig.config.model import RunConfig
from aetrig.config.sources import Column, TableSource
from aetrig.data import features as feature_file
from aetrig.data.dataset import Feature
from aetrig.data.grid import from_grid, preprocessing
from aetrig.data.vectors import Vectors
from aetrig.physics.score import divisor, score_floats
from aetrig.program import contract
from aetrig.program.evaluate import trace
from aetrig.program.model import SCORE, Integers, Program
from aetrig.program.read import read
from aetrig.run import Run
from aetrig.train import checkpoint
from aetrig.train.load import load_config, load_float, load_scaling
from aetrig.trigger.score import scored

Floats = npt.NDArray[np.float64]
CHUNK, MOST, SEED = 16_384, 200_000, 4


@dataclass(frozen=True)
class Events:
    """The validation events of a run, evaluated when asked for; of more than 200,000 a sample."""

    run: Run

    @cached_property
    def config(self) -> RunConfig:
        """The resolved config."""
        return load_config(self.run)

    @cached_property
    def vectors(self) -> Vectors:
        """The events."""
        found = contract.events(self.run, self.network)
        drawn = np.random.default_rng(SEED).permutation(len(found.x))[:MOST]
        kept = np.sort(drawn) if len(found.x) > MOST else slice(None)
        return Vectors(
            found.x[kept], found.process[kept], found.weight[kept], found.processes, found.features
        )

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Names and grids."""
        return feature_file.load(self.run / "features.json")

    @cached_property
    def network(self) -> Program:
        """The network without a trigger."""
        return read(self.run.need(contract.NETWORK, "export-onnx"))

    @cached_property
    def program(self) -> Program:
        """The network with its score, and with thresholds where they are set."""
        if (self.run / contract.TRIGGER).exists():
            return read(self.run / contract.TRIGGER)
        return scored(self.network, self.config)

    @cached_property
    def _traced(self) -> dict[str, Integers]:
        wanted = [op.name for op in self.network.operations if op.name.endswith("_quant")]
        parts: dict[str, list[Integers]] = {name: [] for name in wanted}
        x = self.vectors.x
        for start in range(0, len(x), CHUNK):
            values = trace(self.network, x[start : start + CHUNK])
            for name, kept in parts.items():
                kept.append(values[name])
        return {name: np.concatenate(kept) for name, kept in parts.items()}

    def layer(self, name: str) -> Integers:
        """Return the integers behind a quantizer, shape (events, width)."""
        return self._traced[name]

    @cached_property
    def quantized_scores(self) -> Floats:
        """Scores of the quantized network, which the firmware equals in every bit; (events,)."""
        x, program = self.vectors.x, self.program
        total = [trace(program, x[i : i + CHUNK])[SCORE][:, 0] for i in range(0, len(x), CHUNK)]
        unit = divisor(self.config.trigger.score, program.outputs)
        return np.asarray(np.ldexp(np.concatenate(total).astype(np.float64), self.exponent) / unit)

    @property
    def trained_here(self) -> bool:
        """Whether there are float weights; an imported network has none."""
        return (self.run / checkpoint.FLOAT).exists()

    @property
    def exponent(self) -> int:
        """Binary exponent of the score."""
        return self.program.score_exponent

    @cached_property
    def float_scores(self) -> Floats:
        """Scores of the float network, (events,)."""
        net, kind, parts = load_float(self.run), self.config.trigger.score, []
        with torch.no_grad():
            for start in range(0, len(self.vectors.x), CHUNK):
                part = self.vectors.x[start : start + CHUNK].astype(np.float64)
                reference, output = net.score_pair(torch.from_numpy(part), kind)
                against = None if reference is None else reference.double().numpy()
                parts.append(score_floats(kind, against, output.double().numpy()))
        return np.concatenate(parts)

    @cached_property
    def reconstructed(self) -> Floats | None:
        """Reconstruction in hardware units, (events, features); None for an encoder's trigger."""
        last = self.network.operations[-1]
        if self.network.outputs != self.network.features:
            return None
        scaling = load_scaling(self.run)
        steps = np.ldexp(1.0, self.network.output_format.exponent + scaling.shift)
        found: Floats = self.layer(last.name).astype(np.float64) * steps + scaling.offset
        return found

    def physical(self, feature: int, steps: Floats) -> Floats:
        """Return grid positions of a feature as the data file has them, (events,)."""
        column = self._column(feature)
        if column is not None:
            return from_grid(column, steps)
        return steps * self.features[feature].grid.step

    def unit(self, feature: int) -> str:
        """Return the unit of `physical`."""
        column, unit = self._column(feature), self.features[feature].grid.unit
        return "file's unit" if column and preprocessing(column) != column.name else unit

    def period(self, feature: int) -> float | None:
        """Return the full circle of an angle in the unit of `physical`; None for no angle."""
        column = self._column(feature)
        if column is not None:
            return column.period
        return 2 * math.pi if self.features[feature].grid.unit == "rad" else None

    def _column(self, feature: int) -> Column | None:
        source = self.config.data
        return source.columns[feature] if isinstance(source, TableSource) else None
