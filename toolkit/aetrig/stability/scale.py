"""The energy scale: all energies, or those of one kind, times a factor; rounded, saturated."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from aetrig.config.sources import Column
from aetrig.config.stability import Group
from aetrig.data.grid import from_grid, on_grid
from aetrig.stability.condition import Change, Condition, Found, LeftOut, Scene
from aetrig.stability.layout import Integers, Layout
from aetrig.stability.lists import present, put, taken

GROUP: Group = "scale"


def conditions(scene: Scene) -> Found:
    """Yield a condition a size: all energies at once, then one kind at a time."""
    layout = scene.layout
    if not layout.energies:
        yield LeftOut(GROUP, "no input is an energy (stability.energies names them)")
        return
    kinds = {"all energies": layout.energies} | _kinds(layout)
    for name, features in kinds.items():
        for percent in scene.options.scales:
            yield Condition(
                GROUP, f"{name} {percent:+g} %", _change(layout, features, percent), None, percent
            )


def _kinds(layout: Layout) -> dict[str, tuple[int, ...]]:
    """Return the energies of each list, of missing energy and of each other feature."""
    found = {
        objects.name: tuple(int(i) for i in objects.columns[:, list(objects.energies)].flat)
        for objects in layout.lists
        if objects.energies
    }
    listed = {i for features in found.values() for i in features}
    others = {layout.features[i].name: (i,) for i in layout.energies if i not in listed}
    found |= others
    return found if len(found) > 1 else {}


def _change(layout: Layout, features: tuple[int, ...], percent: float) -> Change:
    def change(x: Integers, _: np.random.Generator) -> None:
        for feature in features:
            x[:, feature] = scaled(layout, feature, x[:, feature], percent)
        for objects in layout.lists if percent < 0 else ():
            # what rounds to zero is no object
            block = taken(x, objects)
            put(x, objects, np.where(present(block, objects)[:, :, None], block, 0))

    return change


def scaled(layout: Layout, feature: int, q: Integers, percent: float) -> Integers:
    """Return integers of an energy that is larger by ``percent``, on its grid; zero stays zero.

    Rounded to nearest, ties to even, and saturated at the grid's ends.
    """
    column = None if layout.columns is None else layout.columns[feature]
    grid = layout.features[feature].grid
    if column is not None and not _linear(column):
        raw = from_grid(column, q.astype(np.float64)) * (1 + percent / 100)
        larger = on_grid(column, raw)[0].astype(np.int64)
    else:
        larger = times(q, 1 + Fraction(str(percent)) / 100)
    # a fixed offset is no energy, but zero marks an object that is not there
    kept = larger if layout.features[feature].presence is None else np.where(q == 0, 0, larger)
    return np.clip(kept, grid.low, grid.high).astype(np.int32)


def _linear(column: Column) -> bool:
    """Say whether an energy of zero is the integer zero: then integers are scaled as they are."""
    return column.transform == "none" and column.add == 0 and column.subtract == 0


def times(q: npt.NDArray[np.integer], factor: Fraction) -> npt.NDArray[np.int64]:
    """Return q * factor, exactly, rounded to nearest, ties to even."""
    whole, rest = np.divmod(q.astype(np.int64) * factor.numerator, factor.denominator)
    half = 2 * rest - factor.denominator
    return np.asarray(whole + ((half > 0) | ((half == 0) & (whole & 1 == 1))))
