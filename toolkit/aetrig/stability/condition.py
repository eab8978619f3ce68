"""A condition: a name, and what it makes of events in hardware integers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from aetrig.config.stability import Group, Stability
from aetrig.stability.layout import Integers, Layout

Change = Callable[[Integers, np.random.Generator], None]


@dataclass(frozen=True)
class Condition:
    """One thing that drifts.

    ``family``: conditions that differ in their place alone have one, and are told by their worst
    and their mean. ``size``: of the drift, where it has one, in the group's unit. ``change``:
    alters events in place, shape (events, features).
    """

    group: Group
    name: str
    change: Change
    family: str | None = None
    size: float | None = None

    def applied(self, x: Integers, seed: int) -> Integers:
        """Return changed events; the same for the same events and seed."""
        found = x.copy()
        self.change(found, np.random.default_rng([seed, zlib.crc32(self.name.encode())]))
        return found


@dataclass(frozen=True)
class LeftOut:
    """A group of conditions that these inputs have no meaning for, and why."""

    group: Group
    reason: str


@dataclass(frozen=True)
class Scene:
    """What conditions are made from.

    ``soft``: soft objects of the longest list, shape (objects, parts); ``crossings``: minimum-bias
    events, shape (events, features), for pile-up. Either may be empty.
    """

    layout: Layout
    options: Stability
    soft: Integers
    crossings: Integers


Found = Iterator[Condition | LeftOut]
