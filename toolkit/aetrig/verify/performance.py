"""Float, QAT and firmware judged as triggers on the same validation events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.config.model import Verification
from aetrig.data.vectors import Vectors
from aetrig.physics.agreement import Pair, efficiency_fall, equal_decisions, spearman
from aetrig.physics.rate import (
    WorkingPoint,
    efficiency,
    given_threshold,
    share_above,
    working_point,
)
from aetrig.physics.residuals import Residuals, residuals
from aetrig.physics.roc import auc
from aetrig.verify.verdict import Physics, SignalResult, StageResult

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Reconstruction:
    """One stage's result on all validation events.

    ``score``: shape (events,). ``residual``: reconstructed minus input in hardware units, shape
    (events, features); None where the stage reconstructs nothing, as an encoder alone.
    """

    stage: str
    score: Floats
    residual: Floats | None


@dataclass(frozen=True)
class Grid:
    """Step and unit of each feature's hardware integers, and log2 of its scaling's width."""

    steps: tuple[float, ...]
    units: tuple[str, ...]
    shift: npt.NDArray[np.int64]


def performance(
    vectors: Vectors, stages: Sequence[Reconstruction], grid: Grid, options: Verification
) -> Physics:
    """Return the physics figures; the first stage is the reference, the last what is deployed.

    Raises UserError where the background is too small for any working point.
    """
    background = vectors.rows("background")
    points = [_point(stage, vectors, background, options) for stage in stages]
    first, last = stages[0], stages[-1]
    pair = _pair(first, last, vectors, background)
    return Physics(
        int(background.sum()),
        tuple(
            _stage(stage, point, vectors, background, grid)
            for stage, point in zip(stages, points, strict=True)
        ),
        tuple(
            _signal(index, vectors, stages, points, background)
            for index, process in enumerate(vectors.processes)
            if process.role == "signal" and (vectors.process == index).any()
        ),
        equal_decisions(pair, points[0], points[-1]),
        spearman(pair),
        {
            stage.stage: _residuals(stage.residual[background], vectors)
            for stage in stages
            if stage.residual is not None
        },
        grid.steps,
        grid.units,
    )


def _point(
    stage: Reconstruction, vectors: Vectors, background: Mask, options: Verification
) -> WorkingPoint:
    scores, weight = stage.score[background], vectors.weight[background]
    if options.threshold is not None:
        return given_threshold(scores, weight, options.threshold)
    return working_point(scores, weight, options.background_rate)


def _pair(first: Reconstruction, last: Reconstruction, vectors: Vectors, rows: Mask) -> Pair:
    return Pair(first.score[rows], last.score[rows], vectors.weight[rows])


def _stage(
    stage: Reconstruction, point: WorkingPoint, vectors: Vectors, background: Mask, grid: Grid
) -> StageResult:
    loss = None
    if stage.residual is not None:
        normalized = stage.residual[background] * np.exp2(-grid.shift.astype(np.float64))
        squares = (normalized**2).mean(axis=1)
        loss = float(np.average(squares, weights=vectors.weight[background]))
    crossings = vectors.rows("minbias")
    accepted = None
    if crossings.any():
        accepted = share_above(stage.score[crossings], vectors.weight[crossings], point.threshold)
    return StageResult(stage.stage, loss, point, accepted)


def _signal(
    index: int,
    vectors: Vectors,
    stages: Sequence[Reconstruction],
    points: Sequence[WorkingPoint],
    background: Mask,
) -> SignalResult:
    rows = vectors.process == index
    weight, weight_b = vectors.weight[rows], vectors.weight[background]
    pair = _pair(stages[0], stages[-1], vectors, rows)
    return SignalResult(
        vectors.processes[index].name,
        int(rows.sum()),
        {
            stage.stage: auc(stage.score[background], stage.score[rows], weight_b, weight)
            for stage in stages
        },
        {
            stage.stage: efficiency(
                stage.score[rows], weight, point, stage.score[background], weight_b
            )
            for stage, point in zip(stages, points, strict=True)
        },
        equal_decisions(pair, points[0], points[-1]),
        efficiency_fall(
            _pair(stages[0], stages[-1], vectors, background), pair, points[0], points[-1]
        ),
    )


def _residuals(residual: Floats, vectors: Vectors) -> tuple[Residuals, ...]:
    return tuple(
        residuals(name, residual[:, column]) for column, name in enumerate(vectors.features)
    )
