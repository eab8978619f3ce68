"""How fast each path of an emulator is here, timed in turns on a run's own events."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

import numpy as np

from aetrig.emulator.load import Emulator
from aetrig.program.model import Integers

EVENTS, ROUNDS = 1024, 7
SECONDS = 0.002  # of a timing, or a single call where that takes longer


def rates(emulator: Emulator, x: Integers) -> dict[str, float]:
    """Return events/s on one thread by path: medians over rounds. ``x``: as for `trace`."""
    events = np.resize(x, (EVENTS, x.shape[1])).astype(np.int32)
    calls = {path: replace(emulator, path=path).prepared(events) for path in emulator.paths()}
    found: dict[str, list[float]] = {path: [] for path in calls}
    for _ in range(ROUNDS):
        for path, call in calls.items():
            count, start = 0, time.perf_counter()
            while (seconds := time.perf_counter() - start) < SECONDS or not count:
                call.run()
                count += 1
            found[path].append(count * EVENTS / seconds)
    return {path: median(values) for path, values in found.items()}
