"""How closely inputs are reconstructed, feature by feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LOW, HIGH = 0.158655, 0.841345  # a Gaussian's mean minus and plus one standard deviation


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Residuals:
    """Reconstructed minus input for one feature, in the unit of the values given.

    ``sigma68``: half the width of the central 68.27 %; ``std``: standard deviation.
    """

    feature: str
    mean: Estimate
    sigma68: Estimate
    std: Estimate


def residuals(feature: str, difference: Floats) -> Residuals:
    """Summarize the differences of one feature, shape (events,), at least one event."""
    count = difference.size
    mean, std = float(difference.mean()), float(difference.std())
    return Residuals(
        feature,
        Estimate(mean, std / float(np.sqrt(count))),
        _sigma68(difference),
        Estimate(std, _std_error(difference, mean, std)),
    )


def _sigma68(difference: Floats) -> Estimate:
    """Return half the central interval; errors from order statistics, correlated quantiles."""
    shares = np.array([LOW, HIGH])
    step = np.sqrt(shares * (1 - shares) / difference.size)
    values = np.quantile(difference, shares)
    upper = np.quantile(difference, np.minimum(shares + step, 1))
    lower = np.quantile(difference, np.maximum(shares - step, 0))
    first, second = (upper - lower) / 2
    correlation = np.sqrt(LOW * (1 - HIGH) / (HIGH * (1 - LOW)))
    variance = (first**2 + second**2 - 2 * correlation * first * second) / 4
    return Estimate(float(values[1] - values[0]) / 2, float(np.sqrt(max(variance, 0.0))))


def _std_error(difference: Floats, mean: float, std: float) -> float:
    """Return sqrt((m4 - std**4) / (4 std**2 n)), the error of a standard deviation."""
    if std == 0:
        return 0.0
    fourth = float(((difference - mean) ** 4).mean())
    return float(np.sqrt(max(fourth - std**4, 0.0) / (4 * std**2 * difference.size)))
