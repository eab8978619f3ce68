"""How good a network is: mean signal efficiency at a trigger rate, or mean AUC."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from aetrig.config.model import RunConfig, TriggerOptions
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.nets import QuantAutoencoder
from aetrig.physics.rate import share_above, threshold_at
from aetrig.physics.roc import auc
from aetrig.physics.score import ScoreKind, score_floats
from aetrig.physics.trigger_rate import threshold_at_rate
from aetrig.program.evaluate import trace
from aetrig.program.model import SCORE, Integers, Program, Trigger, WorkingPoint
from aetrig.trigger.events import Rated, rated_events
from aetrig.trigger.points import Point, efficiencies, working_points

Floats = npt.NDArray[np.float64]
CHUNK = 8192
POINT = "nominal"  # the working point's name in every config that a search writes


@dataclass(frozen=True)
class Quality:
    """``value``: the mean over signals of what the goal names; by signal (value, error) of both."""

    value: float
    efficiency: dict[str, tuple[float, float]]
    auc: dict[str, tuple[float, float]]


def exact(
    program: Program, vectors: Vectors, options: TriggerOptions, *, at_rate: bool
) -> tuple[Quality, Program]:
    """Return the quality by the integer scores, and the Program with its working point.

    As `aetrig threshold` does it. Raises UserError for a rate beyond the sample's reach.
    """
    chunks = range(0, len(vectors.x), CHUNK)
    scores = np.concatenate([trace(program, vectors.x[i : i + CHUNK])[SCORE][:, 0] for i in chunks])
    rated = _rated(vectors, options)
    points = working_points(scores, vectors, rated, options)
    quality = _quality(scores, vectors, rated, points, at_rate=at_rate)
    return quality, _triggered(program, points)


def quick(net: QuantAutoencoder, vectors: Vectors, config: RunConfig, *, at_rate: bool) -> float:
    """Return the quality of a network in training, by scores in floating point."""
    scores = _scores(net, vectors, config.trigger.score)
    own = [scores[rows] for rows in signals(vectors).values()]
    if not at_rate:
        background = scores[vectors.rows("background")]
        return float(np.mean([auc(background, signal).value for signal in own]))
    rated = rated_events(vectors, config.trigger)
    share = config.trigger.working_points[POINT] / float(rated.weight_hz.sum())
    threshold = threshold_at(scores[rated.rows], share, rated.weight_hz)
    return float(np.mean([share_above(signal, np.ones(signal.size), threshold) for signal in own]))


def signals(vectors: Vectors) -> dict[str, npt.NDArray[np.bool_]]:
    """Return the rows of each signal that has any; raise UserError where none has."""
    found = {
        process.name: vectors.process == index
        for index, process in enumerate(vectors.processes)
        if process.role == "signal" and (vectors.process == index).any()
    }
    if not found:
        raise UserError(
            "the data have no signal, and a search needs some to judge networks by: give data "
            "with signals (data.signals, or labels that are not background)"
        )
    return found


def reach(vectors: Vectors, options: TriggerOptions) -> None:
    """Raise UserError where a rate is beyond these events' reach, whatever the network.

    For minimum-bias crossings this is exact but for equal scores; where processes have weights
    it depends on which events score highest, and is tried with the sum of the inputs.
    """
    rated = rated_events(vectors, options)
    stand_in = np.abs(vectors.x[rated.rows].astype(np.int64)).sum(axis=1) * rated.rows.size
    distinct = stand_in + np.arange(rated.rows.size)
    threshold_at_rate(distinct, rated.weight_hz, options.working_points[POINT])


def _rated(vectors: Vectors, options: TriggerOptions) -> Rated | None:
    try:
        return rated_events(vectors, options)
    except UserError:
        if options.shares is None:
            raise
        return None


def _quality(
    scores: Integers,
    vectors: Vectors,
    rated: Rated | None,
    points: tuple[Point, ...],
    *,
    at_rate: bool,
) -> Quality:
    background = scores[vectors.rows("background")].astype(np.float64)
    names = signals(vectors)
    areas = {name: auc(background, scores[rows].astype(np.float64)) for name, rows in names.items()}
    accepted = efficiencies(scores, vectors, rated, points)
    shares = {name: accepted[name][POINT] for name in names}
    chosen = shares if at_rate else areas
    return Quality(
        float(np.mean([item.value for item in chosen.values()])),
        {name: (item.value, item.error) for name, item in shares.items()},
        {name: (item.value, item.error) for name, item in areas.items()},
    )


def _triggered(program: Program, points: tuple[Point, ...]) -> Program:
    if program.trigger is None:
        raise ValueError("a program without a score has no working point")
    accepting = tuple(WorkingPoint(point.name, point.threshold) for point in points)
    trigger = Trigger(program.trigger.score, accepting, program.trigger.network)
    return replace(program, trigger=trigger)


@torch.no_grad()
def _scores(net: QuantAutoencoder, vectors: Vectors, kind: ScoreKind) -> Floats:
    net.eval()
    place = next(net.parameters()).device
    found = []
    for start in range(0, len(vectors.x), CHUNK):
        x = torch.from_numpy(vectors.x[start : start + CHUNK]).to(place, torch.float32)
        reference, output = net.score_pair(x, kind)
        target = None if reference is None else _floats(reference)
        found.append(score_floats(kind, target, _floats(output)))
    return np.concatenate(found)


def _floats(tensor: torch.Tensor) -> Floats:
    return np.asarray(tensor.cpu().numpy(), dtype=np.float64)
