"""The compressed file: a header, the network, blocks, and an end; a checksum each.

All numbers are little-endian; checksums are CRC-32. docs/compressed-format.md is the description.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from aetrig.errors import UserError
from aetrig.reading import parse_json

MAGIC, BLOCK, END = b"AETRIGC1", b"BLCK", b"TAIL"
PART = struct.Struct("<QI")  # length, checksum
HEAD = struct.Struct("<4sIQIQI")  # BLCK, index, first row, rows, length, checksum of the content
CHECK = struct.Struct("<I")  # of the HEAD before it
LAST = struct.Struct("<4sIQ")  # TAIL, blocks, rows
LARGEST_HEADER, LARGEST_BLOCK, LARGEST_ROWS = 1 << 28, 1 << 31, 1 << 20


@dataclass(frozen=True)
class Block:
    """A block as it was found. ``content``: None where it is damaged, as ``problem`` says."""

    index: int
    first_row: int
    rows: int
    content: bytes | None
    problem: str = ""


def write_start(file: BinaryIO, header: dict[str, Any], network: bytes) -> None:
    """Write everything before the blocks."""
    file.write(MAGIC)
    parts = json.dumps(header).encode(), network
    file.writelines(PART.pack(len(part), zlib.crc32(part)) + part for part in parts)


def write_block(file: BinaryIO, index: int, first_row: int, rows: int, content: bytes) -> None:
    """Append a block."""
    head = HEAD.pack(BLOCK, index, first_row, rows, len(content), zlib.crc32(content))
    file.write(head + CHECK.pack(zlib.crc32(head)) + content)


def write_end(file: BinaryIO, blocks: int, rows: int) -> None:
    """Write what tells a whole file from a truncated one."""
    last = LAST.pack(END, blocks, rows)
    file.write(last + CHECK.pack(zlib.crc32(last)))


def read_start(file: BinaryIO, path: Path) -> tuple[dict[str, Any], bytes]:
    """Return header and network; raise UserError where either is damaged."""
    magic = file.read(len(MAGIC))
    if magic != MAGIC:
        raise UserError(
            f"{path}: not a file of aetrig compress (it begins with {magic!r}, not {MAGIC!r})"
        )
    header, network = (_part(file, path, name) for name in ("header", "network"))
    content = parse_json(header, dict[str, Any], f"{path}: its header", "it cannot be read")
    return content, network


def _part(file: BinaryIO, path: Path, name: str) -> bytes:
    size = file.read(PART.size)
    length, check = PART.unpack(size) if len(size) == PART.size else (LARGEST_HEADER + 1, 0)
    part = file.read(length) if length <= min(LARGEST_HEADER, _left(file)) else b""
    if len(part) != length or zlib.crc32(part) != check:
        raise UserError(
            f"{path}: its {name} is truncated or altered, and without it no block can be read; "
            "copy the file again"
        )
    return part


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield every block that can be found, whole or damaged.

    The last one has the index -1 and no content where the file ends too early, or where its end
    counts other blocks or rows than were found. A damaged block's head is skipped to the next.
    """
    expected, row = 0, 0
    while True:
        start = file.tell()
        head = file.read(HEAD.size + CHECK.size)
        if head[: len(END)] == END:
            problem = _end_problem(head[: LAST.size + CHECK.size], expected, row)
            if problem:
                yield Block(-1, row, 0, None, problem)
            return
        found = _head(head)
        if found is None:
            place = _next(file, start + 1)
            if place is None:
                yield Block(-1, row, 0, None, f"it ends or is damaged from byte {start} on")
                return
            file.seek(place)
            continue
        index, first, rows, length, check = found
        if index > expected:  # one line for all: their number is the file's own word
            more = f" (and {index - expected - 1} more)" if index - expected > 1 else ""
            problem = f"its head, by byte {start}, is damaged{more}"
            yield Block(expected, row, max(0, first - row), None, problem)
        content = file.read(min(length, _left(file)))
        expected, row = index + 1, first + rows
        if len(content) != length:
            yield Block(index, first, rows, None, f"it is cut after {len(content)} bytes")
            return
        if zlib.crc32(content) != check:
            yield Block(index, first, rows, None, "its checksum differs")
            continue
        yield Block(index, first, rows, content)


def _left(file: BinaryIO) -> int:
    """Return how many bytes there are: no more is asked for, whatever a length claims."""
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end - here


def _head(head: bytes) -> tuple[int, int, int, int, int] | None:
    if len(head) != HEAD.size + CHECK.size or head[: len(BLOCK)] != BLOCK:
        return None
    if CHECK.unpack(head[HEAD.size :])[0] != zlib.crc32(head[: HEAD.size]):
        return None
    _, index, first, rows, length, check = HEAD.unpack(head[: HEAD.size])
    sound = length <= LARGEST_BLOCK and rows <= LARGEST_ROWS
    return (index, first, rows, length, check) if sound else None


def _next(file: BinaryIO, start: int) -> int | None:
    """Return where the next sound head, or the end, begins."""
    file.seek(start)
    rest = file.read()
    place = 0
    while True:
        candidates = [at for mark in (BLOCK, END) if (at := rest.find(mark, place)) >= 0]
        if not candidates:
            return None
        place = min(candidates)
        head = rest[place : place + HEAD.size + CHECK.size]
        if head[: len(END)] == END or _head(head) is not None:
            return start + place
        place += 1


def _end_problem(last: bytes, found: int, rows: int) -> str:
    if len(last) != LAST.size + CHECK.size:
        return "its end is cut"
    if CHECK.unpack(last[LAST.size :])[0] != zlib.crc32(last[: LAST.size]):
        return "its end is damaged"
    _, wanted, wanted_rows = LAST.unpack(last[: LAST.size])
    if (wanted, wanted_rows) != (found, rows):
        return f"it has {found} blocks with {rows} rows, and once had {wanted} with {wanted_rows}"
    return ""
