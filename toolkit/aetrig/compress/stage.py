"""`aetrig compress` and `aetrig decompress`: a table to latent codes, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from aetrig.compress import container
from aetrig.compress.bound import Bound, by_column
from aetrig.compress.codec import Codec
from aetrig.compress.parallel import ordered
from aetrig.compress.progress import Bar
from aetrig.compress.tables import batches, total_rows
from aetrig.config.load import load as load_config
from aetrig.config.model import RunConfig
from aetrig.config.sources import Column, TableSource
from aetrig.errors import CheckFailedError, UserError
from aetrig.files import workspace
from aetrig.program.contract import NETWORK
from aetrig.program.cut import decoder, encoder
from aetrig.program.read import read
from aetrig.reading import require_file
from aetrig.run import Run, held, replacing

FORMAT, ROWS = 1, 65_536
SUFFIX = ".aez"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Compressed:
    """What was written. ``raw``: bytes of the same numbers in float64."""

    path: Path
    rows: int
    blocks: int
    bytes: int
    raw: int

    def summary(self) -> str:
        """Return one line."""
        return (
            f"{self.path}: {self.rows:,} rows in {self.blocks} blocks, {self.bytes:,} bytes: "
            f"{self.raw / max(1, self.bytes):.2f} times smaller than float64"
        )


@dataclass(frozen=True)
class Restored:
    """What was read back. ``lost``: one line for each damaged block."""

    path: Path
    rows: int
    lost: tuple[str, ...]

    def summary(self) -> str:
        """Return one line."""
        return f"{self.path}: {self.rows:,} rows restored"


def compress(
    run: Run,
    table: Path,
    out: Path,
    max_error: Sequence[str] = (),
    *,
    workers: int = 0,
    progress: bool = False,
) -> Compressed:
    """Write the latent codes of a table, and what keeps its values within ``max_error``.

    ``max_error``: 0.5 or 1% for every column, pt=0.5 for one. Values that the columns' grids do not
    hold (NaN, infinity, beyond the ends) are kept exactly in any case. Raises UserError for a
    network that is no autoencoder of a table's columns, and for every fault of the table; nothing
    is written then.
    """
    qonnx = run.need(NETWORK, "export-onnx")
    if not table.is_file():
        raise UserError(f"{table} is not a file; give a table in Parquet or CSV")
    if out.resolve() == table.resolve():
        raise UserError(f"{out} is the table itself, which would be lost; give --out another name")
    columns = _columns(load_config(run / "config.yaml"))
    bounds = by_column(max_error, [column.name for column in columns])
    content = qonnx.read_bytes()
    codec = Codec(qonnx, columns, bounds)
    latent = encoder(codec.program).output_format
    decoder(codec.program)
    names = [column.name for column in columns]
    header = {
        "format": FORMAT,
        "network_sha256": hashlib.sha256(content).hexdigest(),
        "columns": [column.model_dump(mode="json") for column in columns],
        "bounds": {name: asdict(bound) for name, bound in bounds.items()},
        "latent": {"width": encoder(codec.program).outputs, **asdict(latent)},
        "rows_a_block": ROWS,
        "row_order": "as in the table",
    }
    count = rows = 0
    bar = Bar("compressing", total_rows(table), shown=progress)
    with held(out), replacing(out) as temporary, temporary.open("wb") as file, bar:
        container.write_start(file, header, content)
        for length, block in ordered(codec, _encoded, batches(table, names, ROWS), workers):
            container.write_block(file, count, rows, length, block)
            count, rows = count + 1, rows + length
            bar.at(rows)
        if not rows:
            raise UserError(f"{table}: the table has no rows")
        container.write_end(file, count, rows)
    return Compressed(out, rows, count, out.stat().st_size, rows * len(columns) * 8)


def decompress(
    path: Path, out: Path, *, salvage: bool = False, workers: int = 0, progress: bool = False
) -> Restored:
    """Write a Parquet table of what `compress` wrote.

    Raises CheckFailedError naming the first damaged block; with ``salvage`` every intact block is
    written all the same, and the lost ones are listed in the result.
    """
    if out.suffix.lower() not in (".parquet", ".pq"):
        raise UserError(f"{out}: the table is written as Parquet; end its name in .parquet")
    require_file(path)
    if out.resolve() == path.resolve():
        raise UserError(f"{out} is the compressed file itself; give --out another name")
    with held(out), path.open("rb") as file, workspace() as folder:
        header, network = container.read_start(file, path)
        qonnx = folder / "model.qonnx.onnx"
        qonnx.write_bytes(network)
        codec = _codec(header, qonnx, path)
        names = [column.name for column in codec.columns]
        schema = pa.schema([(name, pa.float64()) for name in names])
        lost: list[str] = []
        rows = 0
        bar = Bar("decompressing", None, shown=progress)
        with replacing(out) as temporary, pq.ParquetWriter(temporary, schema) as writer, bar:
            for values in ordered(codec, _decoded, _intact(file, path, lost, salvage), workers):
                if isinstance(values, str):
                    _report(f"{path}: {values}", lost, salvage=salvage)
                    continue
                arrays = [values[:, i] for i in range(len(names))]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
                rows += len(values)
                bar.at(rows)
    return Restored(out, rows, tuple(lost))


def _encoded(codec: Codec, values: Floats) -> tuple[int, bytes]:
    return len(values), codec.encode(values)


def _decoded(codec: Codec, block: container.Block) -> Floats | str:
    """Return the rows, or what is wrong with a block whose checksum was right."""
    try:
        return codec.decode(block.content or b"", block.rows)
    except (ValueError, IndexError, StopIteration, KeyError, OSError, MemoryError) as error:
        return f"block {block.index} cannot be decoded ({error or type(error).__name__})"


def _intact(file: Any, path: Path, lost: list[str], salvage: bool) -> Iterator[container.Block]:
    for block in container.blocks(file):
        if block.content is not None:
            yield block
            continue
        last = block.first_row + block.rows - 1
        where = f" (rows {block.first_row:,} to {last:,})" if block.rows else ""
        name = f"block {block.index}{where}" if block.index >= 0 else "the file"
        _report(f"{path}: {name}: {block.problem}", lost, salvage=salvage)


def _report(problem: str, lost: list[str], *, salvage: bool) -> None:
    if not salvage:
        raise CheckFailedError(f"{problem}; every intact block is read with --salvage")
    lost.append(problem)


def _columns(config: RunConfig) -> tuple[Column, ...]:
    if not isinstance(config.data, TableSource):
        raise UserError(
            f"the run's data source is {config.data.source}; only networks of a table's columns "
            "(source: table) compress tables"
        )
    columns = config.data.columns
    made = [column.name for column in columns if column.expression]
    if made:
        raise UserError(
            f"column '{made[0]}' is made from others by an expression, which cannot be undone; "
            "train on the columns themselves"
        )
    return columns


def _codec(header: dict[str, Any], qonnx: Path, path: Path) -> Codec:
    found = hashlib.sha256(qonnx.read_bytes()).hexdigest()
    try:
        if header["format"] != FORMAT:
            raise UserError(
                f"{path}: format {header['format']}, this version reads {FORMAT}; use a newer one"
            )
        if header["network_sha256"] != found:
            raise UserError(f"{path}: its network is not the one that its header names")
        columns = tuple(Column.model_validate(item) for item in header["columns"])
        bounds = {
            str(name): Bound(float(item["size"]), bool(item["relative"]))
            for name, item in header["bounds"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: its header lacks what is needed ({reason})") from error
    if len({column.name for column in columns}) != len(columns):
        raise UserError(f"{path}: its header names a column twice")
    try:
        program = read(qonnx)
    except UserError as error:
        raise UserError(f"{path}: its network: {str(error).removeprefix(f'{qonnx}: ')}") from error
    if program.features != len(columns):
        raise UserError(f"{path}: {len(columns)} columns, but a network of {program.features}")
    return Codec(qonnx, columns, bounds)
