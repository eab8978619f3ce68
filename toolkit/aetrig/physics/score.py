"""The anomaly score: the mean squared difference between what went in and what came out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
INT64_LIMIT = 1 << 63


def score_integers(
    quantized_input: Integers, output: Integers, input_exponent: int, output_exponent: int
) -> Floats:
    """Return the score of each event from the network's integers, shape (events,).

    ``quantized_input``, ``output``: integers q of shape (events, features) that stand for
    q * 2**exponent. The sum of squares is exact; its division by the number of features is the
    only rounding (a sum above 2**53 is first rounded to float64).
    """
    exponent = min(input_exponent, output_exponent)
    difference = (quantized_input.astype(np.int64) << (input_exponent - exponent)) - (
        output.astype(np.int64) << (output_exponent - exponent)
    )
    largest = int(abs(difference).max(initial=0))
    if largest**2 * difference.shape[1] >= INT64_LIMIT:
        difference = difference.astype(object)
    total = (difference * difference).sum(axis=1).astype(np.float64)
    return np.asarray(np.ldexp(total, 2 * exponent) / difference.shape[1], dtype=np.float64)


def score_floats(normalized_input: Floats, output: Floats) -> Floats:
    """Return the score of each event from numbers of shape (events, features)."""
    difference = normalized_input.astype(np.float64) - output.astype(np.float64)
    return np.asarray((difference**2).mean(axis=1), dtype=np.float64)
