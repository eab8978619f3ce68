"""Rates and efficiencies of the same events, before and after: what moved, and how surely.

Accepted events are mostly the same before and after, so that the two rates fluctuate together.
Only the discordant events, accepted in one case alone, make the ratio uncertain: with b lost and
c gained, n before and m after, its variance is m (b + c) / n**3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.physics.trigger_rate import rate_above

Scores = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moved:
    """A rate before and after. ``factor``: after over before, None where before is nothing.

    ``error``: statistical, of the rate after alone; ``factor_error``: of the ratio, from the events
    that changed sides; ``changed``: weighted share of events whose decision changed; ``gained``,
    ``lost``: events.
    """

    rate: float
    error: float
    factor: float | None
    factor_error: float | None
    changed: float
    gained: int
    lost: int


@dataclass(frozen=True)
class Shifted:
    """A signal's efficiency after, its change, and that change's statistical uncertainty."""

    value: float
    change: float
    error: float


def moved(before: Scores, after: Scores, weight: Reals, threshold: int) -> Moved:
    """Compare the rates above a threshold; all arrays of shape (events,), ``weight`` in Hz."""
    first, second = before > threshold, after > threshold
    found = rate_above(after, weight, threshold)
    gained, lost = second & ~first, first & ~second
    base, discordant = float(weight[first].sum()), gained | lost
    factor = error = None
    if base > 0:
        factor = found.rate / base
        # of nothing accepted, as if it were one event
        least = max(found.rate, float(weight.max()))
        squares = float((weight[discordant] ** 2).sum())
        error = math.sqrt(least * squares / base**3)
    changed = float(weight[discordant].sum() / weight.sum())
    return Moved(
        found.rate, found.error, factor, error, changed, int(gained.sum()), int(lost.sum())
    )


def shifted(before: Scores, after: Scores, threshold: int) -> Shifted:
    """Compare the accepted shares of a signal's events."""
    first, second = before > threshold, after > threshold
    value, change = float(second.mean()), float(second.mean() - first.mean())
    discordant = float((first != second).mean())
    error = math.sqrt(max(0.0, discordant - change**2) / first.size)
    return Shifted(value, change, error)
