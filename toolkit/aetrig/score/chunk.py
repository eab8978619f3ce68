"""One task: read a chunk's rows, score them, write their partition."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aetrig.errors import UserError
from aetrig.score.blocks import Block, Part, arrow, blocks, numbers
from aetrig.score.library import Accept, Library, Scores
from aetrig.score.partition import Counts, Identity, name_of, schema, writing
from aetrig.score.reading import Arranged, Reading, arrange, out_of_range

STEPS = ("read", "arrange", "score", "write")


@dataclass(frozen=True)
class Chunk:
    """Rows of one file for one partition. ``identity.number``: the file's place in the list."""

    index: int
    part: Part
    identity: Identity


@dataclass(frozen=True)
class Job:
    """What all chunks have in common.

    ``points``: names of the working points; ``labelled``: whether any of the files has labels.
    """

    library: Library
    reading: Reading
    points: tuple[str, ...]
    labelled: bool
    out: Path


@dataclass(frozen=True)
class Done:
    """A written chunk. ``seconds``: of the processor, by step; ``peak``: bytes of memory."""

    counts: Counts
    seconds: dict[str, float]
    worker: str
    peak: int


def run(job: Job, chunk: Chunk) -> Done:
    """Write a chunk's partition, whole or not at all, and return its counts."""
    _require_same(chunk)
    clock = _Clock()
    reading, part = job.reading, chunk.part
    counts = Counts(0, {}, {})
    read = 0
    columns = schema(job.points, labelled=job.labelled)
    with writing(job.out / name_of(chunk.index), columns) as writer:
        source = iter(blocks(part, reading.names, integers=reading.columns is None))
        while True:
            with clock.of("read"):
                block = next(source, None)
            if block is None:
                break
            with clock.of("arrange"):
                arranged = arrange(reading, block, part.path)
            with clock.of("score"):
                score, accept = _scored(job, arranged, block, part.path)
            with clock.of("write"):
                label = _label(block, arranged)
                read += len(block)
                _count(counts, accept, label, arranged.beyond)
                found = _columns(chunk, block, arranged, score, accept)
                writer.add([*found, _texts(label, len(score))] if job.labelled else found)
        if part.stop is not None and read != part.stop - part.start:
            raise UserError(f"{part.path}: {read} rows where {part.stop - part.start} were there")
        counts = Counts(read, counts.by_label, counts.beyond)
        with clock.of("write"):
            writer.finish(chunk.identity, counts)
    return Done(counts, clock.seconds, f"{socket.gethostname()}:{os.getpid()}", peak())


class _Clock:
    """Seconds of this thread on the processor, by step."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STEPS, 0.0)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        self.seconds[step] += time.thread_time() - start


def _require_same(chunk: Chunk) -> None:
    """Raise UserError where the file is not the one that the chunk was planned on."""
    path = chunk.part.path
    try:
        found = path.stat()
    except OSError as error:
        raise UserError(
            f"{path} is not to be seen from {socket.gethostname()}; the run's folder, the files "
            "and --out must be on a filesystem that all workers share"
        ) from error
    if (found.st_size, found.st_mtime_ns) != (chunk.identity.size, chunk.identity.mtime_ns):
        raise UserError(f"{path} was changed while it was scored; run the command again")


def _scored(job: Job, arranged: Arranged, block: Block, path: Path) -> tuple[Scores, Accept]:
    found = job.library.evaluate(arranged.x)
    if not isinstance(found, int):
        return found
    x, of = arranged.x[found], job.reading
    outside = (x < np.array(of.low)) | (x > np.array(of.high))
    feature = int(np.argmax(outside))
    row = found if arranged.rows is None else int(arranged.rows[found])
    raise out_of_range(of, feature, int(x[feature]), block.first + row, path)


def _label(block: Block, arranged: Arranged) -> pa.Array | None:
    if block.label is None or arranged.rows is None:
        return block.label
    return block.label.take(arrow(arranged.rows))


def _count(counts: Counts, accept: Accept, label: pa.Array | None, beyond: dict[str, int]) -> None:
    """Add a block to the counts of its labels; all rows are of the label "" without one."""
    codes = np.zeros(len(accept), np.int64)
    names = [""]
    if label is not None:
        codes, names = numbers(label.indices), label.dictionary.to_pylist()
    columns = [np.bincount(codes, minlength=len(names))]
    columns += [
        np.bincount(codes[accept[:, i] != 0], minlength=len(names)) for i in range(accept.shape[1])
    ]
    for name, found in zip(names, np.column_stack(columns).tolist(), strict=True):
        if found[0]:
            before = counts.by_label.get(name, [0] * len(found))
            counts.by_label[name] = [a + b for a, b in zip(before, found, strict=True)]
    for name, values in beyond.items():
        counts.beyond[name] = counts.beyond.get(name, 0) + values


def _columns(
    chunk: Chunk, block: Block, arranged: Arranged, score: Scores, accept: Accept
) -> list[Any]:
    rows = np.arange(len(block)) if arranged.rows is None else arranged.rows
    found: list[Any] = [
        arrow(np.full(len(score), chunk.identity.number, np.int32)),
        arrow(block.first + rows),
        arrow(score),
    ]
    found += [arrow(accept[:, i].astype(np.bool_)) for i in range(accept.shape[1])]
    return found


def _texts(label: pa.Array | None, rows: int) -> pa.Array:
    """Return a block's labels; empty texts where its file has none and another has."""
    if label is not None:
        return label
    return pa.DictionaryArray.from_arrays(arrow(np.zeros(rows, np.int32)), pa.array([""]))


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    # getrusage would tell that of the process that started this one, where that had more
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
