"""Named columns out of a Parquet, CSV, HDF5, Arrow, .npz or pickle file, only those wanted.

HDF5 has no one way to hold a table. Read here are: one 1-D dataset a column, side by side in the
file or in a group; a 1-D compound dataset with a field a column; a 2-D dataset with an attribute
``columns`` of names. The table is found by its column names. What pandas' ``to_hdf`` writes needs
PyTables and is refused. An ``.npz`` archive holds one 1-D array a column, or a 2-D array beside an
array ``columns`` of names. Arrow files may be of the file format (Feather is that) or a stream.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from aetrig.data import arff_file
from aetrig.data.files import content_kind, require_kind, require_size
from aetrig.data.hdf5 import open_hdf5, own_items, require_own
from aetrig.data.npz_file import open_npz
from aetrig.data.pickle_frame import read_frame
from aetrig.errors import UserError, did_you_mean

Columns = dict[str, npt.NDArray[Any]]
LONGEST_LABEL = 1000  # characters
ARROW_END = b"\xff\xff\xff\xff\0\0\0\0"


def read_columns(path: Path, names: Sequence[str], label: str | None, rows: int | None) -> Columns:
    """Return the named columns, each of shape (rows,): numbers as they are stored, labels as text.

    ``label``: one more column, returned as text. ``rows``: read only the first of them. Empty cells
    and nulls are NaN, and an empty text as label. Raises UserError where the file is truncated, of
    another format than its ending says, or lacks a column.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(
            f"{path}: unknown kind of table '{path.suffix}' (content: {content_kind(path)}); "
            f"expected a name ending in {', '.join(READERS)} or .root"
        )
    wanted = list(dict.fromkeys([*names, *([label] if label else [])]))
    found = reader(path, wanted, label, rows)
    for name, column in found.items():
        if column.ndim != 1:
            raise UserError(f"{path}: column '{name}' has shape {column.shape}, expected (rows,)")
    if not len(found[wanted[0]]):
        raise UserError(f"{path}: the table has no rows")
    return found


def require_columns(path: Path, wanted: Sequence[str], available: Sequence[str]) -> None:
    """Raise UserError for the first wanted column that a table does not have, or has twice."""
    for name in wanted:
        if name not in available:
            raise UserError(
                f"{path}: no column '{name}' among {len(available)} columns "
                f"({', '.join(list(available)[:12])}{' ...' if len(available) > 12 else ''})"
                f"{did_you_mean(name, available)}"
            )
        if list(available).count(name) > 1:
            raise UserError(f"{path}: column '{name}' occurs twice; rename one of them")


