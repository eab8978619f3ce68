"""Tables of numbers, one row an event or a jet, with the columns that the config names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.config.sources import Column, TableSource
from aetrig.data import expression, presence
from aetrig.data.dataset import Dataset, Feature, Process, Role
from aetrig.data.files import Find
from aetrig.data.grid import grid_of, preprocessing, to_grid
from aetrig.data.root_file import TreeColumns, read_tree
from aetrig.data.split import mix
from aetrig.data.table_files import read_columns
from aetrig.errors import UserError, did_you_mean

UNLABELLED = "data"


@dataclass(frozen=True)
class _Part:
    """The selected rows of one file; ``losses`` on the grid, one a feature."""

    x: npt.NDArray[np.int32]
    labels: npt.NDArray[np.str_]
    event: npt.NDArray[np.uint64] | None
    marks: tuple[int | None, ...]
    losses: tuple[float, ...]
    notes: tuple[str, ...]


def load(source: TableSource, find: Find) -> Dataset:
    """Read all files of a table source onto the declared grid.

    Rows are in the order of the files, and in theirs. ``max_events`` rows are read from each file,
    and of these the ones that ``select`` keeps. ``files`` are training (split 0) and
    ``validation_files`` validation (split 1); without the latter the split is left open (-1). A row
    of ``files`` whose event, by ``split_by``, is in ``validation_files`` too is left out.
    Without a label all rows are background; else the labels in ``background`` are, and every other
    label is a signal. Raises UserError for the faults named in `read_columns`, `read_tree`,
    `to_grid` and `presence.pad`.
    """
    parts = [_part(source, find(name)) for name in source.all_files]
    marks = _marks(source, parts)
    processes, process = _processes(source, np.concatenate([part.labels for part in parts]))
    events = [part.event for part in parts if part.event is not None]
    whole = Dataset(
        np.concatenate([part.x for part in parts]),
        tuple(
            Feature(column.name, grid_of(column), mark)
            for column, mark in zip(source.columns, marks, strict=True)
        ),
        processes,
        process,
        np.ones(len(process)),
        _split(source, [len(part.x) for part in parts]),
        (*_host_notes(source), *(note for part in parts for note in part.notes)),
        np.concatenate(events) if events else None,
    )
    parted = _validation_wins(whole)
    worst = np.max([part.losses for part in parts], axis=0)
    rounding = "rounding to the grid, rms in units of each feature's spread: " + ", ".join(
        f"{column.name} {loss:.2g}" for column, loss in zip(source.columns, worst, strict=True)
    )
    return replace(parted, notes=(*parted.notes, rounding))


def _marks(source: TableSource, parts: list[_Part]) -> tuple[int | None, ...]:
    for name, part in zip(source.all_files, parts, strict=True):
        if part.marks != parts[0].marks:
            raise UserError(
                f"{name}: its lists are of other collections, or of fixed lengths, than those of "
                f"{source.files[0]}; read such files with configs of their own"
            )
    return parts[0].marks


def _part(source: TableSource, path: Path) -> _Part:
    """Read, select and put on the grid the rows of one file."""
    read = _read(source, path)
    total = len(next(iter(read.columns.values())))
    rows = np.arange(total)
    notes = []
    if source.select is not None:
        rows = np.flatnonzero(expression.selected(source.select, read.columns, path))
        notes.append(f"select keeps {len(rows)} of {total} {_kind(source, read)} of {path.name}")
    present = np.stack([_present(column, read, total)[rows] for column in source.columns], axis=1)
    x = np.zeros(present.shape, dtype=np.int32)
    losses = []
    for i, column in enumerate(source.columns):
        place = rows[present[:, i]]
        gridded = to_grid(column, _values(column, read)[place], str(path), place)
        x[present[:, i], i] = gridded.integers
        losses.append(gridded.loss)
        notes += gridded.notes
    objects = [presence.objects_of(_names(column), read.objects) for column in source.columns]
    marks = presence.markers(source.columns, objects)
    notes += presence.pad(x, present, marks, source.columns, str(path))
    notes += presence.unmarked(source.columns, present, objects, marks)
    event = _event(source, read, path)
    return _Part(
        x,
        _labels(path, read, source.label, rows),
        None if event is None else event[rows],
        marks,
        tuple(losses),
        tuple(notes),
    )


def _read(source: TableSource, path: Path) -> TreeColumns:
    """Return the columns that features, selection and identity of events are made of."""
    wanted = [name for column in source.columns for name in _names(column)]
    wanted += expression.names(source.select) if source.select else ()
    wanted += source.split_by
    if path.suffix.lower() != ".root":
        return TreeColumns(read_columns(path, wanted, source.label, source.max_events))
    return read_tree(
        path, wanted, source.label, source.max_events, tree=source.tree, rows=source.rows
    )


def _names(column: Column) -> tuple[str, ...]:
    return expression.names(column.expression) if column.expression else (column.name,)


def _present(column: Column, read: TreeColumns, rows: int) -> npt.NDArray[np.bool_]:
    """Mark the rows that have every object that a feature is made of."""
    masks = [read.present[name] for name in _names(column) if name in read.present]
    return np.logical_and.reduce(masks) if masks else np.ones(rows, dtype=np.bool_)


def _values(column: Column, read: TreeColumns) -> npt.NDArray[Any]:
    if column.expression:
        return expression.evaluate(column.expression, read.columns)
    return read.columns[column.name]


def _kind(source: TableSource, read: TreeColumns) -> str:
    """Say what a row is."""
    return "rows" if source.rows is None else f"{source.rows} rows in {read.events} events"


def _event(source: TableSource, read: TreeColumns, path: Path) -> npt.NDArray[np.uint64] | None:
    """Return a number for each row's event, equal for equal identities."""
    if not source.split_by:
        return None
    for name in source.split_by:
        values = read.columns[name]
        # a text file's numbers come as float64, which holds integers up to 2**53
        wide = values.astype(np.float64) if values.dtype.kind == "f" else np.zeros(1)
        whole = (np.rint(wide) == wide) & (np.abs(wide) < 2.0**53)
        if values.dtype.kind not in "iufb" or not np.all(whole):
            raise UserError(
                f"{path}: data.split_by: column '{name}' holds other than whole numbers below "
                "2**53, so that it identifies no event"
            )
    return mix(np.stack([read.columns[name].astype(np.int64) for name in source.split_by], axis=1))


