"""Lists of objects as the trigger's finder would give them: nothing between, hardest first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aetrig.stability.layout import Integers, ObjectList

Marks = npt.NDArray[np.bool_]


def taken(x: Integers, objects: ObjectList) -> Integers:
    """Return the objects of each event, shape (events, objects, parts)."""
    return x[:, objects.columns]


def put(x: Integers, objects: ObjectList, block: Integers) -> None:
    """Write what `taken` returned, changed."""
    x[:, objects.columns] = block


def present(block: Integers, objects: ObjectList) -> Marks:
    """Mark the objects that are there, shape (events, objects)."""
    return np.asarray(block[:, :, objects.mark] != 0)


def removed(block: Integers, objects: ObjectList, gone: Marks) -> Integers:
    """Return the lists without the objects ``gone``; later ones move up, padding follows."""
    kept = present(block, objects) & ~gone
    order = np.argsort(~kept, axis=1, kind="stable")
    cleared = np.where(kept[:, :, None], block, 0)
    return np.take_along_axis(cleared, order[:, :, None], axis=1)


def inserted(block: Integers, objects: ObjectList, others: Integers) -> Integers:
    """Return the lists with ``others`` among them, hardest first, cut at their length.

    Of equal ones those that were there come first; an object of ``others`` with mark zero is none.
    """
    joined = ordered(np.concatenate((block, others), axis=1), objects)
    return joined[:, : block.shape[1]]


def ordered(block: Integers, objects: ObjectList) -> Integers:
    """Return the lists by falling mark, the order of equal ones kept; absent ones are zero."""
    marks = block[:, :, objects.mark]
    order = np.argsort(-marks, axis=1, kind="stable")
    cleared = np.where((marks != 0)[:, :, None], block, 0)
    return np.take_along_axis(cleared, order[:, :, None], axis=1)
