"""Thresholds at a background rate, and signal efficiencies with their uncertainties.

An event is accepted where its score is above the threshold. Rates are weighted shares of the
background. A rate is supported by a sample where at least `MIN_ACCEPTED` background events
remain: ten, for which the relative statistical uncertainty of the rate is 1/sqrt(10) = 32 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError

Floats = npt.NDArray[np.float64]
MIN_ACCEPTED = 10


@dataclass(frozen=True)
class WorkingPoint:
    """A threshold and the background it lets through.

    ``requested``: rate asked for, None where the threshold itself was given; ``target``: the
    larger of it and the smallest rate that the sample supports; ``rate``: weighted share of the
    background above ``threshold``, never above ``target``; ``accepted``: events above it;
    ``relative_error``: statistical uncertainty of the rate over the rate, None for none accepted.
    """

    threshold: float
    requested: float | None
    target: float | None
    rate: float
    accepted: int
    relative_error: float | None


@dataclass(frozen=True)
class Efficiency:
    """Accepted share of a signal.

    ``low``, ``high``: the 68.27 % interval from the signal's own statistics (Wilson, J. Am. Stat.
    Assoc. 22 (1927) 209); ``from_threshold``: half the change of the efficiency between the
    thresholds of the background rate plus and minus its statistical uncertainty.
    """

    value: float
    low: float
    high: float
    from_threshold: float

    @property
    def error(self) -> float:
        """Both uncertainties in quadrature, the first as half of its interval."""
        return math.hypot((self.high - self.low) / 2, self.from_threshold)


def effective_events(weight: Floats) -> float:
    """Return (sum w)**2 / sum w**2: the unweighted events of equal statistical power."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def smallest_rate(weight: Floats) -> float:
    """Return the smallest rate that background events of these weights support."""
    events = effective_events(weight) if weight.any() else 0.0
    if events < 2 * MIN_ACCEPTED:
        raise UserError(
            f"{weight.size} background events (effectively {events:.0f}) are too few for a "
            f"working point; at least {2 * MIN_ACCEPTED} are needed: raise "
            "train.validation_fraction or verify.max_events, or give more data"
        )
    return MIN_ACCEPTED / events


def threshold_at(scores: Floats, rate: float, weight: Floats) -> float:
    """Return the lowest threshold, itself a background score, that accepts at most ``rate``.

    Equal scores are accepted or rejected together, so the accepted share can only fall short.
    """
    order = np.argsort(-scores, kind="stable")
    return float(thresholds_at(scores[order], weight[order][None], rate, None)[0])


def thresholds_at(falling: Floats, weights: Floats, rate: float, total: float | None) -> Floats:
    """Return the threshold for each row of weights (replicas, events); scores fall along events.

    ``total``: the weight of the whole background where ``falling`` is only its tail.
    """
    sums = np.cumsum(weights, axis=1)
    too_many = sums / (sums[:, -1:] if total is None else total) > rate
    first = np.where(too_many.any(axis=1), too_many.argmax(axis=1), falling.size - 1)
    return np.asarray(falling[first], dtype=np.float64)


def working_point(scores: Floats, weight: Floats, requested: float) -> WorkingPoint:
    """Return the threshold for a rate, or for the smallest that the sample supports."""
    target = max(requested, smallest_rate(weight))
    threshold = threshold_at(scores, target, weight)
    return _measured(scores, weight, threshold, requested, target)


def given_threshold(scores: Floats, weight: Floats, threshold: float) -> WorkingPoint:
    """Return what a threshold from the configuration lets through."""
    return _measured(scores, weight, threshold, None, None)


def _measured(
    scores: Floats,
    weight: Floats,
    threshold: float,
    requested: float | None,
    target: float | None,
) -> WorkingPoint:
    accepted = scores > threshold
    passed = weight[accepted]
    error = float(np.sqrt((passed**2).sum()) / passed.sum()) if passed.any() else None
    rate = float(passed.sum() / weight.sum())
    return WorkingPoint(threshold, requested, target, rate, int(accepted.sum()), error)


def share_above(scores: Floats, weight: Floats, threshold: float) -> float:
    """Return the weighted share of events above a threshold."""
    return float(weight[scores > threshold].sum() / weight.sum())


def efficiency(
    signal: Floats, signal_weight: Floats, point: WorkingPoint, background: Floats, weight: Floats
) -> Efficiency:
    """Return a signal's efficiency at a working point of the background's scores."""
    value = share_above(signal, signal_weight, point.threshold)
    low, high = wilson(value, effective_events(signal_weight))
    spread = 0.0
    if point.target is not None and point.relative_error is not None:
        rates = [point.target * (1 + sign * point.relative_error) for sign in (-1, 1)]
        lower, upper = (
            share_above(signal, signal_weight, threshold_at(background, rate, weight))
            for rate in rates
        )
        spread = abs(upper - lower) / 2
    return Efficiency(value, low, high, spread)


def wilson(share: float, events: float, sigmas: float = 1.0) -> tuple[float, float]:
    """Return Wilson's score interval of a binomial share for ``events`` trials."""
    z2 = sigmas**2 / events
    center = (share + z2 / 2) / (1 + z2)
    half = math.sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
    return max(0.0, center - half), min(1.0, center + half)
