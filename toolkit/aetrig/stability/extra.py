"""Objects that do not belong: a hot tower's, soft jets, another crossing's."""

from __future__ import annotations

import math

import numpy as np

from aetrig.stability.condition import Change, Condition, Found, LeftOut, Scene
from aetrig.stability.layout import Integers, Layout, ObjectList
from aetrig.stability.lists import inserted, put, taken
from aetrig.stability.vector import missing, move_missing, total

UNORDERED = "no list of objects that stand by falling pT, so that others could come between"


def hot(scene: Scene) -> Found:
    """Yield a fake object at one place, in each list, with each probability."""
    lists = [objects for objects in _insertable(scene.layout) if objects.placed]
    if not lists:
        yield LeftOut("hot", "no ordered list of objects with pT, eta and phi")
    for objects in lists:
        fake = fake_object(scene, objects)
        for chance in scene.options.hot_probabilities:
            name = f"hot tower, a fake {objects.name} in {chance:g} of the events"
            yield Condition("hot", name, _fakes(scene, objects, fake, chance), None, chance)


def fake_object(scene: Scene, objects: ObjectList) -> Integers:
    """Return a hot tower's object on its grid, shape (parts,)."""
    found = np.zeros(objects.columns.shape[1], dtype=np.int32)
    options = scene.options
    values = ((objects.mark, options.hot_energy), (objects.eta, options.hot_eta))
    for part, value in (*values, (objects.phi, options.hot_phi)):
        if part is not None:
            grid = scene.layout.features[objects.columns[0, part]].grid
            found[part] = np.clip(np.rint(value / grid.step), grid.low, grid.high)
    return found


def _fakes(scene: Scene, objects: ObjectList, fake: Integers, chance: float) -> Change:
    def change(x: Integers, generator: np.random.Generator) -> None:
        rows = np.flatnonzero(generator.random(len(x)) < chance)
        add(scene, x, objects, rows, np.broadcast_to(fake, (len(rows), 1, len(fake))))

    return change


def add(
    scene: Scene,
    x: Integers,
    objects: ObjectList,
    rows: np.ndarray,
    others: Integers,
    *,
    moves: bool = True,
) -> None:
    """Insert ``others``, (rows, objects, parts), into a list of some events; missing energy moves.

    Not where ``moves`` is false, nor by lists whose objects are in another one too.
    """
    block = taken(x[rows], objects)
    changed = x[rows]
    put(changed, objects, inserted(block, objects, others))
    if moves and objects.name not in scene.options.in_other_lists:
        seen = total(scene.layout, objects, others, scene.options.met_eta)
        move_missing(scene.layout, changed, -seen)
    x[rows] = changed


def jets(scene: Scene) -> Found:
    """Yield soft jets, drawn from the sample's own, in every event."""
    lists = _insertable(scene.layout)
    if not lists or not len(scene.soft):
        yield LeftOut("jets", UNORDERED)
        return
    longest = longest_list(lists)
    for mean in scene.options.extra_jets:
        name = f"{mean:g} more soft {longest.name} an event"
        yield Condition("jets", name, _soft(scene, longest, mean), None, mean)


def longest_list(lists: list[ObjectList]) -> ObjectList:
    """Return the list with the most places, which is that of the jets."""
    return max(lists, key=lambda objects: len(objects.columns))


def _soft(scene: Scene, objects: ObjectList, mean: float) -> Change:
    def change(x: Integers, generator: np.random.Generator) -> None:
        places = len(objects.columns)
        count = np.minimum(generator.poisson(mean, len(x)), places)
        drawn = scene.soft[generator.integers(len(scene.soft), size=(len(x), places))]
        there = np.arange(places) < count[:, None]
        rows = np.flatnonzero(count)
        add(scene, x, objects, rows, np.where(there[:, :, None], drawn, 0)[rows])

    return change


def pile_up(scene: Scene) -> Found:
    """Yield a share of another crossing's objects over each event."""
    lists = _insertable(scene.layout)
    if not lists:
        yield LeftOut("pile-up", UNORDERED)
    elif not len(scene.crossings):
        yield LeftOut("pile-up", "the data have no minimum-bias crossings to lay over events")
    else:
        for share in scene.options.pile_up:
            name = f"{share:.0%} more interactions"
            yield Condition("pile-up", name, _overlay(scene, lists, share), None, share)


def _overlay(scene: Scene, lists: list[ObjectList], share: float) -> Change:
    """Lay over each event another crossing's objects, each kept with probability ``share``.

    Its missing energy, a random walk over interactions, is added times the root of that share.
    """

    def change(x: Integers, generator: np.random.Generator) -> None:
        crossings = scene.crossings
        place = generator.integers(len(crossings), size=len(x))
        same = (crossings[place] == x).all(axis=1)
        other = crossings[np.where(same, (place + 1) % len(crossings), place)]
        for objects in lists:
            block = taken(other, objects)
            kept = generator.random(block.shape[:2]) < share
            rows = np.flatnonzero((kept & (block[:, :, objects.mark] != 0)).any(axis=1))
            thinned = np.where(kept[:, :, None], block, 0)[rows]
            add(scene, x, objects, rows, thinned, moves=False)
        move_missing(scene.layout, x, math.sqrt(share) * missing(scene.layout, other))

    return change


def _insertable(layout: Layout) -> list[ObjectList]:
    return [o for o in layout.lists if o.ordered and o.mark in o.energies]