def _validation_wins(dataset: Dataset) -> Dataset:
    """Leave out training rows whose event is in validation, or say how many rows are equal."""
    identity = mix(dataset.x) if dataset.event is None else dataset.event
    training = dataset.split == 0
    twice = training & np.isin(identity, identity[dataset.split == 1])
    count = f"{int(twice.sum())} of {int(training.sum())} rows of 'files'"
    if not twice.any():
        return dataset
    if dataset.event is None:
        note = (
            f"{count} equal a row of 'validation_files' in every feature; train.split: hash, or "
            "data.split_by, leaves them out of training"
        )
        return replace(dataset, notes=(*dataset.notes, note))
    note = f"{count} are of events that are in 'validation_files' too, and are left out"
    return replace(dataset.select(~twice), notes=(*dataset.notes, note))


def _host_notes(source: TableSource) -> list[str]:
    """Name every column that is more than a number on a grid when it reaches firmware."""
    return [
        f"host preprocessing, not in firmware: '{column.name}' is {preprocessing(column)}"
        for column in source.columns
        if preprocessing(column) not in {column.name, _plain(column)}
    ]


def _plain(column: Column) -> str | None:
    """Return how an expression that only names another column is described."""
    return f"({column.expression})" if _names(column) == (column.expression,) else None


def _labels(
    path: Path, read: TreeColumns, label: str | None, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.str_]:
    if label is None:
        return np.full(len(rows), UNLABELLED)
    found = read.columns[label][rows].astype(np.str_)
    empty = np.flatnonzero((found == "") | (found == "nan"))
    if len(empty):
        raise UserError(
            f"{path}: label column '{label}' is empty in {len(empty)} rows, the first is row "
            f"{rows[empty[0]]}; every row needs a class"
        )
    return found


def _processes(
    source: TableSource, labels: npt.NDArray[np.str_]
) -> tuple[tuple[Process, ...], npt.NDArray[np.int16]]:
    names, process = np.unique(labels, return_inverse=True)
    background = source.background if source.label else (UNLABELLED,)
    given = {
        "background": background,
        "minbias": source.minbias,
        "cross_sections_pb": tuple(source.cross_sections_pb),
    }
    for key, wanted in given.items():
        _check_labels(source, key, wanted, [str(name) for name in names])
    if len(names) > np.iinfo(np.int16).max:
        raise UserError(
            f"label column '{source.label}' has {len(names)} different values; expected classes"
        )
    return (
        tuple(
            Process(str(name), _role(source, str(name)), source.cross_sections_pb.get(str(name)))
            for name in names
        ),
        process.astype(np.int16),
    )


def _role(source: TableSource, name: str) -> Role:
    if name in source.minbias:
        return "minbias"
    return "background" if name in source.background or not source.label else "signal"


def _check_labels(source: TableSource, key: str, wanted: tuple[str, ...], names: list[str]) -> None:
    for name in wanted:
        if name not in names:
            known = names[:20]
            raise UserError(
                f"data.{key}: no row has the label '{name}'; column '{source.label}' has "
                f"{', '.join(known)}{did_you_mean(name, known)}"
            )


def _split(source: TableSource, lengths: list[int]) -> npt.NDArray[np.int8]:
    if not source.validation_files:
        return np.full(sum(lengths), -1, dtype=np.int8)
    training = sum(lengths[: len(source.files)])
    return np.repeat(np.array([0, 1], dtype=np.int8), [training, sum(lengths) - training])
