"""What the faults of one network do, as plain arrays that can be kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ANY, SCORED, DECIDED = range(3)  # what is compared: all results; score and accept; accept alone
ARRAYS = ("memory", "kind", "bit", "proven", "golden", "changed", "factor")

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """The faults of one network, arrays by fault.

    ``memory``, ``kind``: text; ``bit``: int; ``proven``: bool, silent by exact ranges; ``golden``,
    ``changed``: bool (faults, 3), whether golden vectors, or any input, show it in all results, in
    score and accept, in accept alone; ``factor``: float (faults, points), rate with the fault over
    rate without, NaN where it is proven silent, no columns without a trigger.
    ``what``: the events of the rate; ``accepted``: of the sample, at each point, without a fault;
    ``rated``: events of the sample, and how many they stand for. ``vectors``: golden ones;
    ``least``: as many of them, chosen greedily, show 99 percent; ``searched``: inputs that a change
    was looked for on.
    """

    network: str
    what: str
    points: tuple[str, ...]
    accepted: tuple[int, ...]
    rated: tuple[int, int]
    vectors: int
    least: int
    bits: int
    table_bits: int
    searched: int
    seconds: float
    memory: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    bit: npt.NDArray[np.int64]
    proven: Flags
    golden: Flags
    changed: Flags
    factor: npt.NDArray[np.float64]

    @property
    def nominal(self) -> int:
        """Index of the working point that the tables by bit and the plot are made for."""
        return self.points.index("nominal") if "nominal" in self.points else 0

    def parts(self) -> Iterator[tuple[str, Flags]]:
        """Yield name and faults: of weights, biases and thresholds, then of tables."""
        tables = self.kind == "table"
        yield self.network, ~tables
        if tables.any():
            yield f"{self.network}, tables", tables

    def worst(self) -> float:
        """Return the least share of the changing faults that golden vectors show, of both parts."""
        shown, changed = (self.golden & self.changed)[:, ANY], self.changed[:, ANY]
        return min(
            float(shown[rows].sum() / max(1, changed[rows].sum())) for _, rows in self.parts()
        )


def keep(path: Path, found: Found) -> None:
    """Write what was found into an .npz."""
    facts = {f.name: getattr(found, f.name) for f in fields(found) if f.name not in ARRAYS}
    arrays = {name: getattr(found, name) for name in ARRAYS}
    np.savez_compressed(path, facts=np.array(json.dumps(facts)), allow_pickle=False, **arrays)


def kept(path: Path) -> Found:
    """Read what `keep` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        facts: dict[str, Any] = json.loads(str(archive["facts"]))
        arrays = {name: archive[name] for name in ARRAYS}
    for name in ("points", "accepted", "rated"):
        facts[name] = tuple(facts[name])
    return Found(**facts, **arrays)
