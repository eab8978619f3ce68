"""A column of physical values onto its declared integer grid, with what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.config.sources import Column
from aetrig.data.dataset import Grid
from aetrig.data.scaling import central_half_width
from aetrig.errors import UserError

MOST_SATURATED = 0.01  # share of a column's values
MOST_LOSS = 0.1  # of the feature's spread


@dataclass(frozen=True)
class Gridded:
    """Integers, int32 of shape (rows,), and what a person should read about them."""

    integers: npt.NDArray[np.int32]
    loss: float
    notes: tuple[str, ...]


def to_grid(
    column: Column,
    raw: npt.NDArray[Any],
    where: str,
    place: npt.NDArray[np.int64] | None = None,
) -> Gridded:
    """Return round((f(scale * raw + add) - subtract) / divide / step), clipped to the grid.

    f is the identity or log10.

    ``loss`` is the root mean square of the rounding over the unclipped values, in units of the
    feature's spread (sigma68). Raises UserError for values that are not finite, a logarithm of a
    value that is not positive, more than 1 percent of values beyond the grid, and a loss above a
    tenth of the spread. ``where``: files, for messages; ``place``: the row in the file of each
    value, where that is not its index.
    """
    rows = np.arange(len(raw)) if place is None else place
    exact = _transformed(column, _finite(column.name, raw, where, rows), where, rows)
    grid = grid_of(column)
    rounded = np.rint(exact / column.step)
    inside = (rounded >= grid.low) & (rounded <= grid.high)
    notes = _saturation(column, grid, exact, inside, where)
    loss = _loss(column, exact[inside], rounded[inside], where)
    integers = np.clip(rounded, grid.low, grid.high).astype(np.int32)
    return Gridded(integers, loss, notes)


def on_grid(
    column: Column, raw: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return the nearest grid integers of any numbers, and where they stand for these numbers.

    NaN, infinity, a logarithm of nothing and values beyond the grid are not there: they have the
    nearest end of the grid, or zero.
    """
    grid = grid_of(column)
    with np.errstate(all="ignore"):
        linear = column.scale * raw.astype(np.float64) + column.add
        inner = np.log10(linear) if column.transform == "log10" else linear
        steps = np.rint((inner - column.subtract) / column.divide / column.step)
    inside = np.isfinite(steps) & (steps >= grid.low) & (steps <= grid.high)
    finite = np.where(np.isnan(steps), 0, steps).clip(grid.low, grid.high)
    return finite.astype(np.int32), inside


def from_grid(column: Column, steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a column's values at grid positions, which may lie between integers: the inverse."""
    inner = steps * column.step * column.divide + column.subtract
    with np.errstate(over="ignore"):
        linear = np.power(10.0, inner) if column.transform == "log10" else inner
    return np.asarray((linear - column.add) / column.scale, dtype=np.float64)


def grid_of(column: Column) -> Grid:
    """Return the grid that a config declares for a column."""
    return Grid(column.step, column.bits, signed=column.signed, unit=column.unit)


def preprocessing(column: Column) -> str:
    """Name what the host does to a column before firmware sees it, as a formula."""
    name = f"({column.expression})" if column.expression else column.name
    inner = name if column.scale == 1 else f"{column.scale:g} * {name}"
    if column.add:
        inner += f" + {column.add:g}"
    whole = f"log10({inner})" if column.transform == "log10" else inner
    if column.subtract:
        whole = f"{whole} - {column.subtract:g}"
    if column.divide != 1:
        whole = f"({whole}) / {column.divide:g}"
    return whole


def _finite(
    name: str, raw: npt.NDArray[Any], where: str, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    if raw.ndim != 1 or raw.dtype.kind not in "iufb":
        raise UserError(
            f"{where}: column '{name}' holds {raw.dtype} of shape {raw.shape}, "
            "expected one number a row"
        )
    values = raw.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        found = "infinity" if np.isinf(values[bad[0]]) else "NaN (or an empty cell)"
        raise UserError(
            f"{where}: column '{name}' has {len(bad)} values that are not finite numbers, the "
            f"first in row {rows[bad[0]]} (from 0): {found}; remove these rows or repair them"
        )
    return values


def _transformed(
    column: Column, values: npt.NDArray[np.float64], where: str, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    linear = column.scale * values + column.add
    if column.transform == "none":
        return (linear - column.subtract) / column.divide
    bad = np.flatnonzero(linear <= 0)
    if len(bad):
        raise UserError(
            f"{where}: column '{column.name}': {preprocessing(column)} of {len(bad)} values that "
            f"are not positive, the first in row {rows[bad[0]]} (from 0: {linear[bad[0]]:g}); "
            "raise 'add' or use transform: none"
        )
    return (np.log10(linear) - column.subtract) / column.divide


def _saturation(
    column: Column,
    grid: Grid,
    exact: npt.NDArray[np.float64],
    inside: npt.NDArray[np.bool_],
    where: str,
) -> tuple[str, ...]:
    beyond = len(inside) - int(inside.sum())
    if not beyond:
        return ()
    unit = "" if column.unit == "1" else f" {column.unit}"
    text = (
        f"column '{column.name}': {beyond} values ({beyond / len(inside):.2%}) lie beyond the "
        f"grid's {grid.low * grid.step:g} to {grid.high * grid.step:g}{unit} "
        f"(data: {exact.min():g} to {exact.max():g})"
    )
    if beyond > MOST_SATURATED * len(inside):
        raise UserError(f"{where}: {text}; give it more 'bits' or a larger 'step'")
    return (f"{text} and are saturated",)


def _loss(
    column: Column,
    exact: npt.NDArray[np.float64],
    rounded: npt.NDArray[np.float64],
    where: str,
) -> float:
    if not len(exact):
        return 0.0
    spread = central_half_width(exact) or float(np.std(exact))
    if spread == 0:  # a constant carries nothing that could be lost
        return 0.0
    loss = float(np.sqrt(np.mean((rounded * column.step - exact) ** 2))) / spread
    if loss > MOST_LOSS:
        raise UserError(
            f"{where}: column '{column.name}': rounding to the step {column.step:g} loses "
            f"{loss:.0%} of the spread ({spread:g}); choose a smaller 'step'"
        )
    return loss
