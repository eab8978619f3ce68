"""Working points: thresholds at their rates, and what they accept of every process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.config.model import TriggerOptions
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.physics.rate import Efficiency, efficiency
from aetrig.physics.rate import WorkingPoint as SharePoint
from aetrig.physics.trigger_rate import RatePoint, rate_above, threshold_at_rate
from aetrig.trigger.events import Rated
from aetrig.trigger.shares import threshold_at_share

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Point:
    """A named working point.

    ``requested``: rate asked for in Hz, None where the threshold itself was given; ``measured``:
    None where the data give no rate; ``shared_error``: the uncertainty in Hz if all accepted
    crossings with one soft event in common were accepted because of it.
    """

    name: str
    threshold: int
    requested: float | None
    measured: RatePoint | None
    shared_error: float | None


def working_points(
    scores: Integers, vectors: Vectors, rated: Rated | None, options: TriggerOptions
) -> tuple[Point, ...]:
    """Return the working points, loosest first.

    ``scores``: of all ``vectors``, the validation events. ``rated``: None is allowed for given
    thresholds and shares only.
    Raises UserError for a rate beyond the sample's reach.
    """
    if options.thresholds is not None:
        given = sorted(options.thresholds.items(), key=lambda item: item[1])
        return tuple(_given(name, threshold, scores, rated) for name, threshold in given)
    if options.shares is not None:
        thresholds = {
            name: threshold_at_share(scores, vectors, share)
            for name, share in options.shares.items()
        }
        ordered = sorted(thresholds.items(), key=lambda item: item[1])
        return tuple(_given(name, value, scores, rated) for name, value in ordered)
    if rated is None or not options.working_points:
        raise UserError("trigger.working_points is empty: give a rate, as in --rate 30kHz")
    falling = sorted(options.working_points.items(), key=lambda item: -item[1])
    return tuple(_at_rate(name, rate, scores, rated) for name, rate in falling)


def _given(name: str, threshold: int, scores: Integers, rated: Rated | None) -> Point:
    if rated is None:
        return Point(name, threshold, None, None, None)
    found = rate_above(scores[rated.rows], rated.weight_hz, threshold)
    return Point(name, threshold, None, found, found.error * math.sqrt(rated.overlap))


def _at_rate(name: str, rate: float, scores: Integers, rated: Rated) -> Point:
    try:
        threshold, found = threshold_at_rate(scores[rated.rows], rated.weight_hz, rate)
    except UserError as error:
        raise UserError(f"working point '{name}': {error}") from error
    return Point(name, threshold, rate, found, found.error * math.sqrt(rated.overlap))


def efficiencies(
    scores: Integers, vectors: Vectors, rated: Rated | None, points: Sequence[Point]
) -> dict[str, dict[str, Efficiency]]:
    """Return the accepted share of each process but minimum bias, by process and working point."""
    return {
        process.name: {
            point.name: _efficiency(scores, vectors.process == index, rated, point)
            for point in points
        }
        for index, process in enumerate(vectors.processes)
        if process.role != "minbias" and (vectors.process == index).any()
    }


def _efficiency(
    scores: Integers, rows: npt.NDArray[np.bool_], rated: Rated | None, point: Point
) -> Efficiency:
    """Return one share, with the uncertainty that the rate's statistics give the threshold."""
    own = scores[rows].astype(np.float64)
    share = SharePoint(float(point.threshold), None, None, 0.0, 0, None)
    against, weight = own, np.ones(own.size)
    if rated is not None and point.measured is not None and point.requested is not None:
        total, found = float(rated.weight_hz.sum()), point.measured
        against, weight = scores[rated.rows].astype(np.float64), rated.weight_hz
        relative = found.error / found.rate if found.rate else None
        target = point.requested / total
        share = SharePoint(
            float(point.threshold), target, target, found.rate / total, found.accepted, relative
        )
    return efficiency(own, np.ones(own.size), share, against, weight)
