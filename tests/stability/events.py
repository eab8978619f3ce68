"""Hand-made inputs: missing energy, two electrons, three jets, on the grid of the embedded sample."""

from __future__ import annotations

import math

import numpy as np

from aetrig.config.stability import Stability
from aetrig.data.dataset import Feature, Grid
from aetrig.stability.condition import Condition, LeftOut, Scene
from aetrig.stability.layout import Integers, Layout, layout

PHI = 2 * math.pi / 144
OBJECTS = (("met", 12), ("e1", 9), ("e2", 9), ("j1", 11), ("j2", 11), ("j3", 11))
E1, J1 = 3, 9
QUARTER = 36  # steps of a right angle


def features() -> tuple[Feature, ...]:
    found: list[Feature] = []
    for number, (name, bits) in enumerate(OBJECTS):
        presence = None if name == "met" else 3 * number
        found += [
            Feature(f"{name}_pt", Grid(0.5, bits, signed=False, unit="GeV"), presence),
            Feature(f"{name}_eta", Grid(0.0435, 8, signed=True, unit="1"), presence),
            Feature(f"{name}_phi", Grid(PHI, 8, signed=True, unit="rad"), presence),
        ]
    return tuple(found)


def event(
    met: tuple[int, int] = (0, 0),
    electrons: tuple[tuple[int, int, int], ...] = (),
    jets: tuple[tuple[int, int, int], ...] = (),
) -> Integers:
    """Return one row: (pt, phi) of missing energy, (pt, eta, phi) of objects."""
    row = [met[0], 0, met[1]]
    for objects, places in ((electrons, 2), (jets, 3)):
        for place in range(places):
            row += list(objects[place]) if place < len(objects) else [0, 0, 0]
    return np.array([row], dtype=np.int32)


def drawn(events: int, seed: int = 3) -> Integers:
    """Return random events with ordered lists."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(events):
        lists = []
        for places, top in ((2, 511), (3, 2047)):
            count = int(generator.integers(0, places + 1))
            pts = sorted((int(pt) for pt in generator.integers(1, top + 1, count)), reverse=True)
            angles = generator.integers((-110, -72), (111, 72), (count, 2))
            lists.append(
                tuple((pt, int(eta), int(phi)) for pt, (eta, phi) in zip(pts, angles, strict=True))
            )
        met = (int(generator.integers(0, 400)), int(generator.integers(-72, 72)))
        rows.append(event(met, *lists))
    return np.concatenate(rows)


def meaning(x: Integers) -> Layout:
    return layout(features(), x, None)


def scene(x: Integers, **options: object) -> Scene:
    from aetrig.stability.plan import scene as make

    return make(meaning(x), Stability(**options), x, x)  # type: ignore[arg-type]


def named(found: object, name: str) -> Condition:
    """Return the condition of that name."""
    items = [item for item in found if isinstance(item, Condition)]  # type: ignore[attr-defined]
    return next(item for item in items if item.name == name)


def reasons(found: object) -> list[str]:
    return [item.reason for item in found if isinstance(item, LeftOut)]  # type: ignore[attr-defined]
