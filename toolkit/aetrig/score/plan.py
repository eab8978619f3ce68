"""Files to chunks: which rows make which partition, in the order of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aetrig.data.files import require_kind
from aetrig.data.root_file import survey
from aetrig.data.table_files import READERS, require_columns
from aetrig.errors import UserError
from aetrig.score.blocks import PARQUET, ROOT, Part, require_columns_of, require_numbers
from aetrig.score.chunk import Chunk
from aetrig.score.partition import Identity
from aetrig.score.reading import Reading

TAIL = 8  # bytes at a Parquet file's end: the footer's length and a signature


def plan(files: Sequence[Path], reading: Reading, trigger: str, rows: int) -> list[Chunk]:
    """Return the chunks of about ``rows`` rows: row groups of Parquet, events of ROOT, whole files.

    Every Parquet and CSV file's columns are checked here, before anything is written. Raises
    UserError for a file that is missing, given twice, of another kind, damaged, or lacks a column,
    and where no file has a row.
    """
    found: list[Chunk] = []
    seen: dict[Path, Path] = {}
    digest = reading.digest()
    for number, name in enumerate(files):
        path = name.expanduser().resolve()
        if not path.is_file():
            more = f", such as {name}/*.parquet" if path.is_dir() else ""
            raise UserError(f"{name} is not a file; give the tables to score{more}")
        if path in seen:
            raise UserError(f"{name} is given twice (as {seen[path]}); its rows would count twice")
        seen[path] = name
        status = path.stat()
        for part, footer in _parts(path, reading, rows):
            length = None if part.stop is None else part.stop - part.start
            identity = Identity(
                trigger, digest, number, path.name, status.st_size, status.st_mtime_ns,
                footer, part.start, length,
            )  # fmt: skip
            found.append(Chunk(len(found), part, identity))
    if not found:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        raise UserError(f"{files[0]}{more}: no rows to score")
    return found


def _parts(path: Path, reading: Reading, rows: int) -> Iterator[tuple[Part, str]]:
    """Yield a file's parts, each with the digest of the footer where it has one."""
    kind = path.suffix.lower()
    if kind in PARQUET:
        yield from _parquet(path, reading, rows)
    elif kind == ".csv":
        label = require_columns_of(path, reading.names, reading.label)
        yield Part(path, 0, None, None, label), ""
    elif kind == ROOT and reading.columns is not None:
        yield from _root(path, reading, rows)
    elif kind in READERS:
        yield Part(path, 0, None, None, None), ""
    else:
        raise UserError(
            f"{path}: unknown kind of table '{path.suffix}'; expected a name ending in "
            f"{', '.join(READERS)} or {ROOT}"
        )


def _parquet(path: Path, reading: Reading, rows: int) -> Iterator[tuple[Part, str]]:
    require_kind(path, "Parquet")
    try:
        with pq.ParquetFile(path) as file:
            available, metadata = file.schema_arrow, file.metadata
    except (OSError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:300]
        raise UserError(
            f"{path}: truncated or damaged Parquet ({said}); copy or download it again"
        ) from error
    require_columns(path, reading.names, available.names)
    for name in reading.names:
        require_numbers(path, name, available.field(name).type)
        if reading.columns is None and not pa.types.is_integer(available.field(name).type):
            raise UserError(
                f"{path}: column '{name}' holds {available.field(name).type}, expected integers "
                "in hardware units"
            )
    label = reading.label if reading.label in available.names else None
    footer = _footer(path)
    lengths = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    if not sum(lengths):
        return
    start = 0
    for groups in _together(lengths, rows):
        stop = start + sum(lengths[groups[0] : groups[1]])
        yield Part(path, start, stop, groups, label), footer
        start = stop


def _root(path: Path, reading: Reading, rows: int) -> Iterator[tuple[Part, str]]:
    """Yield ranges of events; the whole where objects are the rows, whose number nobody knows."""
    events, branches = survey(path, reading.names, reading.tree)
    label = reading.label if reading.label in branches else None
    if not events:
        return
    if reading.collection is not None:
        yield Part(path, 0, None, None, label, reading.tree, reading.collection), ""
        return
    for start in range(0, events, rows):
        yield Part(path, start, min(start + rows, events), None, label, reading.tree), ""


def _together(lengths: Sequence[int], rows: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of row groups of at most ``rows`` rows, or of one group that has more."""
    first = count = 0
    for group, length in enumerate(lengths):
        if group > first and count + length > rows:
            yield first, group
            first, count = group, 0
        count += length
    if len(lengths) > first:
        yield first, len(lengths)


def _footer(path: Path) -> str:
    """Return the SHA-256 of a Parquet file's footer: its layout, sizes and statistics."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(size - TAIL)
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - TAIL - length))
        return hashlib.sha256(file.read(length)).hexdigest()
