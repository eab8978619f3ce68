"""A layer's sums in gates: alkaid's shared adders, kept away from what they cannot take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from alkaid.trace import FVArray
from alkaid.trace.fixed_variable import FVariable

from aetrig.rtl.variable import HARDWARE, plus

Floats = npt.NDArray[np.float64]


def product(values: list[Any], weight: Floats, bias: Floats, options: dict[str, Any]) -> list[Any]:
    """Return values @ weight + bias, exact.

    ``weight``: (inputs, outputs). alkaid 0.8.2 fails where all sums are constant, so constant
    inputs go into the bias, and neurons without inputs are constants.
    """
    constant = np.array([value.low == value.high for value in values])
    fixed = np.array([value.low if value.low == value.high else 0.0 for value in values])
    bias = bias + fixed @ weight
    weight = np.where(constant[:, None], 0.0, weight)
    rows, columns = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
    sums: list[Any] = [FVariable.from_const(float(b), HARDWARE) for b in bias]
    if rows.size:
        inputs = FVArray(np.array([values[row] for row in rows]), options, hwconf=HARDWARE)
        found = np.asarray(inputs @ np.ascontiguousarray(weight[np.ix_(rows, columns)]))
        for column, total in zip(columns, found, strict=True):
            sums[column] = plus(total, float(bias[column]))
    return sums
