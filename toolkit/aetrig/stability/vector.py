"""Transverse vectors of objects, and missing energy that moves by them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aetrig.stability.layout import Integers, Layout, ObjectList

Reals = npt.NDArray[np.float64]


def total(layout: Layout, objects: ObjectList, block: Integers, reach: float | None) -> Reals:
    """Return the vector sum of objects in the energies' unit, shape (events, 2).

    ``block``: (events, objects, parts); absent objects are zero. ``reach``: the largest
    pseudorapidity that counts.
    """
    parts = objects.columns[0]
    if objects.phi is None:
        return np.zeros((len(block), 2))
    pt = block[:, :, objects.mark] * layout.features[parts[objects.mark]].grid.step
    if reach is not None and objects.eta is not None:
        eta = block[:, :, objects.eta] * layout.features[parts[objects.eta]].grid.step
        pt = np.where(abs(eta) < reach, pt, 0.0)
    phi = block[:, :, objects.phi] * layout.features[parts[objects.phi]].grid.step
    return np.stack([(pt * np.cos(phi)).sum(axis=1), (pt * np.sin(phi)).sum(axis=1)], axis=1)


def missing(layout: Layout, x: Integers) -> Reals:
    """Return the missing energy of each event as a vector, shape (events, 2)."""
    if layout.missing is None:
        return np.zeros((len(x), 2))
    features = layout.features
    pt = x[:, layout.missing.pt] * features[layout.missing.pt].grid.step
    phi = x[:, layout.missing.phi] * features[layout.missing.phi].grid.step
    return np.stack([pt * np.cos(phi), pt * np.sin(phi)], axis=1)


def move_missing(layout: Layout, x: Integers, by: Reals) -> None:
    """Add a vector to the missing energy of each event, in place; a vector of zero changes none.

    Rounded to the nearest step, saturated at the top.
    """
    if layout.missing is None:
        return
    rows = np.flatnonzero(by.any(axis=1))
    found = missing(layout, x[rows]) + by[rows]
    size, angle = (layout.features[i].grid for i in (layout.missing.pt, layout.missing.phi))
    pt = np.rint(np.hypot(found[:, 0], found[:, 1]) / size.step)
    phi = np.rint(np.arctan2(found[:, 1], found[:, 0]) / angle.step).astype(np.int64)
    x[rows, layout.missing.pt] = np.minimum(pt, size.high)
    x[rows, layout.missing.phi] = wrapped(phi, layout.period(layout.missing.phi), angle.low)
    # missing energy of zero has no direction
    x[rows[pt == 0], layout.missing.phi] = 0


def wrapped(phi: npt.NDArray[np.int64], period: int | None, low: int) -> npt.NDArray[np.int64]:
    """Return angles within one turn: from -half a turn, or from 0 where the grid is unsigned."""
    if period is None:
        return phi
    first = -(period // 2) if low < 0 else 0
    return (phi - first) % period + first
