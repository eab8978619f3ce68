"""What the trial found, as Markdown: by engine, by kind of architecture, and what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from trials._markdown import number, table
from trials.architectures.rungs import CSIM, EMULATOR, ONNXRUNTIME, RTL, Record

REACHED = ("Brevitas", ONNXRUNTIME, EMULATOR, CSIM, RTL)


def lines(records: Sequence[Record]) -> Iterator[str]:
    """Yield the tables."""
    architectures, values, differing = Counter[str](), Counter[str](), Counter[str]()
    for record in records:
        for engine, count in record.compared.items():
            architectures[engine] += 1
            values[engine] += count
        for text in record.differs:
            differing[text.split(":")[0]] += 1
    drawn = Counter(f"{record.source}, {record.part}" for record in records)
    yield "Drawn: " + "; ".join(f"{count:,} ({name})" for name, count in sorted(drawn.items()))
    yield ""
    yield from table(
        ("compared with the Program", "architectures", "values compared", "that differ"),
        (
            [name, number(architectures[name]), number(values[name]), number(differing[name])]
            for name in sorted(architectures | differing)
        ),
    )
    yield ""
    yield from table(("kind of architecture", *REACHED), _kinds(records))
    yield ""
    refused = Counter((engine, why) for record in records for engine, why in record.refused.items())
    yield from table(
        ("refused by", "architectures", "because"),
        ([engine, number(count), why] for (engine, why), count in refused.most_common()),
    )


def _kinds(records: Sequence[Record]) -> Iterator[list[str]]:
    counts: dict[str, Counter[str]] = {}
    for record in records:
        for kind in record.kinds:
            counts.setdefault(kind, Counter()).update(_reached(record))
    for kind in sorted(counts):
        yield [kind, *(number(counts[kind][engine]) for engine in REACHED)]


def _reached(record: Record) -> Iterator[str]:
    prefixes = {"Brevitas": "QAT"}
    for engine in REACHED:
        prefix = prefixes.get(engine, engine)
        if any(name.startswith(prefix) for name in record.compared):
            yield engine
