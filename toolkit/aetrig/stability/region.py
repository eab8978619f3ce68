"""Dead detector regions: sectors in phi, bands in eta, and the cells where they cross."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aetrig.config.stability import Group
from aetrig.stability.condition import Change, Condition, Found, LeftOut, Scene
from aetrig.stability.layout import Integers, Layout, ObjectList
from aetrig.stability.lists import Marks, present, put, removed, taken
from aetrig.stability.vector import move_missing, total

GROUP: Group = "region"
TURN = 2 * math.pi


@dataclass(frozen=True)
class Region:
    """Directions with eta and phi from the first to below the second; phi from -pi to pi."""

    name: str
    family: str
    eta: tuple[float, float] = (-math.inf, math.inf)
    phi: tuple[float, float] = (-math.pi, math.pi)


def conditions(scene: Scene) -> Found:
    """Yield a condition a region."""
    lists = [objects for objects in scene.layout.lists if objects.placed]
    if not lists:
        yield LeftOut(GROUP, "no list of objects with pT, eta and phi")
        return
    for region in regions(scene.options.phi_sectors, scene.options.eta_edges):
        change = _change(scene, lists, region)
        yield Condition(GROUP, f"dead {region.name}", change, region.family)


def regions(sectors: int, edges: tuple[float, ...]) -> Iterator[Region]:
    """Yield sectors of equal size, bands between the edges, and their cells."""
    width = TURN / max(sectors, 1)
    arcs = [(-math.pi + i * width, -math.pi + (i + 1) * width) for i in range(sectors)]
    bands = list(pairwise(edges))
    for i, phi in enumerate(arcs):
        yield Region(f"phi sector {i + 1}", f"one of {sectors} phi sectors", phi=phi)
    for eta in bands:
        yield Region(f"eta {_span(eta)}", f"one of {len(bands)} eta bands", eta=eta)
    for i, phi in enumerate(arcs):
        for eta in bands:
            yield Region(
                f"cell of phi sector {i + 1}, eta {_span(eta)}",
                f"one of {len(arcs) * len(bands)} cells",
                eta,
                phi,
            )


def _span(eta: tuple[float, float]) -> str:
    return f"{eta[0]:g} to {eta[1]:g}"


def _change(scene: Scene, lists: list[ObjectList], region: Region) -> Change:
    def change(x: Integers, _: np.random.Generator) -> None:
        lost = np.zeros((len(x), 2))
        for objects in lists:
            block = taken(x, objects)
            gone = inside(scene.layout, objects, block, region)
            if objects.name not in scene.options.in_other_lists:
                seen = np.where(gone[:, :, None], block, 0)
                lost += total(scene.layout, objects, seen, scene.options.met_eta)
            rows = np.flatnonzero(gone.any(axis=1))
            block[rows] = removed(block[rows], objects, gone[rows])
            put(x, objects, block)
        # missing energy is minus the sum of what is seen
        move_missing(scene.layout, x, lost)

    return change


def inside(layout: Layout, objects: ObjectList, block: Integers, region: Region) -> Marks:
    """Mark the objects in a region, shape (events, objects)."""
    if objects.eta is None or objects.phi is None:
        return np.zeros(block.shape[:2], dtype=np.bool_)
    parts = objects.columns[0]
    eta = block[:, :, objects.eta] * layout.features[parts[objects.eta]].grid.step
    phi = block[:, :, objects.phi] * layout.features[parts[objects.phi]].grid.step
    turned = (phi + math.pi) % TURN - math.pi
    within = (region.eta[0] <= eta) & (eta < region.eta[1])
    return np.asarray(
        within & (region.phi[0] <= turned) & (turned < region.phi[1]) & present(block, objects)
    )
