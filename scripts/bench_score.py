"""How cost and memory of `aetrig score` grow with the events: `bench_score.py [1e6 1e7 ...]`.

The events are synthetic: minimum-bias crossings of the embedded sample, drawn with replacement and
smeared by a step of the grid, as 16-bit integers in Parquet files of a million events, compressed
by zstd. At most ``--distinct`` events are made; beyond that the files are hard-linked under more
names, which the table states: each name is read and scored anew. The trigger is that of
``models/l1-trigger``. The last lines extrapolate to a year of zero-bias events, on paper.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_emulator import processor

FILE = 1_000_000  # events
MODEL = Path(__file__).parents[1] / "models" / "l1-trigger"
YEAR = 100_000_000_000  # events
DAY = 86_400.0


@dataclass(frozen=True)
class Measured:
    """One call of the command. ``processor``: seconds of all its processes; sizes in bytes."""

    events: int
    distinct: int
    seconds: float
    processor: float
    read: int
    written: int
    record: dict[str, Any]


def make_run(folder: Path) -> Path:
    """Return a run with the reference trigger and its emulator."""
    import numpy as np

    from aetrig.config.load import load as load_config
    from aetrig.data.load import load as load_data
    from aetrig.data.vectors import FILE, save
    from aetrig.emulator.stage import emulator
    from aetrig.run import Run

    run = Run(folder / "runs" / "bench")
    run.path.mkdir(parents=True)
    for name in ("config.yaml", "model.qonnx.onnx", "trigger.qonnx.onnx"):
        shutil.copy(MODEL / name, run / name)
    dataset = load_data(load_config(run / "config.yaml").data, MODEL)
    save(run / FILE, dataset.select(np.arange(0, len(dataset.x), 100)))
    emulator(run)
    return run.path


def make_file(path: Path, seed: int) -> None:
    """Write a million crossings: drawn from the sample's, each present value moved by -1, 0 or 1.

    A transverse momentum stays positive where the object is there, and everything on its grid.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aetrig.config.sources import L1Source
    from aetrig.data import l1

    generator = np.random.default_rng(seed)
    sample = l1.load(L1Source())
    crossings = sample.x[sample.rows("minbias")]
    rows = generator.integers(0, len(crossings), FILE)
    columns = {}
    for i, feature in enumerate(sample.features):
        values = crossings[rows, i]
        mark = i if feature.presence is None else feature.presence
        there = crossings[rows, mark] != 0
        moved = values + generator.integers(-1, 2, FILE, dtype=np.int32) * there
        positive = i == mark and not feature.grid.signed
        least = there.astype(np.int32) if positive else feature.grid.low
        columns[feature.name] = np.clip(moved, least, feature.grid.high).astype(np.int16)
    pq.write_table(pa.table(columns), path, compression="zstd")


def files(folder: Path, events: int, distinct: int) -> list[Path]:
    """Return files of so many events; those beyond ``distinct`` are further names of the first."""
    made = []
    for number in range(events // FILE):
        path = folder / f"events-{number:04d}.parquet"
        first = folder / f"events-{number % (distinct // FILE):04d}.parquet"
        if not path.exists() and first == path:
            make_file(path, number)
        elif not path.exists():
            path.hardlink_to(first)
        made.append(path)
    return made


def measure(run: Path, given: list[Path], out: Path, distinct: int, options: list[str]) -> Measured:
    """Run the command as a user does; the time is that of the whole, start-up and all."""
    command = [
        Path(sys.executable).with_name("aetrig"), "score", *given, "--run", run, "--out", out,
        "--minbias", "--quiet", *options,
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(done.stdout, flush=True)
    record = json.loads((out / "score.json").read_text(encoding="utf-8"))
    events = len(given) * FILE
    if record["events"] != events:
        raise SystemExit(f"{record['events']} events were counted, expected {events}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(
        events, min(events, distinct), seconds, spent, sum(p.stat().st_size for p in given),
        sum(path.stat().st_size for path in out.glob("partitions/*.parquet")), record,
    )  # fmt: skip


def print_table(found: list[Measured]) -> None:
    """Print one row a size."""
    print(
        f"{'events':>12} {'distinct':>12} {'s':>8} {'events/s':>12} {'CPU s/1e6':>10} "
        f"{'driver MiB':>11} {'worker MiB':>11} {'read MB':>10} {'written MB':>11}"
    )
    for one in found:
        last = one.record["last_call"]
        print(
            f"{one.events:12,} {one.distinct:12,} {one.seconds:8.1f} "
            f"{one.events / one.seconds:12,.0f} {one.processor / one.events * 1e6:10.3f} "
            f"{last['peak_driver_bytes'] / 2**20:11,.0f} "
            f"{last['peak_worker_bytes'] / 2**20:11,.0f} {one.read / 1e6:10,.0f} "
            f"{one.written / 1e6:11,.0f}"
        )
    steps = found[-1].record["last_call"]["processor_seconds"]
    total = sum(steps.values())
    shares = ", ".join(f"{step} {seconds / total:.0%}" for step, seconds in steps.items())
    print(f"workers' processor time at {found[-1].events:,} events: {shares}")


def print_year(found: list[Measured]) -> None:
    """Extrapolate from the slope between the first and the last size, or the last alone."""
    first, last = found[0], found[-1]
    per_event = last.processor / last.events
    if last.events > first.events:
        per_event = (last.processor - first.processor) / (last.events - first.events)
    core_hours = per_event * YEAR / 3600
    print(
        f"extrapolated, not measured: {YEAR:.0e} events at {per_event * 1e6:.3f} processor seconds "
        f"a million take {core_hours:,.0f} core-hours: a day on {per_event * YEAR / DAY:,.1f} such "
        f"cores, where the files deliver {last.read / last.events * YEAR / DAY / 1e6:,.0f} MB/s; "
        f"{last.read / last.events * YEAR / 1e12:,.1f} TB are read, "
        f"{last.written / last.events * YEAR / 1e12:,.2f} TB written"
    )


def main() -> None:
    """Measure each size, smallest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", nargs="*", type=float, default=[1e6, 1e7, 1e8])
    parser.add_argument("--distinct", type=float, default=1e7, help="events to make at most")
    parser.add_argument("--workers", type=int, help="default: one a processor")
    parser.add_argument("--scheduler", help="tcp://HOST:PORT of a running cluster")
    parser.add_argument("--folder", type=Path, help="for the files; default: a temporary one")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    distinct = max(FILE, int(given.distinct) // FILE * FILE)
    options = [] if given.workers is None else ["--workers", str(given.workers)]
    options += [] if given.scheduler is None else ["--scheduler", given.scheduler]
    print(f"{processor()}, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="aetrig-", dir=given.folder) as scratch:
        folder = Path(scratch)
        run = make_run(folder)
        found = []
        for events in sorted(max(FILE, int(e) // FILE * FILE) for e in given.events):
            made = files(folder, events, distinct)
            found.append(measure(run, made, folder / f"scores-{events}", distinct, options))
            shutil.rmtree(folder / f"scores-{events}")
        print_table(found)
        print_year(found)
    if given.json is not None:
        content = [{k: v for k, v in vars(one).items() if k != "record"} | one.record["last_call"]
                   for one in found]  # fmt: skip
        given.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
