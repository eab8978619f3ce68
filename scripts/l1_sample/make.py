"""Make the embedded level-1-like sample: `python scripts/l1_sample/make.py --out l1.parquet`.

Three stages, each a file: `generate` (Pythia to tower deposits), `detector` (pile-up, smearing,
trigger objects in hardware units), `write` (Parquet and, with `card`, its data card). The first two
work in chunks whose files are kept under --work and skipped when present, so an interrupted run
goes on where it stopped. The sample depends on the seed and the scale, not on the number of jobs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import detector
import generate
import numpy as np
import write
from generate import HARD, MINBIAS, SOFT, Process

CHUNK = {"soft": 10_000}  # events a file; other processes:
CHUNK_DEFAULT = 2_500


@dataclass(frozen=True)
class Chunk:
    """A piece of work: some events of one process, with its own seed and file."""

    process: Process
    index: int
    events: int
    seed: int
    path: Path


def chunk_seed(seed: int, stage: str, name: str, index: int) -> int:
    """A seed for one chunk, in the range Pythia takes (1 to 900,000,000)."""
    words = [seed, zlib.crc32(stage.encode()), zlib.crc32(name.encode()), index]
    return int(np.random.SeedSequence(words).generate_state(1)[0]) % 900_000_000 + 1


def chunks(process: Process, scale: float, seed: int, stage: str, folder: Path) -> list[Chunk]:
    """Split a process into chunks of fixed size; the last one takes the rest."""
    size = CHUNK.get(process.name, CHUNK_DEFAULT)
    total = max(1, round(process.events * scale))
    pieces = []
    for index, first in enumerate(range(0, total, size)):
        events = min(size, total - first)
        path = folder / f"{process.name}-{index:04d}-{events}.npz"
        pieces.append(
            Chunk(process, index, events, chunk_seed(seed, stage, process.name, index), path)
        )
    return pieces


def folder_for(work: Path, stage: str, *ingredients: object) -> Path:
    """A folder named after what determines its contents, so stale chunks are never picked up."""
    text = json.dumps(ingredients, sort_keys=True, default=str)
    folder = work / f"{stage}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def generate_chunk(chunk: Chunk) -> None:
    """Generate one chunk with Pythia."""
    events, section = generate.run_pythia(chunk.process.settings, chunk.events, chunk.seed)
    generate.save(chunk.path, events, section)


@lru_cache(maxsize=1)
def soft_pool(paths: tuple[Path, ...]) -> generate.Events:
    """All soft events, read once a worker."""
    return generate.concatenate([generate.load(path) for path in paths])


def detect_chunk(chunk: Chunk, truth: Path | None, pool: tuple[Path, ...]) -> None:
    """Overlay pile-up on one chunk, pass it through the detector, write its rows."""
    events = generate.load(truth) if truth else generate.nothing(chunk.events)
    rows = detector.trigger_rows(events, soft_pool(pool), np.random.default_rng(chunk.seed))
    partial = chunk.path.with_suffix(".partial.npz")
    np.savez(partial, rows=rows)
    partial.replace(chunk.path)


def run_all(stage: str, work: Callable[..., None], tasks: list[tuple[Any, ...]], jobs: int) -> None:
    """Run `work` on the tasks whose chunk has no file yet, printing progress."""
    missing = [task for task in tasks if not task[0].path.exists()]
    total = sum(task[0].events for task in missing)
    print(
        f"{stage}: {len(tasks) - len(missing)} chunks present, {len(missing)} to make", flush=True
    )
    begin, done = time.monotonic(), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as executor:
        futures = {executor.submit(work, *task): task[0] for task in missing}
        for future in as_completed(futures):
            future.result()
            chunk = futures[future]
            done += chunk.events
            seconds = time.monotonic() - begin
            print(
                f"{stage}: {chunk.path.stem} done, {done}/{total} events, {seconds:.0f} s",
                flush=True,
            )


def generation(work: Path, scale: float, seed: int, jobs: int) -> dict[str, list[Chunk]]:
    """Stage one: chunks of true deposits for the pile-up pool and each hard process."""
    pieces = {}
    for process in (SOFT, *HARD):
        recipe = (generate.BEAMS, process.settings, version("pythia8mc"), generate.recipe(), seed)
        folder = folder_for(work, "generated", recipe)
        pieces[process.name] = chunks(process, scale, seed, "generate", folder)
    tasks = [(chunk,) for group in pieces.values() for chunk in group]
    run_all("generate", generate_chunk, tasks, jobs)
    return pieces


def detection(
    work: Path, scale: float, seed: int, jobs: int, truth: dict[str, list[Chunk]]
) -> dict[str, list[Chunk]]:
    """Stage two: chunks of trigger rows for each hard process and for minimum bias."""
    pool = tuple(chunk.path for chunk in truth["soft"])
    inputs = ["/".join(chunk.path.parts[-2:]) for group in truth.values() for chunk in group]
    source = Path(detector.__file__).read_text(encoding="utf-8")  # parameters and their use
    folder = folder_for(work, "detected", inputs, source, seed)
    pieces, tasks = {}, []
    for process in (*HARD, MINBIAS):
        group = chunks(process, scale, seed, "detect", folder)
        pieces[process.name] = group
        for chunk in group:
            before = truth[process.name][chunk.index].path if process.name in truth else None
            tasks.append((chunk, before, pool))
    run_all("detect", detect_chunk, tasks, jobs)
    return pieces


def collect(truth: dict[str, list[Chunk]], rows: dict[str, list[Chunk]]) -> list[write.Part]:
    """Bring together what `write` needs of each process."""
    parts = []
    for process in (*HARD, MINBIAS):
        pieces = []
        for chunk in rows[process.name]:
            with np.load(chunk.path) as file:
                pieces.append(file["rows"])
        sections = [generate.load_cross_section(c.path) for c in truth.get(process.name, [])]
        parts.append(write.Part(process, np.concatenate(pieces), sections))
    return parts


def main() -> None:
    """Read the options and run the three stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("toolkit/aetrig/data/samples/l1.parquet"))
    parser.add_argument("--work", type=Path, default=Path("runs/l1-sample"), help="chunk files")
    parser.add_argument("--events-scale", type=float, default=1.0, help="0.01 for a quick run")
    parser.add_argument("--seed", type=int, default=20211)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    scale, seed, jobs = arguments.events_scale, arguments.seed, arguments.jobs
    truth = generation(arguments.work, scale, seed, jobs)
    rows = detection(arguments.work, scale, seed, jobs, truth)
    pool = [generate.load_cross_section(chunk.path) for chunk in truth["soft"]]
    write.sample(arguments.out, collect(truth, rows), pool, seed)


if __name__ == "__main__":
    main()
