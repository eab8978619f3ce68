"""A partition: the Parquet file of one chunk's scores, which says in itself what it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from aetrig.errors import UserError
from aetrig.reading import parse_json_as, require_file
from aetrig.run import replacing

KEY = "aetrig.score"
VERSION = 1
ROW_GROUP = 1 << 20
ACCEPT = "accept_"


@dataclass(frozen=True)
class Identity:
    """What a partition was made of: equal for equal content.

    ``trigger``: SHA-256 of the trigger; ``reading``: of how its inputs are read; ``file``, its
    ``size``, ``mtime_ns`` and, of Parquet, SHA-256 of its ``footer``; the rows from ``start`` on.
    ``number``: of the file in the list.
    """

    trigger: str
    reading: str
    number: int
    file: str
    size: int
    mtime_ns: int
    footer: str
    start: int
    rows: int | None


@dataclass(frozen=True)
class Counts:
    """Integers of a partition. ``by_label``: events, then the accepted of each working point.

    ``read``: rows before the selection; ``beyond``: saturated values by feature.
    """

    read: int
    by_label: dict[str, list[int]]
    beyond: dict[str, int]


@dataclass(frozen=True)
class _Facts:
    """What a partition says of itself."""

    version: int
    identity: Identity
    counts: Counts


def name_of(index: int) -> str:
    """Return a partition's file name."""
    return f"part-{index:06d}.parquet"


def schema(points: tuple[str, ...], *, labelled: bool) -> pa.Schema:
    """Return the columns: file and row of the input, score, a bit a working point, label."""
    fields = [("file", pa.int32()), ("row", pa.int64()), ("score", pa.int64())]
    fields += [(f"{ACCEPT}{point}", pa.bool_()) for point in points]
    fields += [("label", pa.dictionary(pa.int32(), pa.string()))] if labelled else []
    return pa.schema(fields)


class Writer:
    """Collects batches into row groups; ``finish`` says what they were made of."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        plain = [name for name in columns.names if name not in {"file", "label"}]
        self._writer = pq.ParquetWriter(
            path,
            columns,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in columns.names if name not in plain],
            column_encoding={"row": "DELTA_BINARY_PACKED", "score": "PLAIN"},
        )
        self._columns = columns
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, arrays: list[Any]) -> None:
        """Take one block's columns."""
        batch = pa.record_batch(arrays, schema=self._columns)
        self._waiting.append(batch)
        self._rows += len(batch)
        if self._rows >= ROW_GROUP:
            self._flush()

    def finish(self, identity: Identity, counts: Counts) -> None:
        """Write what is left, and the facts beside it."""
        self._flush()
        facts = {"version": VERSION, "identity": asdict(identity), "counts": asdict(counts)}
        self._writer.add_key_value_metadata({KEY: json.dumps(facts)})
        self._writer.close()

    def abandon(self) -> None:
        """Close the file as it is, for a chunk that failed."""
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._columns))
        self._waiting, self._rows = [], 0


@contextmanager
def writing(path: Path, columns: pa.Schema) -> Iterator[Writer]:
    """Give a writer; the partition stands there whole after the block, or not at all."""
    with replacing(path) as temporary:
        writer = Writer(temporary, columns)
        try:
            yield writer
        except BaseException:
            writer.abandon()
            raise


def read_facts(path: Path) -> tuple[Identity, Counts] | None:
    """Return what a partition was made of; None where it is none, or cut by a power failure."""
    try:
        require_file(path)
        text = (pq.read_metadata(path).metadata or {})[KEY.encode()]
        facts = parse_json_as(text, _Facts, str(path))
    except (OSError, pa.ArrowException, KeyError, UserError):
        return None
    return (facts.identity, facts.counts) if facts.version == VERSION else None
