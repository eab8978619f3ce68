"""The emulator for an hour, in threads and processes, loaded and unloaded: flat and exact."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trials._emulators.build import make, make_driver, networks
from trials._machine import where

WARM = 0.2  # of the time, after which memory has to be flat
GROWTH = 256 * 1024  # bytes that the last samples' median may lie above the first ones' after that
COLUMNS = (
    "process", "minutes", "events", "calls", "differing", "refused inputs", "loads and unloads",
    "resident after warming up", "at the end", "growth",
)  # fmt: skip


@dataclass(frozen=True)
class Process:
    """What a process did, and its memory over time. ``code``: its exit status."""

    code: int
    samples: list[dict[str, Any]]
    message: str

    @property
    def growth(self) -> float:
        """Resident bytes: median of the last fifth of the samples over that after warming up."""
        size = np.array([sample["resident"] for sample in self.samples], dtype=float)
        fifth = max(1, len(size) // 5)
        begin = int(WARM * len(size))
        return float(np.median(size[-fifth:]) - np.median(size[begin : begin + fifth]))

    def faults(self) -> list[str]:
        """Return what was not as promised."""
        if self.code or not self.samples:
            return [self.message.strip() or f"ended with status {self.code}"]
        found = []
        if self.growth > GROWTH:
            found.append(f"resident memory grew by {self.growth / 1024:.0f} KiB")
        for what in ("maps", "files"):
            later = [sample[what] for sample in self.samples[int(WARM * len(self.samples)) :]]
            half = max(1, len(later) // 2)
            if min(later[half:], default=0) > max(later[:half]):
                found.append(f"{what} grew from {max(later[:half])} to {min(later[half:])}")
        return found


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(prog="scripts/trust soak", description=__doc__)
    found.add_argument("--minutes", type=float, default=60, help="default: %(default)s")
    found.add_argument("--processes", type=int, default=2, help="at once; default: %(default)s")
    found.add_argument(
        "--threads", type=int, default=3, help="of each, beside the one that loads; %(default)s"
    )
    found.add_argument("--network", action="append", default=[], help="of models/; default: all")
    found.add_argument("--events", type=int, default=20_000, help="of the reference")
    found.add_argument("--json", type=Path, help="write every sample too")
    return found


def main(words: list[str]) -> int:
    """Build, run the processes side by side, print the table; 1 where something was not kept."""
    options = parser().parse_args(words)
    names = networks(options.network)
    with tempfile.TemporaryDirectory(prefix="aetrig-soak.") as scratch:
        processes = run(options, names, Path(scratch))
    if options.json:
        options.json.write_text(json.dumps([vars(process) for process in processes]))
    print("\n".join(rows(processes, options, names)))
    faults = [fault for process in processes for fault in process.faults()]
    print("\n".join(f"fault: {fault}" for fault in faults) or "soak: passed")
    return int(bool(faults))


def run(options: argparse.Namespace, names: list[str], scratch: Path) -> list[Process]:
    """Run the driver's processes to their end."""
    made = [
        make(name, version, options.events, scratch / f"{name}-{version}")
        for name in names
        for version in (1, 2)
    ]
    driver = make_driver(scratch)
    seconds = 60 * options.minutes
    interval = max(0.2, min(10, seconds / 100))
    libraries = [word for item in made for word in item.words()]
    print(f"{len(made)} libraries; {seconds:.0f} s begin", flush=True)
    started = []
    for number in range(options.processes):
        own = scratch / f"process{number}"
        own.mkdir()
        head = [str(driver), str(seconds), str(interval), str(options.threads), str(number * 10**6)]
        started.append(
            subprocess.Popen(
                [*head, str(own), *libraries],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    ended = []
    for process in started:
        out, message = process.communicate()
        samples = [json.loads(line) for line in out.splitlines()]
        ended.append(Process(process.returncode, samples, message))
    return ended


def rows(processes: list[Process], options: argparse.Namespace, names: list[str]) -> list[str]:
    """Return the table as Markdown."""
    lines = [
        where(),
        f"{len(names)} networks in two versions each ({', '.join(names)}),",
        f"{options.processes} processes of {options.threads} threads, and one to load and unload.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---:" * len(COLUMNS) + "|",
    ]
    for number, process in enumerate(processes, 1):
        if not process.samples:
            continue
        last, warm = process.samples[-1], process.samples[int(WARM * len(process.samples))]
        differing = "0" if not process.code else process.message.strip()
        lines.append(
            f"| {number} | {last['seconds'] / 60:.1f} | {last['events']:,} | {last['calls']:,} "
            f"| {differing} | {last['refusals']:,} | {last['loads']:,} "
            f"| {warm['resident'] / 2**20:.2f} MiB | {last['resident'] / 2**20:.2f} MiB "
            f"| {process.growth / 1024:.0f} KiB |"
        )
    return lines
