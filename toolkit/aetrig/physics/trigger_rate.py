"""Thresholds at a trigger rate in Hz, from events that each stand for a rate.

Each event has a weight in Hz: the filled-crossing rate over the number of minimum-bias crossings,
or luminosity times cross section over the number of simulated events of its process. The trigger
rate is the sum over the accepted; its statistical uncertainty the square root of the sum of their
squared weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError
from aetrig.physics.rate import MIN_ACCEPTED

ZERO = -math.log(0.15866)  # events: a mean that gives none in 15.87 % of the cases
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RatePoint:
    """The trigger rate in Hz of what lies above a threshold.

    ``error``: statistical, of the rate, in Hz; where nothing is accepted, the rate of 1.84 events,
    Poisson's upper limit at 84 %. ``accepted``: simulated events above it.
    """

    rate: float
    error: float
    accepted: int


def rate_above(scores: Integers | Floats, weight_hz: Floats, threshold: float) -> RatePoint:
    """Return the rate of events whose score is greater than a threshold."""
    weight = weight_hz[scores > threshold]
    error = math.sqrt(float((weight**2).sum())) if weight.size else ZERO * float(weight_hz.max())
    return RatePoint(float(weight.sum()), error, weight.size)


def threshold_at_rate(scores: Integers, weight_hz: Floats, rate: float) -> tuple[int, RatePoint]:
    """Return the lowest threshold whose rate is at most ``rate`` in Hz, and that rate.

    Equal scores are accepted or rejected together. Raises UserError where the rate is more than
    that of all events, or so small that fewer than `MIN_ACCEPTED` effective events would remain:
    it says how many events that would take.
    """
    total = float(weight_hz.sum())
    if rate >= total:
        raise UserError(
            f"a rate of {hertz(rate)} is not below that of all events, {hertz(total)}; "
            "ask for a smaller one"
        )
    order = np.argsort(-scores, kind="stable")
    sums = np.cumsum(weight_hz[order])
    threshold = int(scores[order[np.argmax(sums > rate)]])
    squares = np.cumsum(weight_hz[order] ** 2)
    reached = int(np.searchsorted(sums, rate, side="right"))
    effective = sums[reached - 1] ** 2 / squares[reached - 1] if reached else 0.0
    if effective < MIN_ACCEPTED - 1e-9:
        raise _out_of_reach(weight_hz[order], rate, scores.size)
    return threshold, rate_above(scores, weight_hz, threshold)


def _out_of_reach(falling: Floats, rate: float, events: int) -> UserError:
    """Say what the sample supports, from its own tail: weights by falling score."""
    sums, squares = np.cumsum(falling), np.cumsum(falling**2)
    supported = sums[np.argmax(sums**2 / squares >= MIN_ACCEPTED)]
    # where the sample grows, the weight of each event falls as one over its size
    needed = math.ceil(events * supported / rate)
    return UserError(
        f"a rate of {hertz(rate)} is below this sample's reach: {MIN_ACCEPTED} accepted events are "
        f"the least for a rate (an uncertainty of {1 / math.sqrt(MIN_ACCEPTED):.0%}), which "
        f"{events:,} events give at {hertz(supported)}; it takes about {needed:,} events"
    )


def hertz(rate: float) -> str:
    """Return a rate with its unit: 950 Hz, 28.6 kHz, 30 MHz."""
    for unit, size in (("MHz", 1e6), ("kHz", 1e3)):
        if rate >= size:
            return f"{rate / size:.4g} {unit}"
    return f"{rate:.4g} Hz"
