"""Tables in batches of rows: Parquet and CSV, files larger than memory among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from aetrig.data.table_files import require_columns
from aetrig.errors import UserError

Floats = npt.NDArray[np.float64]
CSV_BLOCK = 1 << 24  # bytes read at a time
PARQUET_BUFFER = 1 << 20


def total_rows(path: Path) -> int | None:
    """Return the rows of a Parquet file; None where only reading would tell."""
    if path.suffix.lower() not in (".parquet", ".pq"):
        return None
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: truncated or damaged Parquet ({error})") from error


def batches(path: Path, names: Sequence[str], rows: int) -> Iterator[Floats]:
    """Yield the named columns as float64, shape (rows, columns); the last batch may be shorter.

    Raises UserError for another kind of file, a missing column, and one that holds no numbers.
    """
    kind = path.suffix.lower()
    if kind in (".parquet", ".pq"):
        source = _parquet(path, names, rows)
    elif kind == ".csv":
        source = _csv(path, names)
    else:
        raise UserError(f"{path}: expected a table ending in .parquet, .pq or .csv")
    waiting: list[Floats] = []
    count = 0
    for part in source:
        waiting.append(part)
        count += len(part)
        while count >= rows:
            joined = np.concatenate(waiting)
            yield joined[:rows]
            waiting, count = [joined[rows:]], count - rows
    if count:
        yield np.concatenate(waiting)


def _parquet(path: Path, names: Sequence[str], rows: int) -> Iterator[Floats]:
    try:
        # buffered and not read ahead: otherwise every row group read stays in memory
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=PARQUET_BUFFER) as file:
            require_columns(path, names, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=rows, columns=list(names)):
                yield _numbers(path, batch, names)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: truncated or damaged Parquet ({error})") from error


def _csv(path: Path, names: Sequence[str]) -> Iterator[Floats]:
    try:
        with pa_csv.open_csv(path) as reader:
            require_columns(path, names, reader.schema.names)
        convert = pa_csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.float64())
        )
        read = pa_csv.ReadOptions(block_size=CSV_BLOCK, use_threads=False)
        with pa_csv.open_csv(path, read_options=read, convert_options=convert) as reader:
            for batch in reader:
                yield _numbers(path, batch, names)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a table of numbers ({error})") from error


def _numbers(path: Path, batch: pa.RecordBatch, names: Sequence[str]) -> Floats:
    found = np.empty((len(batch), len(names)))
    for i, name in enumerate(names):
        column = batch.column(batch.schema.get_field_index(name))
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise UserError(f"{path}: column '{name}' holds {column.type}, expected numbers")
        found[:, i] = column.to_numpy(zero_copy_only=False)
    return found
