"""The verdict as plain rows, for the command line and for reports."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from aetrig.physics.rate import Efficiency
from aetrig.physics.trigger_rate import hertz
from aetrig.verify.coverage import Coverage
from aetrig.verify.verdict import Comparison, Latency, Physics, Verdict


@dataclass(frozen=True)
class Table:
    """Text cells under column titles."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(verdict: Verdict) -> list[Table]:
    """Return the tables in the order of printing; findings first, empty ones left out."""
    found = [_findings(verdict), _ladder(verdict), _coverage(verdict.coverage)]
    if verdict.physics is not None:
        found += _physics(verdict.physics)
    found += [_checks(verdict), _latency(verdict.latency)]
    return [table for table in found if table.rows]


def _findings(verdict: Verdict) -> Table:
    rows = [("fault", item.where, item.layer or "", item.what) for item in verdict.findings]
    rows += [("not run", item.where, item.layer or "", item.what) for item in verdict.not_run]
    return Table("Found before comparing", ("kind", "where", "layer", "what"), tuple(rows))


def _ladder(verdict: Verdict) -> Table:
    columns = ("stages", "vectors", "events", "values compared", "differing", "first at layer")
    rows = tuple(_pair(row) for row in _joined(verdict.ladder))
    return Table("Ladder: every quantized integer, bit for bit", columns, rows)


def _pair(row: Comparison) -> tuple[str, ...]:
    sign = "=" if row.first is None else "≠"
    first = "" if row.first is None else f"{row.first.layer}, vector {row.first.sample}"
    counts = (f"{row.events:,}", f"{row.values:,}", f"{row.differing:,}")
    return (f"{row.reference} {sign} {row.other}", row.vectors, *counts, first)


def _joined(ladder: tuple[Comparison, ...]) -> Iterator[Comparison]:
    """Yield the comparisons, those equal ones of a stage with its own variants as one."""

    def variant(row: Comparison) -> tuple[str, str] | None:
        name, level, _ = row.other.partition(" (")
        return (name, row.vectors) if level and row.first is None else None

    for key, group in itertools.groupby(ladder, variant):
        rows = list(group)
        if key is None:
            yield from rows
            continue
        levels = [row.other.partition(" (")[2].rstrip(")") for row in rows]
        values = sum(row.values for row in rows)
        stage = "output" if key[0] == rows[0].reference else key[0]
        other = f"{stage}, optimization {', '.join(levels)}"
        yield dataclasses.replace(rows[0], other=other, values=values)


def _coverage(coverage: tuple[Coverage, ...]) -> Table:
    def count(number: int | None) -> str:
        return "cannot" if number is None else f"{number:,}"

    rows = [
        (row.name, f"{row.values:,}", count(row.ties), count(row.low), count(row.high))
        for row in coverage
    ]
    columns = ("quantizer", "values", "rounding ties", "saturated low", "saturated high")
    return Table("What the adversarial vectors reached", columns, tuple(rows))


def _physics(physics: Physics) -> Iterator[Table]:
    yield _stages(physics)
    yield _signals(physics)
    yield _rates(physics)
    if not physics.signals:
        yield _residuals(physics)


def _stages(physics: Physics) -> Table:
    rows = []
    for stage in physics.stages:
        point = stage.point
        error = "" if point.relative_error is None else f" ± {point.relative_error:.0%}"
        minbias = "none" if stage.minbias is None else f"{stage.minbias:.3g}"
        rate = f"{point.rate:.3g}{error}"
        rows.append(
            (stage.stage, number(stage.loss, ".5g"), f"{point.threshold:.5g}", rate,
             f"{point.accepted:,}", minbias)
        )  # fmt: skip
    columns = ("stage", "loss", "threshold", "background rate", "accepted", "minbias accepted")
    title = (
        f"Working point on {physics.background_events:,} background events: decisions agree "
        f"{physics.agreement:.4%}, rank correlation {physics.rank_correlation:.5f}"
    )
    requested = physics.stages[0].point.requested
    target = physics.stages[0].point.target
    if requested is not None and target is not None and target > requested:
        title += f"; rate {requested:g} asked, the sample supports {target:.3g}"
    return Table(title, columns, tuple(rows))


def number(value: float | None, form: str) -> str:
    """Return a number as text; "none" where a stage has none."""
    return "none" if value is None else format(value, form)


def _signals(physics: Physics) -> Table:
    names = [stage.stage for stage in physics.stages]
    rows = tuple(
        (
            signal.name,
            *(f"{signal.auc[name].value:.4f} ± {signal.auc[name].error:.4f}" for name in names),
            *(_efficiency(signal.efficiency[name]) for name in names),
            f"{signal.agreement:.4f}",
        )
        for signal in physics.signals
    )
    auc, efficiency = (f"AUC {name}" for name in names), (f"efficiency {name}" for name in names)
    return Table("Signals", ("signal", *auc, *efficiency, "agreement"), rows)


def _rates(physics: Physics) -> Table:
    names = [stage.stage for stage in physics.stages]
    rows = tuple(
        (
            point.name,
            f"{point.threshold:,}",
            *(f"{hertz(point.rates[n].rate)} ± {hertz(point.rates[n].error)}" for n in names),
        )
        for point in physics.rates
    )
    columns = ("working point", "threshold", *(f"rate {name}" for name in names))
    return Table("Trigger rates; ± statistics of the sample", columns, rows)


def _efficiency(found: Efficiency) -> str:
    return f"{found.value:.4f} ± {found.error:.4f}"


def _residuals(physics: Physics) -> Table:
    rows = []
    features = next(iter(physics.residuals.values()), ())
    for index, feature in enumerate(features):
        step, unit = physics.steps[index], physics.units[index]
        cells = []
        for stage in physics.stages:
            if stage.stage not in physics.residuals:
                cells.append("none")
                continue
            width = physics.residuals[stage.stage][index].sigma68
            cells.append(f"{width.value * step:.4g} ± {width.error * step:.2g}")
        rows.append((feature.feature, unit, *cells))
    columns = ("feature", "unit", *(f"sigma68 {stage.stage}" for stage in physics.stages))
    return Table("Residuals: reconstructed minus input, background", columns, tuple(rows))


def _checks(verdict: Verdict) -> Table:
    rows = tuple(
        (
            check.name,
            "not measured" if check.value is None else f"{check.value:.4g}",
            f"{'at most' if check.at_most else 'at least'} {check.limit:g}",
            check.text,
        )
        for check in verdict.checks
    )
    return Table("Limits of the configuration", ("check", "value", "limit", "result"), rows)


def _latency(latency: Latency) -> Table:
    if latency.cycles is None:
        row = ("not measured", "", "", "no RTL and no vendor's report; make one: aetrig rtl")
    else:
        time = "" if latency.nanoseconds is None else f"{latency.nanoseconds:g}"
        interval = latency.interval_cycles
        given = "not given" if interval is None else str(interval)
        row = (str(latency.cycles), given, time, latency.source or "")
    return Table("Latency", ("cycles", "interval", "ns", "source"), (row,))
