"""Two stages judged on the same events: equal decisions, equal ranks, fall of efficiency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.physics.rate import WorkingPoint, effective_events, share_above, thresholds_at

Floats = npt.NDArray[np.float64]
REPLICAS = 200
TAIL = 8  # tail events kept, in units of the accepted ones: no replica needs more


@dataclass(frozen=True)
class Pair:
    """Scores of the same events from two stages, with the events' weights; shape (events,)."""

    reference: Floats
    other: Floats
    weight: Floats


@dataclass(frozen=True)
class Fall:
    """Efficiency of the reference minus that of the other stage, and its standard error."""

    value: float
    error: float


def equal_decisions(pair: Pair, reference: WorkingPoint, other: WorkingPoint) -> float:
    """Return the unweighted share of events that both stages accept or both reject."""
    equal = (pair.reference > reference.threshold) == (pair.other > other.threshold)
    return float(equal.mean())


def spearman(pair: Pair) -> float:
    """Return the rank correlation of two scores, equal scores sharing their mean rank.

    1.0 where neither varies, 0.0 where only one does. Weights do not enter.
    """
    first, second = _ranks(pair.reference), _ranks(pair.other)
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first**2).sum() * (second**2).sum()))
    if norm == 0:
        return float(not first.any() and not second.any())
    return float(np.clip((first * second).sum() / norm, -1, 1))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def efficiency_fall(
    background: Pair, signal: Pair, reference: WorkingPoint, other: WorkingPoint
) -> Fall:
    """Return the fall of a signal's efficiency from the reference stage to the other.

    Both stages see the same events, so their uncertainties are correlated and do not simply add:
    the signal's part is the variance of the paired decisions (McNemar, Psychometrika 12 (1947)
    153), the background's part comes from thresholds of both stages in the same Poisson bootstrap
    replicas of the background. Thresholds from the configuration have no uncertainty.
    """
    accepted = (signal.reference > reference.threshold).astype(np.float64) - (
        signal.other > other.threshold
    )
    value = float(np.average(accepted, weights=signal.weight))
    variance = float(np.average((accepted - value) ** 2, weights=signal.weight))
    variance /= effective_events(signal.weight)
    if reference.target is not None and other.target is not None:
        variance += float(np.var(_replicas(background, signal, reference, other)))
    return Fall(value, float(np.sqrt(variance)))


def _replicas(
    background: Pair, signal: Pair, reference: WorkingPoint, other: WorkingPoint
) -> Floats:
    """Return the fall of efficiency in each replica of the background, shape (replicas,)."""
    total = float(background.weight.sum())
    size = min(background.weight.size, TAIL * max(10, reference.accepted, other.accepted))
    tail = np.union1d(_largest(background.reference, size), _largest(background.other, size))
    drawn = np.random.default_rng(0).poisson(1.0, (REPLICAS, tail.size)) * background.weight[tail]
    falls = np.zeros(REPLICAS)
    pairs = (
        (1, background.reference, signal.reference, reference),
        (-1, background.other, signal.other, other),
    )
    for sign, scores, signal_scores, point in pairs:
        order = np.argsort(-scores[tail], kind="stable")
        rate = point.target or 0.0
        thresholds = thresholds_at(scores[tail][order], drawn[:, order], rate, total)
        shares = [share_above(signal_scores, signal.weight, t) for t in thresholds]
        falls += sign * np.array(shares)
    return falls


def _largest(scores: Floats, count: int) -> npt.NDArray[np.int64]:
    return np.asarray(np.argsort(-scores, kind="stable")[:count], dtype=np.int64)
