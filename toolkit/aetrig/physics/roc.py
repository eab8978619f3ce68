"""How well a score separates a signal from background, from exact rank statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Roc:
    """Accepted shares for ``score > threshold``, thresholds falling, from (0, 0) to (1, 1)."""

    threshold: Floats
    background: Floats
    signal: Floats


def _placements(scores: Floats, others: Floats, weight: Floats) -> Floats:
    """Return, for each score, the weighted share of ``others`` below it, equal ones half."""
    order = np.argsort(others, kind="stable")
    below = np.concatenate(([0.0], np.cumsum(weight[order])))
    ranked = others[order]
    left = below[np.searchsorted(ranked, scores, side="left")]
    right = below[np.searchsorted(ranked, scores, side="right")]
    return np.asarray((left + right) / (2 * below[-1]), dtype=np.float64)


def auc(
    background: Floats,
    signal: Floats,
    background_weight: Floats | None = None,
    signal_weight: Floats | None = None,
) -> Auc:
    """Return P(signal score > background score), ties counted half.

    Scores: shape (events,), finite; weights not negative, 1 by default. The value is the
    Mann-Whitney statistic; the error is that of DeLong, DeLong and Clarke-Pearson, Biometrics 44
    (1988) 837, with weighted moments.
    """
    weight_b = np.ones(background.shape) if background_weight is None else background_weight
    weight_s = np.ones(signal.shape) if signal_weight is None else signal_weight
    above = _placements(signal, background, weight_b)
    value = float(np.average(above, weights=weight_s))
    below = 1 - _placements(background, signal, weight_s)
    variance = _variance(above, weight_s, value) + _variance(below, weight_b, value)
    return Auc(value, float(np.sqrt(variance)))


def _variance(placements: Floats, weight: Floats, mean: float) -> float:
    """Return the variance of a weighted mean."""
    return float((weight**2 * (placements - mean) ** 2).sum() / weight.sum() ** 2)


def roc(
    background: Floats,
    signal: Floats,
    background_weight: Floats | None = None,
    signal_weight: Floats | None = None,
) -> Roc:
    """Return the ROC curve, a point for each distinct score."""
    weight_b = np.ones(background.shape) if background_weight is None else background_weight
    weight_s = np.ones(signal.shape) if signal_weight is None else signal_weight
    distinct = np.unique(np.concatenate((background, signal)))[::-1]
    thresholds = np.concatenate((distinct, [-np.inf]))
    return Roc(
        thresholds,
        _share_above(background, weight_b, thresholds),
        _share_above(signal, weight_s, thresholds),
    )


def _share_above(scores: Floats, weight: Floats, thresholds: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    above = np.concatenate(([0.0], np.cumsum(weight[order])))
    counts = np.searchsorted(-scores[order], -thresholds, side="left")
    return np.asarray(above[counts] / above[-1], dtype=np.float64)
