"""The same vectors through every stage, neighbours compared integer by integer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.errors import AetrigError
from aetrig.program.compare import differing_bit
from aetrig.program.model import SCORE
from aetrig.verify.verdict import Comparison, Finding, Mismatch

Integers = npt.NDArray[np.int64]
Kept = npt.NDArray[np.signedinteger[Any]]
Trace = Mapping[str, Integers]
CHUNK = 4096
MISMATCHES = 100  # kept for each pair


@dataclass(frozen=True)
class Rung:
    """A stage: from hardware integers (events, features) to the integers of its quantizers.

    ``run`` returns them by operation name; a stage that shows only its output returns only that.
    ``beside``: the stage it is compared with, where that is not simply the one before. ``keep``:
    return its integers of the layers that are kept, for a score.
    """

    name: str
    run: Callable[[Integers], Trace]
    beside: str | None = None
    keep: bool = False


@dataclass(frozen=True)
class Climbed:
    """The ladder on one set of vectors.

    ``values``: by kept stage and kept layer, the integers: what a score needs.
    """

    comparisons: tuple[Comparison, ...]
    mismatches: tuple[Mismatch, ...]
    findings: tuple[Finding, ...]
    values: dict[str, dict[str, Kept]]


def climb_ladder(
    rungs: Sequence[Rung],
    x: Integers,
    vectors: str,
    layers: Sequence[str],
    kept_layers: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Climbed:
    """Run all stages on ``x`` chunk by chunk and compare neighbours.

    ``x``: int64, shape (events, features); ``layers``: names of the quantizers in order;
    ``kept_layers``: those whose integers are returned, where a kept stage has them; ``progress``
    is told the events done. A stage that fails is reported and left out from there on; its
    neighbours then meet.
    """
    alive, findings = list(rungs), list[Finding]()
    tallies: dict[tuple[str, str], _Tally] = {}
    kept: dict[str, dict[str, list[Kept]]] = {}
    for start in range(0, x.shape[0], CHUNK):
        chunk = x[start : start + CHUNK]
        traces: dict[str, Trace] = {}
        for rung in list(alive):
            try:
                traces[rung.name] = rung.run(chunk)
            except AetrigError as error:
                findings.append(Finding(rung.name, f"failed on the {vectors} vectors: {error}"))
                alive.remove(rung)
        for pair in _pairs(alive):
            tally = tallies.setdefault(pair, _Tally(*pair, vectors, layers))
            try:
                tally.add(traces[pair[0]], traces[pair[1]], start)
            except AetrigError as error:
                findings.append(Finding(pair[1], f"cannot be compared: {error}"))
                alive = [rung for rung in alive if rung.name != pair[1]]
        for rung in alive:
            for layer in kept_layers if rung.keep else ():
                if layer in traces[rung.name]:
                    part = _narrow(layer, traces[rung.name][layer])
                    kept.setdefault(rung.name, {}).setdefault(layer, []).append(part)
        progress(chunk.shape[0])
    whole = {rung.name for rung in alive}
    values = {
        name: {layer: np.concatenate(parts) for layer, parts in of.items()}
        for name, of in kept.items()
        if name in whole
    }
    comparisons = tuple(tally.comparison() for tally in tallies.values())
    mismatches = tuple(item for tally in tallies.values() for item in tally.mismatches())
    return Climbed(comparisons, mismatches, tuple(findings), values)


def _narrow(layer: str, values: Integers) -> Kept:
    """Return quantized values as int32, which holds them; a score may need 64 bits."""
    return values if layer == SCORE else values.astype(np.int32)


def _pairs(rungs: Sequence[Rung]) -> Iterator[tuple[str, str]]:
    """Yield neighbours: each stage with the one before, variants with the stage they vary."""
    names = [rung.name for rung in rungs]
    before: str | None = None
    for rung in rungs:
        if rung.beside is None:
            if before is not None:
                yield before, rung.name
            before = rung.name
        elif rung.beside in names:
            yield rung.beside, rung.name


@dataclass
class _Tally:
    """Counts and the first mismatches of one pair, layer by layer, over all chunks."""

    reference: str
    other: str
    vectors: str
    layers: Sequence[str]
    events: int = 0
    values: int = 0
    differing: int = 0
    found: dict[str, list[Mismatch]] = field(default_factory=dict)

    def add(self, reference: Trace, other: Trace, start: int) -> None:
        """Compare one chunk, whose first event is number ``start``."""
        common = [layer for layer in self.layers if layer in reference and layer in other]
        if not common:
            raise AetrigError(f"no layer in common with {self.reference}")
        self.events += reference[common[0]].shape[0]
        for layer in common:
            a, b = reference[layer], other[layer]
            if a.shape != b.shape:
                raise AetrigError(f"'{layer}' has shape {b.shape}, {self.reference} has {a.shape}")
            self.values += a.size
            where = np.argwhere(a != b)
            self.differing += where.shape[0]
            entries = self.found.setdefault(layer, [])
            for row, column in where[: MISMATCHES - len(entries)].tolist():
                pair = int(a[row, column]), int(b[row, column])
                entries.append(self._mismatch(layer, start + row, column, pair))

    def _mismatch(self, layer: str, sample: int, element: int, pair: tuple[int, int]) -> Mismatch:
        stages = (self.reference, self.other, self.vectors)
        return Mismatch(*stages, layer, sample, element, *pair, differing_bit(*pair))

    def mismatches(self) -> list[Mismatch]:
        """Return the first hundred, earliest layer first."""
        ordered = [item for layer in self.layers for item in self.found.get(layer, [])]
        return ordered[:MISMATCHES]

    def comparison(self) -> Comparison:
        first = next(iter(self.mismatches()), None)
        return Comparison(
            self.reference,
            self.other,
            self.vectors,
            self.events,
            self.values,
            self.differing,
            first,
        )