def _parquet(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    require_kind(path, "Parquet")
    try:
        with pq.ParquetFile(path) as file:
            require_columns(path, wanted, file.schema_arrow.names)
            count = file.metadata.num_rows
            read = min(count, count if rows is None else rows)
            require_size(path, "these columns", 8 * read * len(wanted))
            batches = file.iter_batches(columns=wanted)
            table = pa.Table.from_batches(
                _first(batches, rows),
                pa.schema([file.schema_arrow.field(name) for name in wanted]),
            )
    except (OSError, pa.ArrowException) as error:
        raise UserError(
            f"{path}: truncated or damaged Parquet ({_one_line(error)}); copy or download it again"
        ) from error
    return _from_arrow(path, table, label, rows)


def _arrow(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    require_kind(path, "Arrow", "Arrow stream")
    try:
        with pa.OSFile(str(path)) as file:
            schema, batches = _arrow_batches(path, file, wanted)
            table = pa.Table.from_batches(_first(batches, rows), schema)
            table.validate(full=True)  # damaged offsets would be read as addresses
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(
            f"{path}: truncated or damaged Arrow ({_one_line(error)}); copy or download it again"
        ) from error
    return _from_arrow(path, table, label, rows)


def _arrow_batches(
    path: Path, file: pa.OSFile, wanted: list[str]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema and the batches of the wanted columns, read as they are asked for."""
    as_file = content_kind(path) == "Arrow"
    if not as_file:
        _require_end_of_stream(path)
    opened = pa.ipc.open_file if as_file else pa.ipc.open_stream
    names = opened(file).schema.names
    require_columns(path, wanted, names)
    file.seek(0)
    options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in wanted])
    reader = opened(file, options=options)
    if as_file:
        return reader.schema, map(reader.get_batch, range(reader.num_record_batches))
    return reader.schema, iter(reader)


def _require_end_of_stream(path: Path) -> None:
    """Raise UserError where a stream lacks its end, which is all that tells a cut one."""
    with path.open("rb") as file:
        file.seek(-min(len(ARROW_END), path.stat().st_size), os.SEEK_END)
        if file.read() != ARROW_END:
            raise UserError(
                f"{path}: truncated Arrow stream (no end-of-stream mark); copy or download it again"
            )


def _csv(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    require_kind(path, "text")
    require_columns(path, wanted, _csv_header(path))
    kinds = {name: pa.string() if name == label else pa.float64() for name in wanted}
    convert = pa_csv.ConvertOptions(include_columns=wanted, column_types=kinds)
    # one thread, or the reader cannot say which row is wrong
    read = pa_csv.ReadOptions(use_threads=False)
    try:
        with pa_csv.open_csv(path, read_options=read, convert_options=convert) as reader:
            table = pa.Table.from_batches(_first(reader, rows), reader.schema)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a table of numbers: {_one_line(error)}") from error
    return _from_arrow(path, table, label, rows)


def _arff(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    require_columns(path, wanted, arff_file.attributes(path))
    return _from_arrow(path, arff_file.read(path, wanted), label, rows)


def _csv_header(path: Path) -> list[str]:
    try:
        with pa_csv.open_csv(path) as reader:
            return list(reader.schema.names)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV table: {_one_line(error)}") from error


def _first(batches: Iterable[pa.RecordBatch], rows: int | None) -> Iterator[pa.RecordBatch]:
    """Yield batches until they hold the wanted number of rows."""
    seen = 0
    for batch in batches:
        yield batch
        seen += len(batch)
        if rows is not None and seen >= rows:
            return


def _from_arrow(path: Path, table: pa.Table, label: str | None, rows: int | None) -> Columns:
    found: Columns = {}
    for name in table.column_names:
        column = table.column(name).slice(0, rows)
        if name == label:
            texts = ["" if value is None else str(value) for value in column.to_pylist()]
            found[name] = as_labels(texts, f"{path}: column '{name}'")
            continue
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise UserError(f"{path}: column '{name}' holds {kind}, expected numbers")
        found[name] = column.to_numpy()
    return found


def _pickle(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    require_kind(path, "pickle")
    frame = read_frame(path)
    require_columns(path, wanted, list(frame))
    return {name: _labelled(path, frame[name][:rows], name, label) for name in wanted}


def _hdf5(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    with open_hdf5(path) as file:
        take = _hdf5_table(path, file, wanted)
        found = {name: take(name, slice(0, rows)) for name in wanted}
    return _of_one_length(path, found, label)


def _of_one_length(path: Path, found: Columns, label: str | None) -> Columns:
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"{path}: columns differ in length: {lengths}")
    return {name: _labelled(path, column, name, label) for name, column in found.items()}


def _npz(path: Path, wanted: list[str], label: str | None, rows: int | None) -> Columns:
    require_kind(path, "zip")
    with open_npz(path) as table:
        require_columns(path, wanted, table.names)
        found = {name: table.take(name, rows) for name in wanted}
    return _of_one_length(path, found, label)


Take = Callable[[str, slice], npt.NDArray[Any]]


def _hdf5_table(path: Path, file: h5py.File, wanted: list[str]) -> Take:
    """Return a function that reads a column of the one table that has all wanted columns."""
    tables = _hdf5_tables(path, file)
    fits = [place for place, (names, _) in tables.items() if set(wanted) <= set(names)]
    if len(fits) > 1:
        raise UserError(f"{path}: several tables have these columns: {', '.join(fits)}")
    if not fits:
        available = sorted({name for names, _ in tables.values() for name in names})
        require_columns(path, wanted, available)
        raise UserError(f"{path}: no one table has all of {', '.join(wanted)}: {list(tables)}")
    return tables[fits[0]][1]


def _hdf5_tables(path: Path, file: h5py.File) -> dict[str, tuple[list[str], Take]]:
    """Return every table in a file: column names, and how to read one."""
    found: dict[str, tuple[list[str], Take]] = {}

    def visit(place: str, item: h5py.Group | h5py.Dataset) -> None:
        if "pandas_type" in item.attrs:
            raise UserError(
                f"{path}: '{place}' was written by pandas to_hdf (PyTables), which is not read; "
                "write the frame as Parquet"
            )
        if isinstance(item, h5py.Group):
            flat = {
                key: value
                for key, value in own_items(item).items()
                if isinstance(value, h5py.Dataset) and value.ndim == 1 and not value.dtype.names
            }
            found[place] = (list(flat), lambda name, rows: _own(flat[name])[rows])
        elif item.dtype.names and item.ndim == 1:
            names = list(item.dtype.names)
            found[place] = (names, lambda name, rows: _own(item).fields(name)[rows])
        elif item.ndim == 2 and "columns" in item.attrs:
            names = [_text(name) for name in np.ravel(item.attrs["columns"]).tolist()]
            found[place] = (names, lambda name, rows: _own(item)[rows, names.index(name)])

    def _own(dataset: h5py.Dataset) -> h5py.Dataset:
        require_own(path, dataset)
        return dataset

    visit("/", file)
    file.visititems(visit)
    return found


def _labelled(
    path: Path, column: npt.NDArray[Any], name: str, label: str | None
) -> npt.NDArray[Any]:
    if name != label:
        return column
    return as_labels([_text(value) for value in column.tolist()], f"{path}: column '{name}'")


def as_labels(texts: Sequence[str], where: str) -> npt.NDArray[np.str_]:
    """Return texts as an array, every entry as wide as the longest.

    Raises UserError for one that is no label: times the number of rows it would fill the memory.
    """
    longest = max(map(len, texts), default=0)
    if longest > LONGEST_LABEL:
        raise UserError(
            f"{where} holds a text of {longest:,} characters, expected labels of at most "
            f"{LONGEST_LABEL}"
        )
    return np.array(texts, dtype=np.str_)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


READERS: dict[str, Callable[[Path, list[str], str | None, int | None], Columns]] = {
    ".parquet": _parquet,
    ".pq": _parquet,
    ".csv": _csv,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".npz": _npz,
    ".arff": _arff,
    ".pkl": _pickle,
    ".pickle": _pickle,
}
