"""A file's rows in blocks: Parquet, CSV and ROOT as a stream, other tables at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from aetrig.data.root_file import read_tree, survey
from aetrig.data.table_files import read_columns, require_columns
from aetrig.errors import UserError

ROWS = 1 << 15  # of a block: its integers stay in a core's cache
BUFFER = 1 << 20
CSV_BLOCK = 1 << 22  # bytes read at a time
EVENTS = 1 << 16  # of a ROOT file, read at a time
PARQUET, ROOT = (".parquet", ".pq"), ".root"


@dataclass(frozen=True)
class Block:
    """Consecutive rows.

    ``first``: their place in the file; ``label``: texts, or None; ``present`` and ``objects``: of
    padded columns, as in `TreeColumns`.
    """

    first: int
    columns: dict[str, npt.NDArray[Any]]
    label: pa.Array | None
    present: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    objects: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True)
class Part:
    """Rows ``start`` to ``stop`` of a file; of Parquet the row ``groups`` that hold them.

    ``stop`` None: to the end, which is known when it is read. ``label``: the class column, or None.
    ``tree`` and ``collection``: of ROOT, as ``data.tree`` and ``data.rows``.
    """

    path: Path
    start: int
    stop: int | None
    groups: tuple[int, int] | None
    label: str | None
    tree: str | None = None
    collection: str | None = None


def blocks(part: Part, names: Sequence[str], *, integers: bool) -> Iterator[Block]:
    """Yield a part's rows. Raises UserError for a damaged file or a column of no numbers.

    ``integers``: a CSV file's numbers are wanted as such.
    """
    kind = part.path.suffix.lower()
    if part.groups is not None:
        return _parquet(part, names, part.groups)
    if kind == ".csv":
        return _csv(part, names, pa.int64() if integers else pa.float64())
    if kind == ROOT:
        return _root(part, names)
    return _whole(part, names)


def _parquet(part: Part, names: Sequence[str], groups: tuple[int, int]) -> Iterator[Block]:
    wanted = [*names, *([part.label] if part.label else [])]
    texts = [part.label] if part.label else None
    try:
        # buffered and not read ahead: otherwise every row group read stays in memory
        with pq.ParquetFile(
            part.path, pre_buffer=False, buffer_size=BUFFER, read_dictionary=texts
        ) as file:
            batches = file.iter_batches(
                ROWS, row_groups=range(*groups), columns=wanted, use_threads=False
            )
            yield from _of_batches(part, names, batches)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{part.path}: truncated or damaged Parquet ({_line(error)})") from error


def _csv(part: Part, names: Sequence[str], kind: pa.DataType) -> Iterator[Block]:
    types = dict.fromkeys(names, kind) | ({part.label: pa.string()} if part.label else {})
    convert = pa_csv.ConvertOptions(include_columns=list(types), column_types=types)
    read = pa_csv.ReadOptions(block_size=CSV_BLOCK, use_threads=False)
    try:
        with pa_csv.open_csv(part.path, read_options=read, convert_options=convert) as batches:
            yield from _of_batches(part, names, batches)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{part.path}: not a table of numbers ({_line(error)})") from error


def _of_batches(part: Part, names: Sequence[str], batches: Any) -> Iterator[Block]:
    first = part.start
    for batch in batches:
        found = {}
        for name in names:
            column = batch.column(batch.schema.get_field_index(name))
            require_numbers(part.path, name, column.type)
            found[name] = numbers(column)
        label = part.label and batch.column(batch.schema.get_field_index(part.label))
        yield Block(first, found, None if label is None else texts(part.path, label, first))
        first += len(batch)


def _root(part: Part, names: Sequence[str]) -> Iterator[Block]:
    total = part.stop if part.collection is None else None
    total = survey(part.path, (), part.tree)[0] if total is None else total
    first = part.start
    for start in range(part.start, total, EVENTS):
        read = read_tree(
            part.path, names, part.label, min(EVENTS, total - start), tree=part.tree,
            rows=part.collection, start=start,
        )  # fmt: skip
        label = None if part.label is None else pa.array(read.columns[part.label])
        text = None if label is None else texts(part.path, label, first)
        block = Block(
            first, {name: read.columns[name] for name in names}, text, read.present, read.objects
        )
        yield block
        first += len(block)


def _whole(part: Part, names: Sequence[str]) -> Iterator[Block]:
    found = read_columns(part.path, names, part.label, None)
    label = found.pop(part.label) if part.label and part.label not in names else None
    for first in range(0, len(found[names[0]]), ROWS):
        rows = slice(first, first + ROWS)
        text = None if label is None else texts(part.path, pa.array(label[rows]), first)
        yield Block(first, {name: found[name][rows] for name in names}, text)


def require_numbers(path: Path, name: str, kind: pa.DataType) -> None:
    """Raise UserError where a column's type is no number's."""
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise UserError(f"{path}: column '{name}' holds {kind}, expected numbers")


def numbers(column: pa.Array) -> npt.NDArray[Any]:
    """Return a column's numbers without a copy; with empty cells as floats, which are NaN there."""
    if column.null_count:
        found: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return found
    # pyarrow's to_numpy imports pandas first: a second and 50 MB of each worker
    kind = np.dtype(column.type.to_pandas_dtype())
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)


def arrow(values: npt.NDArray[Any]) -> pa.Array:
    """Return numbers as a column, without a copy and without pandas; bool as bits."""
    if values.dtype == np.bool_:
        bits = pa.py_buffer(np.packbits(values, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])
    content = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, content])


def texts(path: Path, column: pa.Array, first: int) -> pa.Array:
    """Return classes as dictionary-encoded text; raise UserError for a row without one."""
    if column.null_count:
        row = first + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise UserError(f"{path}: the label is empty in row {row}; every row needs a class")
    if not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).dictionary_encode()
    words = column.dictionary.cast(pa.string())
    return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int32()), words)


def require_columns_of(path: Path, names: Sequence[str], label: str | None) -> str | None:
    """Check a CSV file's columns before anything is read; return the label where it has it."""
    try:
        with pa_csv.open_csv(path) as reader:
            available = list(reader.schema.names)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a CSV table ({_line(error)})") from error
    require_columns(path, names, available)
    return label if label in available else None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
