"""Inputs that say nothing: saturated, lost, or with a bit that does not move."""

from __future__ import annotations

import numpy as np

from aetrig.data.dataset import Grid
from aetrig.stability.condition import Change, Condition, Found, LeftOut, Scene
from aetrig.stability.layout import Integers, Layout


def saturated(scene: Scene) -> Found:
    """Yield inputs at the top of their range: of the leading objects, of all, of each feature."""
    if not scene.options.saturated:
        return
    layout = scene.layout
    for objects in layout.lists:
        if objects.energies:
            leading = tuple(int(objects.columns[0, part]) for part in objects.energies)
            yield Condition(
                "saturated", f"leading {objects.name} at the top", _top(layout, leading)
            )
    if layout.missing is not None:
        change = _top(layout, (layout.missing.pt,))
        yield Condition("saturated", "missing energy at the top", change)
    if len(layout.energies) > 1:
        yield Condition("saturated", "all energies at the top", _top(layout, layout.energies))
    alone = layout.alone
    for feature in alone:
        name = f"{layout.features[feature].name} at the top"
        family = f"one of {len(alone)} inputs at the top"
        yield Condition("saturated", name, _top(layout, (feature,)), family)


def lost(scene: Scene) -> Found:
    """Yield lists, missing energy and single features that do not arrive: their wires are zero."""
    if not scene.options.lost:
        return
    layout, groups = scene.layout, {}
    for objects in layout.lists:
        groups[f"no {objects.name}"] = tuple(int(i) for i in objects.columns.flat)
    if layout.missing is not None:
        groups["no missing energy"] = (layout.missing.pt, layout.missing.phi)
    for name, features in groups.items():
        yield Condition("lost", name, _zero(layout, features))
    alone = layout.alone
    for feature in alone:
        name = f"{layout.features[feature].name} at zero"
        yield Condition(
            "lost", name, _zero(layout, (feature,)), f"one of {len(alone)} inputs at zero"
        )


def bits(scene: Scene, inputs: tuple[int, ...]) -> Found:
    """Yield each bit of each of the network's ``inputs``, at 0 and at 1: a fault of a link."""
    if not scene.options.stuck_bits:
        yield LeftOut("stuck", "switched off (stability.stuck_bits)")
        return
    for level in (0, 1):
        for feature in inputs:
            found = scene.layout.features[feature]
            for bit in range(found.grid.bits):
                yield Condition(
                    "stuck",
                    f"bit {bit} of {found.name} at {level}",
                    _stuck(feature, found.grid, bit, level),
                    f"one bit at {level}",
                )


def stuck_at(q: Integers, grid: Grid, bit: int, level: int) -> Integers:
    """Return integers whose wire ``bit`` is at ``level``; the last of a signed one is its sign."""
    mask = 1 << bit
    word = q.astype(np.int64) & ((1 << grid.bits) - 1)
    word = word | mask if level else word & ~mask
    if grid.signed:
        word = np.where(word > grid.high, word - (1 << grid.bits), word)
    return np.asarray(word, dtype=np.int32)


def _stuck(feature: int, grid: Grid, bit: int, level: int) -> Change:
    def change(x: Integers, _: np.random.Generator) -> None:
        x[:, feature] = stuck_at(x[:, feature], grid, bit, level)

    return change


def _top(layout: Layout, features: tuple[int, ...]) -> Change:
    def change(x: Integers, _: np.random.Generator) -> None:
        there = layout.present(x)
        for feature in features:
            top = layout.features[feature].grid.high
            x[:, feature] = np.where(there[:, feature], top, x[:, feature])

    return change


def _zero(layout: Layout, features: tuple[int, ...]) -> Change:
    def change(x: Integers, _: np.random.Generator) -> None:
        for feature in features:
            grid = layout.features[feature].grid
            x[:, feature] = np.clip(0, grid.low, grid.high)

    return change
