"""Tables of numbers, one row an event or a jet, with the columns that the config names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.config.sources import TableSource
from aetrig.data import expression
from aetrig.data.dataset import Dataset, Feature, Process, Role
from aetrig.data.files import Find
from aetrig.data.grid import grid_of, preprocessing, to_grid
from aetrig.data.table_files import Columns, read_columns
from aetrig.errors import UserError, did_you_mean

UNLABELLED = "data"


def load(source: TableSource, find: Find) -> Dataset:
    """Read all files of a table source onto the declared grid.

    ``max_events`` rows are read from each file. ``files`` are training (split 0) and
    ``validation_files`` validation (split 1); without the latter the split is left open (-1).
    Without a label all rows are background; else the labels in ``background`` are, and every other
    label is a signal. Raises UserError for the faults named in `read_columns` and `to_grid`.
    """
    names = [column.name for column in source.columns]
    parts: list[npt.NDArray[np.int32]] = []
    labels: list[npt.NDArray[np.str_]] = []
    notes = _host_notes(source)
    losses = dict.fromkeys(names, 0.0)
    for name in (*source.files, *source.validation_files):
        path = find(name)
        content = _content(source, path)
        labels.append(_labels(path, content, source.label))
        x = np.empty((len(labels[-1]), len(names)), dtype=np.int32)
        for i, column in enumerate(source.columns):
            gridded = to_grid(column, content[column.name], str(path))
            x[:, i] = gridded.integers
            losses[column.name] = max(losses[column.name], gridded.loss)
            notes += gridded.notes
        parts.append(x)
    notes.append(
        "rounding to the grid, rms in units of each feature's spread: "
        + ", ".join(f"{name} {loss:.2g}" for name, loss in losses.items())
    )
    processes, process = _processes(source, np.concatenate(labels))
    return Dataset(
        np.concatenate(parts),
        tuple(Feature(column.name, grid_of(column)) for column in source.columns),
        processes,
        process,
        np.ones(len(process)),
        _split(source, [len(part) for part in parts]),
        tuple(notes),
    )


def _wanted(source: TableSource) -> list[str]:
    """Return the columns to read from each file: of features and of the selection."""
    found = [
        name
        for column in source.columns
        for name in (expression.names(column.expression) if column.expression else (column.name,))
    ]
    return found + list(expression.names(source.select) if source.select else ())


def _content(source: TableSource, path: Path) -> Columns:
    """Return the columns of features and label, of the selected rows."""
    read = read_columns(path, _wanted(source), source.label, source.max_events)
    kept = slice(None) if source.select is None else expression.selected(source.select, read, path)
    read = {name: values[kept] for name, values in read.items()}
    features = {
        column.name: expression.evaluate(column.expression, read)
        if column.expression
        else read[column.name]
        for column in source.columns
    }
    return features if source.label is None else features | {source.label: read[source.label]}


def _host_notes(source: TableSource) -> list[str]:
    """Name every column that is more than a number on a grid when it reaches firmware."""
    return [
        f"host preprocessing, not in firmware: '{column.name}' is {preprocessing(column)}"
        for column in source.columns
        if preprocessing(column) != column.name
    ]


def _labels(path: Path, content: Columns, label: str | None) -> npt.NDArray[np.str_]:
    if label is None:
        rows = len(next(iter(content.values())))
        return np.full(rows, UNLABELLED)
    found = content[label].astype(np.str_)
    empty = np.flatnonzero((found == "") | (found == "nan"))
    if len(empty):
        raise UserError(
            f"{path}: label column '{label}' is empty in {len(empty)} rows, the first is row "
            f"{empty[0]}; every row needs a class"
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
