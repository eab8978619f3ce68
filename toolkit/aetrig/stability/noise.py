"""Noise: integers that are off by a few steps, either way."""

from __future__ import annotations

import numpy as np

from aetrig.stability.condition import Change, Condition, Found, Scene
from aetrig.stability.layout import Integers, Layout
from aetrig.stability.lists import ordered, put, taken
from aetrig.stability.vector import wrapped


def conditions(scene: Scene) -> Found:
    """Yield noise on the energies, and on every input."""
    layout = scene.layout
    # an input that is always the same is tied to it, and has no noise
    moving = tuple(i for i in range(len(layout.features)) if i not in layout.still)
    energies = tuple(i for i in layout.energies if i in moving)
    kinds = {"energies": energies, "all inputs": moving}
    for name, features in kinds.items():
        for steps in scene.options.noise_steps if features else ():
            text = f"{name} ±{steps} step{'s' if steps > 1 else ''}"
            yield Condition("noise", text, _change(layout, features, steps), None, steps)


def _change(layout: Layout, features: tuple[int, ...], steps: int) -> Change:
    """Move every present number by a uniform integer; an object that is there stays there."""
    marks = {int(i) for objects in layout.lists for i in objects.columns[:, objects.mark]}

    def change(x: Integers, generator: np.random.Generator) -> None:
        there = layout.present(x)
        for feature in features:
            grid = layout.features[feature].grid
            off = generator.integers(-steps, steps, size=len(x), endpoint=True)
            moved = x[:, feature] + off
            turned = wrapped(moved, layout.period(feature), grid.low)
            inside = np.clip(turned, 1 if feature in marks else grid.low, grid.high)
            x[:, feature] = np.where(there[:, feature], inside, x[:, feature])
        for objects in layout.lists:
            if objects.ordered:
                put(x, objects, ordered(taken(x, objects), objects))

    return change
