"""Every condition that a network's inputs have a meaning for, and what is left out."""

from __future__ import annotations

import numpy as np

from aetrig.config.stability import Stability
from aetrig.stability import extra, noise, region, scale, stuck
from aetrig.stability.condition import Condition, LeftOut, Scene
from aetrig.stability.layout import Integers, Layout


def scene(layout: Layout, options: Stability, background: Integers, minbias: Integers) -> Scene:
    """Return what conditions are made from.

    ``background``, ``minbias``: events, shape (events, features); the latter may be none, and
    is where soft jets are drawn from otherwise.
    """
    lists = list(layout.lists)
    soft = np.zeros((0, 0), dtype=np.int32)
    events = minbias if len(minbias) else background
    if lists:
        longest = extra.longest_list(lists)
        block = events[:, longest.columns]
        objects = block[block[:, :, longest.mark] != 0]
        if len(objects):
            edge = np.quantile(objects[:, longest.mark], options.soft_share)
            soft = objects[objects[:, longest.mark] <= edge]
    return Scene(layout, options, soft, minbias)


def plan(scene: Scene, inputs: tuple[int, ...]) -> tuple[list[Condition], list[LeftOut]]:
    """Return all conditions in order, and the groups that do not apply.

    ``inputs``: the features that the network takes.
    """
    found = [
        *scale.conditions(scene), *region.conditions(scene), *stuck.lost(scene),
        *extra.hot(scene), *noise.conditions(scene), *extra.jets(scene), *extra.pile_up(scene),
        *stuck.saturated(scene), *stuck.bits(scene, inputs),
    ]  # fmt: skip
    conditions = [item for item in found if isinstance(item, Condition)]
    return conditions, [item for item in found if isinstance(item, LeftOut)]
