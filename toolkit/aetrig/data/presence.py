"""Which feature's zero says that an object is not there, for objects that rows may lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from aetrig.config.sources import Column
from aetrig.errors import UserError

MOST_LOST = 0.01  # share of the objects that are there
# the last object of each collection that a feature is made of: with it, those before it are there
Objects = tuple[tuple[str, int], ...]


def objects_of(names: Iterable[str], objects: Mapping[str, tuple[str, int]]) -> Objects:
    """Return the objects that a feature made of the named columns needs; none for complete rows."""
    last: dict[str, int] = {}
    for name in names:
        if name in objects:
            collection, index = objects[name]
            last[collection] = max(index, last.get(collection, 0))
    return tuple(sorted(last.items()))


def markers(columns: Sequence[Column], objects: Sequence[Objects]) -> tuple[int | None, ...]:
    """Return for each feature the one whose zero marks its objects as padding, or None.

    That is the first unsigned feature of the same objects, as a transverse momentum is: a signed
    one may well be zero where the object is there.
    """
    first: dict[Objects, int] = {}
    for index, column in enumerate(columns):
        if objects[index] and not column.signed:
            first.setdefault(objects[index], index)
    return tuple(first.get(wanted) for wanted in objects)


def pad(
    x: npt.NDArray[np.int32],
    present: npt.NDArray[np.bool_],
    marks: Sequence[int | None],
    columns: Sequence[Column],
    where: str,
) -> list[str]:
    """Zero every feature whose mark is zero, in place, and return what a person should read.

    ``x``, ``present``: shape (rows, features). An object whose mark rounds to zero is padding from
    here on. Raises UserError where that is more than 1 percent of them, or where features of one
    collection are not there together.
    """
    notes = []
    for index, mark in enumerate(marks):
        if mark is None:
            continue
        name = columns[mark].name
        if not np.array_equal(present[:, index], present[:, mark]):
            raise UserError(
                f"{where}: columns '{name}' and '{columns[index].name}' are of one collection by "
                "their branches' names, but not of as many objects"
            )
        absent = x[:, mark] == 0
        lost = int((absent & present[:, mark]).sum()) if index == mark else 0
        if lost:
            text = (
                f"column '{name}', whose zero marks an absent object, is zero on the grid for "
                f"{lost} of {int(present[:, mark].sum())} objects that are there"
            )
            if lost > MOST_LOST * present[:, mark].sum():
                raise UserError(
                    f"{where}: {text}; let another unsigned column of this object, as its pT, come "
                    "first"
                )
            notes.append(f"{text}: they are taken for absent")
        x[absent, index] = 0
    return notes


def unmarked(
    columns: Sequence[Column],
    present: npt.NDArray[np.bool_],
    objects: Sequence[Objects],
    marks: Sequence[int | None],
) -> list[str]:
    """Name every feature whose zeros of absent objects are taken for values."""
    return [
        f"column '{column.name}': nothing marks an absent "
        f"{' or '.join(f'{collection}[{index}]' for collection, index in wanted)}, so that its "
        "zeros are taken for values; an unsigned column of it, as its pT, would"
        for column, there, wanted, mark in zip(columns, present.T, objects, marks, strict=True)
        if mark is None and not there.all()
    ]
