"""The anomaly score: how far what came out is from what it should be.

mse        mean squared difference of input and reconstruction
mae        mean absolute difference of input and reconstruction
latent     sum of squared latent means (of a variational encoder; arXiv:2411.19506)
embedding  mean squared difference of the latent numbers and their reconstruction by a second
           autoencoder
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
ScoreKind = Literal["mse", "mae", "latent", "embedding"]
INT64_LIMIT = 1 << 63


def divisor(kind: ScoreKind, width: int) -> int:
    """Return what the sum over ``width`` elements is divided by: their number, or 1 for a sum."""
    return 1 if kind == "latent" else width


def score_floats(kind: ScoreKind, reference: Floats | None, output: Floats) -> Floats:
    """Return the score of each event from numbers of shape (events, width).

    ``reference``: None where the output is compared with zero, as for ``latent``.
    """
    difference = output.astype(np.float64)
    if reference is not None:
        difference = difference - reference.astype(np.float64)
    terms = abs(difference) if kind == "mae" else difference**2
    return np.asarray(terms.sum(axis=1) / divisor(kind, terms.shape[1]), dtype=np.float64)


def score_integers(
    kind: ScoreKind,
    reference: Integers | None,
    output: Integers,
    reference_exponent: int,
    output_exponent: int,
) -> Floats:
    """Return the score of each event from the network's integers, shape (events,).

    ``reference``, ``output``: integers q of shape (events, width) that stand for q * 2**exponent;
    a reference of None is zero, and its exponent is not used. The sum is exact; its division is
    the only rounding (a sum above 2**53 is first rounded to float64).
    """
    exponent, difference = output_exponent, output.astype(np.int64)
    if reference is not None:
        exponent = min(reference_exponent, output_exponent)
        shifted = reference.astype(np.int64) << (reference_exponent - exponent)
        difference = (difference << (output_exponent - exponent)) - shifted
    if kind != "mae":
        if int(abs(difference).max(initial=0)) ** 2 * difference.shape[1] >= INT64_LIMIT:
            difference = difference.astype(object)
        difference, exponent = difference * difference, 2 * exponent
    total = abs(difference).sum(axis=1).astype(np.float64)
    found = np.ldexp(total, exponent) / divisor(kind, difference.shape[1])
    return np.asarray(found, dtype=np.float64)
