"""A cut in front of the network: soft objects are dropped before it sees them."""

from __future__ import annotations

from collections.abc import Mapping

from aetrig.errors import UserError, did_you_mean
from aetrig.stability.layout import Integers, Layout, ObjectList
from aetrig.stability.lists import put, removed, taken

Cuts = tuple[tuple[ObjectList, int], ...]  # a list, and the smallest mark that stays


def cuts(layout: Layout, wanted: Mapping[str, float]) -> Cuts:
    """Return the lists that are cut, with the cut in steps; raise UserError for an unknown list."""
    known = {objects.name: objects for objects in layout.lists if objects.mark in objects.energies}
    found = []
    for name, energy in wanted.items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise UserError(
                f"stability.drop_below: no list '{name}' of objects with an energy; there are "
                f"{there}{did_you_mean(name, known)}"
            )
        objects = known[name]
        step = layout.features[objects.columns[0, objects.mark]].grid.step
        found.append((objects, -int(-energy // step)))
    return tuple(found)


def cut(x: Integers, lists: Cuts) -> Integers:
    """Return events without the objects below the cut; the others move up."""
    if not lists:
        return x
    found = x.copy()
    for objects, least in lists:
        block = taken(found, objects)
        put(found, objects, removed(block, objects, block[:, :, objects.mark] < least))
    return found
