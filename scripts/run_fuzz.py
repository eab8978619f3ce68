"""Draw random architectures and report what was compared, and what an engine refused and why."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fuzz.architectures import SMALL, architecture
from fuzz.rungs import Report, fast, slow

BATCH = 25


def main(count: int = 300, small: int = 0, first: int = 0) -> None:
    """Fuzz ``count`` architectures and ``small`` small ones, from seed ``first`` on."""
    started, report = time.monotonic(), Report()
    for start in range(first, first + count, BATCH):
        seeds = range(start, min(start + BATCH, first + count))
        fast(seeds, [architecture(seed) for seed in seeds], report)
        print(f"{seeds.stop - first} of {count} architectures", flush=True)
    for seed in range(first, first + small):
        slow(seed, architecture(seed, SMALL), report)
        print(f"{seed + 1 - first} of {small} small architectures built", flush=True)
    print("\n".join(report.lines()))
    print(f"fuzz: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
