"""Comparing two stages in integers: where they differ first, down to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aetrig.errors import AetrigError
from aetrig.program.model import Integers


@dataclass(frozen=True)
class Difference:
    """The first operation whose integers differ, and its first differing value.

    ``bit``: the lowest differing bit of that value in two's complement, 0 being the last.
    ``count``: differing values of this operation, out of ``values``.
    """

    op: str
    sample: int
    element: int
    reference: int
    other: int
    bit: int
    count: int
    values: int

    def __str__(self) -> str:
        """Return the finding as one line."""
        return (
            f"first difference in '{self.op}', sample {self.sample}, element {self.element}, "
            f"bit {self.bit}: {self.reference} against {self.other} "
            f"({self.count:,} of {self.values:,} values differ)"
        )


def differing_bit(left: int, right: int) -> int:
    """Return the lowest bit in which two different integers differ, in two's complement."""
    changed = left ^ right
    return (changed & -changed).bit_length() - 1


def first_difference(
    reference: Mapping[str, Integers], other: Mapping[str, Integers]
) -> Difference | None:
    """Compare the operations that both know, in the reference's order.

    Values are int64 arrays of shape (events, width) by operation name. Returns None where all
    agree. Raises AetrigError where nothing can be compared: silence would look like agreement.
    """
    common = [name for name in reference if name in other]
    if not common:
        raise AetrigError(f"no operation in common: {list(reference)} and {list(other)}")
    for name in common:
        found = _difference(name, reference[name], other[name])
        if found is not None:
            return found
    return None


def _difference(name: str, reference: Integers, other: Integers) -> Difference | None:
    if reference.shape != other.shape:
        raise AetrigError(f"'{name}' has shapes {reference.shape} and {other.shape}")
    rows, columns = np.nonzero(reference != other)
    if not rows.size:
        return None
    sample, element = int(rows[0]), int(columns[0])
    left, right = int(reference[sample, element]), int(other[sample, element])
    bit = differing_bit(left, right)
    return Difference(name, sample, element, left, right, bit, int(rows.size), int(reference.size))
