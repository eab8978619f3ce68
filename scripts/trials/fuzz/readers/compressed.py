"""Compressed tables: container, codec, and the bound that is promised."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from aetrig.compress import container, stage
from aetrig.compress.bound import Bound
from aetrig.compress.codec import LENGTH, Codec
from aetrig.config.sources import Column
from aetrig.program.model import Affine, Format, Program, Quantize, Rescale
from program.qonnx_files import write_qonnx
from trials.fuzz.choices import Choices
from trials.fuzz.json_changes import one_change
from trials.fuzz.reader import BrokenPromiseError, Reader

ROWS = 5
COLUMNS = (
    {"name": "pt", "transform": "log10", "scale": 0.001, "step": 2.0**-5, "bits": 7},
    {"name": "eta", "step": 2.0**-6, "bits": 10},
)
BOUNDS = (
    {}, {"pt": Bound(0.5, relative=False)}, {"eta": Bound(0.01, relative=True)},
    {"pt": Bound(1e-300, relative=False), "eta": Bound(1e300, relative=False)},
    {"pt": Bound(0.5, relative=True), "eta": Bound(1e-12, relative=True)},
)  # fmt: skip


def _network() -> Program:
    """Return an autoencoder of 2-1-2 that nobody trained: bad codes are all the better."""
    weights = Format(4, True, -3)
    return Program(
        (Format(7, True, 0), Format(10, True, 0)),
        (
            Rescale("scale", np.array([20, 0]), np.array([6, 6])),
            Quantize("in", Format(10, True, -6), "ROUND"),
            Affine("e", np.array([[3], [-5]]), weights, np.array([3])),
            Quantize("e_quant", Format(9, True, -6), "FLOOR"),
            Affine("d", np.array([[7, -2]]), weights, np.array([0, 1])),
            Quantize("out", Format(10, True, -6), "ROUND"),
        ),
        "",
    )


@cache
def _codec(folder: Path, number: int) -> Codec:
    path = folder / "network.onnx"
    if not path.exists():
        write_qonnx(_network(), path)
    columns = tuple(Column.model_validate(column) for column in COLUMNS)
    return Codec(path, columns, BOUNDS[number])


def _values() -> Any:
    return np.array([[1e3, 0.1], [2.5e4, -0.5], [np.nan, 3.0], [-1.0, np.inf], [9e4, 1e300]])


def _codec_seeds() -> list[bytes]:
    return [bytes([number]) + _values().tobytes() for number in range(len(BOUNDS))]


def _rows(path: Path) -> None:
    """Read numbers, put them through the codec, and hold them to what it promises."""
    content = path.read_bytes()
    number, rows = (content[0] if content else 0) % len(BOUNDS), (len(content) - 1) // 16
    if rows < 1:
        return
    codec = _codec(path.parent, number)
    values = np.frombuffer(content[1 : 1 + 16 * rows], "<f8").reshape(rows, 2)
    found = codec.decode(codec.encode(values), rows)
    for i, column in enumerate(codec.columns):
        bound = codec.bounds.get(column.name)
        finite = np.isfinite(values[:, i])
        if not np.array_equal(found[~finite, i], values[~finite, i], equal_nan=True):
            raise BrokenPromiseError(f"{column.name}: what is not finite was not kept")
        if bound is None:
            continue
        with np.errstate(all="ignore"):
            error = np.abs(found[finite, i] - values[finite, i])
            allowed = bound.size * (np.abs(values[finite, i]) if bound.relative else 1.0)
        if not (error <= allowed).all():
            raise BrokenPromiseError(f"{column.name}: an error of {error.max():g} beyond {bound}")


def _header(qonnx: bytes) -> dict[str, Any]:
    return {
        "format": stage.FORMAT,
        "network_sha256": hashlib.sha256(qonnx).hexdigest(),
        "columns": list(COLUMNS),
        "bounds": {"pt": {"size": 0.5, "relative": False}, "eta": {"size": 0.01, "relative": True}},
        "latent": {}, "rows_a_block": ROWS, "row_order": "as in the table",
    }  # fmt: skip


@cache
def _parts() -> tuple[dict[str, Any], bytes, bytes]:
    """Return header, network and a block's content."""
    with tempfile.TemporaryDirectory() as name:
        qonnx = write_qonnx(_network(), Path(name) / "n.onnx").read_bytes()
        path = Path(name) / "n.onnx"
        columns = tuple(Column.model_validate(column) for column in COLUMNS)
        bounds = {"pt": Bound(0.5, relative=False), "eta": Bound(0.01, relative=True)}
        content = Codec(path, columns, bounds).encode(_values())
    return _header(qonnx), qonnx, content


