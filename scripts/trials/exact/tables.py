"""What the trial found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trials._markdown import number, table
from trials.exact.compare import CSIM, Outcome, Tally

ENGINES = ("Program", "emulator", "RTL", CSIM)


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the tables: what was compared, what was driven to its limits, what was not done."""
    yield from table(
        ("network", "engine", "vectors", "values compared", "differing", "events/s", "clocks",
         "of them without an event"),
        (_engine(found, name, tally) for found in outcomes for name, tally in _engines(found)),
    )  # fmt: skip
    yield ""
    yield "Values at each quantizer's ties and beyond its ends; - is what cannot happen there:"
    yield ""
    yield from table(
        ("network", "quantizer", "vectors", "values", "ties", "saturated low", "saturated high"),
        (
            [found.network, f"`{row['name']}`", number(found.covered), number(row["values"]),
             *(number(row[kind]) for kind in ("ties", "low", "high"))]
            for found in outcomes
            for row in found.coverage
            if any(row[kind] is not None for kind in ("ties", "low", "high"))
        ),
    )  # fmt: skip
    yield ""
    families = sorted({name for found in outcomes for name in found.families})
    yield from table(
        ("vectors of", *families),
        (
            [found.network, *(number(found.families.get(name, 0)) for name in families)]
            for found in outcomes
        ),
    )
    for found in outcomes:
        for engine, why in found.refused.items():
            yield f"\n{found.network} has no {engine}: {why}"
        for tally in found.engines.values():
            if tally.first is not None:
                yield f"\n{found.network}: {tally.first}"


def _engines(found: Outcome) -> Iterator[tuple[str, Tally]]:
    for name in ENGINES:
        if name in found.engines:
            yield name, found.engines[name]


def _engine(found: Outcome, name: str, tally: Tally) -> list[str]:
    rate = tally.events / tally.seconds if tally.seconds else 0
    clocks = (number(tally.cycles), number(tally.bubbles)) if tally.cycles else ("", "")
    differing = "(reference)" if name == ENGINES[0] else number(tally.differing)
    return [
        found.network, name, number(tally.events), number(tally.values), differing,
        number(float(f"{rate:.2g}")), *clocks,
    ]  # fmt: skip
