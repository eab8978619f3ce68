"""One network's vectors through its engines: what was compared, and how fast."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import results
from aetrig.verify.coverage import coverage
from trials.exact.engines import Engine, Network, emulated, emulation, network, simulated
from trials.exact.vectors import Chunk, source, stream

PROGRAM, RTL, CSIM = "Program", "RTL", "csim"


@dataclass(frozen=True)
class Options:
    """What the trial was asked for. ``csim``: vectors for networks without RTL, 0 for none."""

    vectors: int
    chunk: int
    csim: int
    covered: int
    digits: int
    seed: int


@dataclass
class Tally:
    """What an engine did. ``seconds``: of processor time, in one thread.

    ``cycles`` and ``bubbles``: clocks, and those without an event, where the engine has a clock.
    """

    events: int = 0
    values: int = 0
    differing: int = 0
    seconds: float = 0.0
    cycles: int = 0
    bubbles: int = 0
    first: str | None = None


@dataclass
class Outcome:
    """One network's result. ``coverage``: of ``covered`` vectors, a row a quantizer.

    ``refused``: engines that this network does not have, and why.
    """

    network: str
    digest: str
    vectors: int
    engines: dict[str, Tally] = field(default_factory=dict)
    families: Counter[str] = field(default_factory=Counter)
    covered: int = 0
    coverage: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def differing(self) -> int:
        """Values that differ, of all engines."""
        return sum(tally.differing for tally in self.engines.values())

    def line(self) -> dict[str, Any]:
        """Return the record as JSON has it."""
        return asdict(self) | {"families": dict(self.families)}


def run(folder: Path, options: Options) -> Outcome:
    """Compare all engines of the network in a folder with its Program."""
    given = network(folder)
    outcome = Outcome(given.name, given.program.digest, options.vectors)
    with tempfile.TemporaryDirectory(prefix="aetrig-exact-") as scratch:
        engines = list(_engines(given, Path(scratch), options, outcome))
        drawn = source(given.program, given.x, options.seed)
        chunks = stream(drawn, options.vectors, options.chunk, options.seed)
        for number, chunk in enumerate(chunks):
            _compare(given, engines, chunk, number, options, outcome)
        if RTL in outcome.refused and options.csim:
            again = stream(drawn, options.csim, min(options.chunk, options.csim), options.seed)
            _csim(given, Path(scratch), again, outcome)
    return outcome


def _engines(given: Network, scratch: Path, options: Options, outcome: Outcome) -> Iterator[Engine]:
    yield emulated(given, scratch)
    try:
        yield simulated(given, scratch, options.digits)
    except (UserError, MissingToolError) as error:
        outcome.refused[RTL] = str(error)


def _compare(
    given: Network, engines: list[Engine], chunk: Chunk, number: int, options: Options,
    outcome: Outcome,
) -> None:  # fmt: skip
    reference = _timed(outcome, PROGRAM, lambda: results(given.program, chunk.x))
    for engine in engines:
        _engine(engine, chunk, number, reference, outcome)
    outcome.families += chunk.families
    if number % options.covered == 0:
        _cover(given, chunk, outcome)


def _engine(
    engine: Engine, chunk: Chunk, number: int, reference: dict[str, np.ndarray], outcome: Outcome
) -> None:
    """Run a chunk and compare; only the first difference is told, all are counted."""
    found = _timed(outcome, engine.name, lambda: engine.run(chunk.x, number))
    tally = outcome.engines[engine.name]
    tally.cycles, tally.bubbles = engine.cycles, engine.bubbles
    if set(found) != set(reference):
        raise CheckFailedError(f"{engine.name} gives {list(found)}, expected {list(reference)}")
    difference = first_difference(reference, found)
    if difference is not None:
        tally.first = tally.first or f"chunk {number}: {difference}"
        tally.differing += sum(
            int((found[name] != values).sum()) for name, values in reference.items()
        )


def _timed(
    outcome: Outcome, name: str, work: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    tally = outcome.engines.setdefault(name, Tally())
    began = process_time()
    found = work()
    tally.seconds += process_time() - began
    tally.events += len(next(iter(found.values())))
    tally.values += sum(values.size for values in found.values())
    return found


def _cover(given: Network, chunk: Chunk, outcome: Outcome) -> None:
    """Add what the chunk drives to ties and saturation; None stays None: it cannot happen."""
    rows = [asdict(row) for row in coverage(given.program, chunk.x)]
    outcome.covered += len(chunk.x)
    if not outcome.coverage:
        outcome.coverage = rows
        return
    for total, row in zip(outcome.coverage, rows, strict=True):
        for kind in ("values", "ties", "low", "high"):
            if row[kind] is not None:
                total[kind] += row[kind]


def _csim(given: Network, scratch: Path, chunks: Iterator[Chunk], outcome: Outcome) -> None:
    engine = emulation(given, scratch)
    for number, chunk in enumerate(chunks):
        _engine(engine, chunk, number, results(given.program, chunk.x), outcome)