def _file(header: bytes, network: bytes, blocks: list[bytes]) -> bytes:
    made = io.BytesIO()
    made.write(container.MAGIC)
    for part in (header, network):
        made.write(container.PART.pack(len(part), zlib.crc32(part)) + part)
    for index, content in enumerate(blocks):
        container.write_block(made, index, index * ROWS, ROWS, content)
    container.write_end(made, len(blocks), len(blocks) * ROWS)
    return made.getvalue()


def _whole() -> bytes:
    header, network, content = _parts()
    return _file(json.dumps(header).encode(), network, [content, content])


def _decompressed(path: Path) -> None:
    """Decompress, with and without what is damaged; what comes out is encoded again."""
    out = path.with_name("out.parquet")
    out.unlink(missing_ok=True)
    stage.decompress(path, out, salvage=True, workers=1)
    with path.open("rb") as file:
        container.read_start(file, path)
        found = list(container.blocks(file))
    whole = sum(block.rows for block in found if block.content is not None)
    if whole < pq.read_metadata(out).num_rows:
        raise BrokenPromiseError("more rows than the blocks have")
    if not all(block.content is not None for block in found):
        return
    again = io.BytesIO()
    for block in found:
        container.write_block(again, block.index, block.first_row, block.rows, block.content or b"")
    container.write_end(again, len(found), sum(block.rows for block in found))
    again.seek(0)
    if list(container.blocks(again)) != found:
        raise BrokenPromiseError("the blocks differ when they are written and read again")


def _any_file(choices: Choices) -> bytes:
    """Change header, network, sections or heads, and give each its right checksum."""
    header, network, content = _parts()
    header = json.loads(json.dumps(header))
    sections = _sections(content)
    blocks = [content]
    for _ in range(1 + choices.below(3)):
        match choices.below(6):
            case 0:
                header = one_change(header, choices)
            case 1:
                at = choices.below(len(sections))
                part = bytearray(sections[at])
                if part:
                    part[choices.below(len(part))] = choices.below(256)
                sections[at] = bytes(part)
            case 2:
                at = choices.below(len(sections))
                size = struct.pack("<Q", choices.integer() & (2**64 - 1))
                prefix = sections[at][:1] if choices.yes() else b""
                sections[at] = prefix + size + sections[at][len(prefix) + 8 :]
            case 3:
                del sections[choices.below(len(sections)) :]
                sections = sections or [b""]
            case 4:
                sections.append(choices.raw(choices.below(20)))
            case 5:
                sections[choices.below(len(sections))] = choices.raw(choices.below(20))
        blocks = [b"".join(LENGTH.pack(len(part)) + part for part in sections)]
    made = _file(json.dumps(header).encode(), network, blocks)
    if choices.below(4):
        return made
    head = container.HEAD.pack(
        container.BLOCK, choices.integer() & 0xFFFFFFFF, choices.integer() & (2**63 - 1),
        choices.integer() & 0xFFFFFFFF, choices.integer() & (2**63 - 1), choices.below(9),
    )  # fmt: skip
    whole = head + container.CHECK.pack(zlib.crc32(head))
    at = made.rfind(container.BLOCK) if choices.yes() else made.rfind(container.END)
    return made[:at] + whole + (made[at + len(whole) :] if choices.yes() else made[at:])


def _sections(content: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(content):
        (length,) = LENGTH.unpack_from(content, at)
        found.append(content[at + LENGTH.size : at + LENGTH.size + length])
        at += LENGTH.size + length
    return found


READERS = (
    Reader("codec", _rows, _codec_seeds, longest=161),
    Reader("container", _decompressed, lambda: [_whole()], ".aez", ("BLCK", "TAIL"), _any_file),
)
