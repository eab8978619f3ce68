"""The error that is allowed, and the corrections that keep decoded values within it.

A correction is an integer q. Absolute: value = decoded + q * 1.9 * bound; relative:
value = decoded * exp(q * 1.9 * bound). What no correction brings within the bound is kept exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError, did_you_mean

Floats = npt.NDArray[np.float64]
STEP = 1.9  # of the bound: half of it lies within, with room for rounding
SLACK = 1 - 1e-9  # a reader's exp may differ from the writer's in its last bits
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Bound:
    """Largest error of a column. ``relative``: to the magnitude of the value."""

    size: float
    relative: bool

    def holds(self, values: Floats, decoded: Floats) -> npt.NDArray[np.bool_]:
        """Say where a decoded value is within the bound; NaN and infinity never are."""
        with np.errstate(all="ignore"):  # infinite is larger, too
            allowed = self.size * (np.abs(values) if self.relative else 1.0)
            return np.isfinite(values) & (np.abs(values - decoded) <= allowed * SLACK)

    def corrections(self, values: Floats, decoded: Floats) -> npt.NDArray[np.int64]:
        """Return q for each value; 0 where it is within the bound, or where none helps."""
        with np.errstate(all="ignore"):
            if self.relative:
                steps = np.log(values / decoded) / (STEP * self.size)
            else:
                steps = (values - decoded) / (STEP * self.size)
        usable = np.isfinite(steps) & (np.abs(steps) < LARGEST) & ~self.holds(values, decoded)
        return np.where(usable, np.rint(np.where(usable, steps, 0)), 0).astype(np.int64)

    def corrected(self, decoded: Floats, q: npt.NDArray[np.int64]) -> Floats:
        """Return decoded values with their corrections."""
        with np.errstate(all="ignore"):
            if self.relative:
                found = np.where(q == 0, decoded, decoded * np.exp(q * (STEP * self.size)))
            else:
                found = decoded + q * (STEP * self.size)
        return np.asarray(found, dtype=np.float64)


def by_column(texts: Sequence[str], names: Sequence[str]) -> dict[str, Bound]:
    """Return the bounds of columns from 0.5 or 1% (for all of them) and pt=0.5 (for one).

    Raises UserError for what is neither, and for a column that there is not.
    """
    found: dict[str, Bound] = {}
    keys = [text.rpartition("=")[0] for text in texts]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"--max-error is given twice for {key or 'every column'}")
    for text in sorted(texts, key=lambda item: "=" in item):
        name, equals, size = text.rpartition("=")
        if equals and name not in names:
            raise UserError(
                f"--max-error {text}: no column '{name}'; there are {', '.join(names)}"
                f"{did_you_mean(name, names)}"
            )
        found |= dict.fromkeys([name] if equals else names, _parse(size, f"--max-error {text}"))
    return found


def _parse(text: str, where: str) -> Bound:
    """Return a bound from 0.5 (absolute, in the column's unit) or 1% (relative)."""
    relative = text.strip().endswith("%")
    try:
        size = float(text.strip().removesuffix("%")) / (100 if relative else 1)
    except ValueError:
        size = 0.0
    if not 0 < size < np.inf or (relative and size >= 1):
        raise UserError(
            f"{where}: expected an absolute error above 0, as 0.5, or a relative one below 100%, "
            "as 1%"
        )
    return Bound(size, relative)
