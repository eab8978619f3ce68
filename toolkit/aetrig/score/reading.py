"""What a run's network reads of a file, and rows of it as the hardware's integers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.config.model import RunConfig
from aetrig.config.sources import Column, JetsSource, TableSource
from aetrig.data import expression, jets, presence
from aetrig.data.grid import MOST_SATURATED, on_grid, preprocessing
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.program.model import Program
from aetrig.score.blocks import Block

Words = npt.NDArray[np.int16] | npt.NDArray[np.int32]
FEW = 10  # values beyond the grid that are no fault, however few rows there are
PROCESS = "process"  # the label of the embedded sample's layout


@dataclass(frozen=True)
class Reading:
    """Which columns become the network's inputs.

    ``features``: names of the inputs, with ``low`` and ``high`` of their wires. ``columns``: how
    each is made of a table's columns; None where the file holds the hardware's integers under
    these names. ``select``: the rows to keep. ``label``: a column with classes, where a file has
    it; rows whose class is in ``minbias`` are minimum-bias crossings. ``tree`` and ``collection``:
    of ROOT files, as ``data.tree`` and ``data.rows``.
    """

    features: tuple[str, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    columns: tuple[Column, ...] | None
    select: str | None
    label: str | None
    minbias: tuple[str, ...]
    tree: str | None = None
    collection: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of a file that are needed, each once."""
        if self.columns is None:
            return self.features
        names = [name for column in self.columns for name in _names(column)]
        names += expression.names(self.select) if self.select else ()
        return tuple(dict.fromkeys(names))

    @property
    def narrow(self) -> bool:
        """Whether 16 bits hold every input."""
        return min(self.low) >= -(1 << 15) and max(self.high) < 1 << 15

    def digest(self) -> str:
        """Return a SHA-256 that is equal where a file's rows become equal integers."""
        columns = [column.model_dump(mode="json") for column in self.columns or ()]
        content = [
            self.features, columns, self.select, self.label, self.tree, self.collection,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def reading(config: RunConfig, vectors: Vectors, program: Program) -> Reading:
    """Return what a run reads: its table's columns, or integers in hardware units by name."""
    source = config.data
    low = tuple(form.low for form in program.input_formats)
    high = tuple(form.high for form in program.input_formats)
    if isinstance(source, JetsSource):
        source = _jets(source)
    if not isinstance(source, TableSource):
        minbias = tuple(p.name for p in vectors.processes if p.role == "minbias")
        return Reading(vectors.features, low, high, None, None, PROCESS, minbias)
    return Reading(
        vectors.features, low, high, source.columns, source.select, source.label, source.minbias,
        source.tree, source.rows,
    )  # fmt: skip


def _jets(source: JetsSource) -> TableSource:
    columns = tuple(
        column
        for column in jets.COLUMNS
        if any(fnmatchcase(column.name, pattern) for pattern in source.features)
    )
    return TableSource(
        source="table", files=(jets.SAMPLE,), columns=columns, label=jets.LABEL,
        background=source.background,
    )  # fmt: skip


def _names(column: Column) -> tuple[str, ...]:
    return expression.names(column.expression) if column.expression else (column.name,)


@dataclass(frozen=True)
class Arranged:
    """Rows as the emulator takes them.

    ``x``: C-contiguous, shape (events, features). ``rows``: which rows of the block they are; None
    for all. ``beyond``: values by feature that lie beyond its grid and are saturated.
    """

    x: Words
    rows: npt.NDArray[np.int64] | None
    beyond: dict[str, int]


def arrange(of: Reading, block: Block, path: Path) -> Arranged:
    """Return a block of rows as integers; what objects lack that are not there is zero.

    Raises UserError for a column that is not made of integers in hardware units, and as
    `data.grid.to_grid` for values that are not finite or, by the percent, beyond the grid.
    """
    if of.columns is None:
        return Arranged(_hardware(of, block.columns, block.first, path), None, {})
    rows = None if of.select is None else np.flatnonzero(_selected(of.select, block.columns))
    place = np.arange(len(block)) if rows is None else rows
    x = np.zeros((len(place), len(of.features)), np.int16 if of.narrow else np.int32)
    beyond = {}
    for i, column in enumerate(of.columns):
        there = _present(column, block)
        at = place if there is None else place[there[place]]
        # all rows are most often wanted, and then not copied
        values = _values(column, block.columns)
        integers, inside = on_grid(column, values if len(at) == len(block) else values[at])
        x[slice(None) if there is None else there[place], i] = integers
        if not inside.all():
            raw = values[at]
            beyond[column.name] = _saturated(column, raw, inside, block.first + at, path)
    if not block.objects:
        return Arranged(x, rows, beyond)
    return Arranged(_padded(of.columns, block, x, place, path), rows, beyond)


def _present(column: Column, block: Block) -> npt.NDArray[np.bool_] | None:
    """Mark the rows that have every object that a feature is made of; None: all have."""
    masks = [block.present[name] for name in _names(column) if name in block.present]
    return np.logical_and.reduce(masks) if masks else None


def _padded(
    columns: Sequence[Column], block: Block, x: Words, place: npt.NDArray[np.int64], path: Path
) -> Words:
    """Return rows with all of an object zero whose mark is zero, as `data.table` does."""
    padded = x.astype(np.int32)
    objects = [presence.objects_of(_names(column), block.objects) for column in columns]
    present = np.ones(x.shape, np.bool_)
    for i, column in enumerate(columns):
        there = _present(column, block)
        if there is not None:
            present[:, i] = there[place]
    presence.pad(padded, present, presence.markers(columns, objects), columns, str(path))
    return padded


def _hardware(
    of: Reading, columns: Mapping[str, npt.NDArray[Any]], first: int, path: Path
) -> Words:
    arrays = [columns[name] for name in of.features]
    # values that 16 bits do not hold must not be cut to them before the emulator has seen them
    short = of.narrow and all(np.can_cast(array.dtype, np.int16) for array in arrays)
    x = np.empty((len(arrays[0]), len(arrays)), np.int16 if short else np.int32)
    for i, array in enumerate(arrays):
        if array.dtype.kind not in "iu":
            raise UserError(
                f"{path}: column '{of.features[i]}' holds {array.dtype} or empty cells, expected "
                f"integers from {of.low[i]} to {of.high[i]} in hardware units"
            )
        if not np.can_cast(array.dtype, np.int32):
            outside = np.flatnonzero((array < of.low[i]) | (array > of.high[i]))
            if len(outside):
                raise out_of_range(of, i, array[outside[0]], first + int(outside[0]), path)
        x[:, i] = array
    return x


def out_of_range(of: Reading, feature: int, value: Any, row: int, path: Path) -> UserError:
    """Return the error of an integer that the trigger's wires cannot carry."""
    return UserError(
        f"{path}: row {row} (from 0): column '{of.features[feature]}' is {value}, expected "
        f"{of.low[feature]} to {of.high[feature]} in hardware units"
    )


def _selected(select: str, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    found = expression.evaluate(select, columns)
    if found.dtype != np.bool_:
        raise UserError(f"select '{select}' gives numbers; a comparison is expected, as in pt > 30")
    return found


def _values(column: Column, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if column.expression:
        return expression.evaluate(column.expression, columns)
    return columns[column.name]


def _saturated(
    column: Column,
    raw: npt.NDArray[Any],
    inside: npt.NDArray[np.bool_],
    place: Sequence[int] | npt.NDArray[np.int64],
    path: Path,
) -> int:
    """Return how many values lie beyond the grid; refuse those that are none."""
    outside = np.flatnonzero(~inside)
    values = raw[outside].astype(np.float64)
    bad = ~np.isfinite(values)
    if column.transform == "log10":
        bad |= column.scale * values + column.add <= 0
    if bad.any():
        at = int(np.argmax(bad))
        raise UserError(
            f"{path}: column '{column.name}': {preprocessing(column)} is no finite number in row "
            f"{place[outside[at]]} (from 0), where it has {values[at]:g}; remove such rows, as "
            "with data.select, or repair them"
        )
    count = len(outside)
    if count > FEW and count > MOST_SATURATED * len(raw):
        raise UserError(
            f"{path}: column '{column.name}': {count} of {len(raw)} values from row {place[0]} on "
            f"({count / len(raw):.2%}) lie beyond the grid that the network was trained with; is "
            f"it in the same unit ({column.unit})?"
        )
    return count
