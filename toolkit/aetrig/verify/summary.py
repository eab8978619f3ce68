"""The verdict in one table: bits, physics, limits and latency, with what each was held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aetrig.verify.table import Table
from aetrig.verify.verdict import Check, Comparison, Latency, Physics, Verdict

Row = tuple[str, ...]
COLUMNS = ("check", "float", "QAT", "firmware", "limit", "result")


def summary_table(verdict: Verdict) -> Table:
    """Return one table of everything that was checked; faults found without vectors first."""
    rows: list[Row] = [
        (str(item), "", "", "", "", "FAILED") for item in (*verdict.findings, *verdict.not_run)
    ]
    rows += _bits(verdict.ladder)
    if verdict.physics is not None:
        rows += _figures(verdict.physics)
    rows += [_check(check) for check in verdict.checks]
    if not any(check.name.startswith("latency") for check in verdict.checks):
        rows.append(_latency(verdict.latency))
    return Table(f"Verdict on {verdict.run}", COLUMNS, tuple(rows))


def _bits(ladder: Sequence[Comparison]) -> Iterator[Row]:
    """Yield a row for each pair of stages, over all sets of vectors."""
    pairs = dict.fromkeys((row.reference, row.other) for row in ladder)
    for reference, other in pairs:
        rows = [row for row in ladder if (row.reference, row.other) == (reference, other)]
        differing, values = sum(row.differing for row in rows), sum(row.values for row in rows)
        first = next((row.first for row in rows if row.first is not None), None)
        name = f"{reference} = {other}" if first is None else f"{reference} ≠ {other}"
        where = "" if first is None else f", first in {first.layer}"
        found = f"{differing:,} of {values:,} differ{where}"
        yield (name, "", "", found, "0 bits", "FAILED" if differing else "passed")


def _figures(physics: Physics) -> Iterator[Row]:
    """Yield what was measured at each stage: the last one that ran is the firmware."""
    stages = physics.stages if len(physics.stages) > 2 else (*physics.stages, None)
    names = [None if stage is None else stage.stage for stage in stages]

    def row(title: str, texts: Iterator[str]) -> Row:
        cells = ["not run" if name is None else next(texts) for name in names]
        return (title, *cells, "", "")

    ran = physics.stages
    yield row("loss", (f"{stage.loss:.4g}" for stage in ran))
    if physics.signals:
        yield row("background rate", (f"{stage.point.rate:.3g}" for stage in ran))
    for signal in physics.signals:
        auc = (signal.auc[stage.stage] for stage in ran)
        yield row(f"AUC {signal.name}", (f"{x.value:.4f} ± {x.error:.4f}" for x in auc))
        found = (signal.efficiency[stage.stage] for stage in ran)
        yield row(f"efficiency {signal.name}", (f"{x.value:.4f} ± {x.error:.4f}" for x in found))
    for index, unit in enumerate(physics.units if not physics.signals else ()):
        step = physics.steps[index]
        features = [physics.residuals[stage.stage][index] for stage in ran]
        title = f"residual width {features[0].feature} [{unit}]"
        yield row(title, (f"{item.sigma68.value * step:.4g}" for item in features))


def _check(check: Check) -> Row:
    value = "not measured" if check.value is None else f"{check.value:.4g}"
    bound = f"{'≤' if check.at_most else '≥'} {check.limit:g}"
    result = check.text if check.passed is not False else f"FAILED, {check.text}"
    return (check.name, "", "", value, bound, result)


def _latency(latency: Latency) -> Row:
    if latency.cycles is None:
        return ("latency", "", "", "not measured", "", "no vendor report")
    found = f"{latency.cycles} cycles, {latency.nanoseconds:g} ns, interval"
    return ("latency", "", "", f"{found} {latency.interval_cycles}", "", latency.source or "")
