"""The verdict in one table: bits, physics, limits and latency, with what each was held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aetrig.physics.trigger_rate import hertz
from aetrig.verify.limits import (
    AGREEMENT,
    LATENCY_CHECKS,
    LOSS,
    auc_check,
    efficiency_check,
)
from aetrig.verify.rungs import FLOAT, IMPORTED, QAT
from aetrig.verify.table import Table, number
from aetrig.verify.verdict import Check, Comparison, Latency, Physics, Verdict

Row = tuple[str, ...]
COLUMNS = ("check", "float", "QAT", "firmware", "limit", "result")


def summary_table(verdict: Verdict) -> Table:
    """Return one table of everything that was compared or measured."""
    rows: list[Row] = [*_bits(verdict.ladder)]
    if verdict.physics is not None:
        rows += _figures(verdict.physics, {check.name: check for check in verdict.checks})
    rows += [_limit(check) for check in verdict.checks if check.name in LATENCY_CHECKS]
    rows.append(_latency(verdict.latency))
    signals = verdict.physics is not None and verdict.physics.signals
    legend = "; 0.8429(35) is 0.8429 ± 0.0035" if signals else ""
    imported = verdict.physics is not None and verdict.physics.stages[0].stage == IMPORTED
    columns = tuple(IMPORTED if imported and name == QAT else name for name in COLUMNS)
    return Table(f"Verdict on {verdict.run}{legend}", columns, tuple(rows))


def _latency(found: Latency) -> Row:
    if found.cycles is None:
        return ("latency: not measured", "", "", "", "", "")
    figure = f"{found.cycles} cycles = {found.nanoseconds:g} ns"
    interval = "not given" if found.interval_cycles is None else str(found.interval_cycles)
    return ("latency", "", "", figure, f"interval {interval}", found.source or "")


def _bits(ladder: Sequence[Comparison]) -> Iterator[Row]:
    """Yield a row for each pair of stages, over all sets of vectors; levels of one stage in one."""
    pairs = dict.fromkeys((row.reference, _stage(row)) for row in ladder)
    for reference, other in pairs:
        rows = [row for row in ladder if (row.reference, _stage(row)) == (reference, other)]
        differing, values = sum(row.differing for row in rows), sum(row.values for row in rows)
        first = next((row.first for row in rows if row.first is not None), None)
        name = f"{reference} = {other}" if first is None else f"{reference} ≠ {other}"
        result = "passed" if first is None else f"FAILED, first in {first.layer}"
        yield (name, "", "", f"{differing:,}", f"of {values:,}", result)


def _stage(row: Comparison) -> str:
    """Name the other stage; its optimization levels count as one."""
    name, level, _ = row.other.partition(" (")
    return "each level" if level and name == row.reference else name


def _figures(physics: Physics, checks: Mapping[str, Check]) -> Iterator[Row]:
    """Yield what was measured at each stage, with the limit that it is held to if any."""
    losses = [number(stage.loss, ".4g") for stage in physics.stages]
    if physics.residuals:
        yield _row(physics, "loss", losses, checks.get(LOSS))
    if physics.signals:
        rates = [f"{stage.point.rate:.3g}" for stage in physics.stages]
        title, *cells, _, _ = _row(physics, "background rate", rates)
        asked = physics.stages[0].point.requested
        yield (title, *cells, "" if asked is None else f"{asked:g} asked", "")
    for signal in physics.signals:
        stages = [stage.stage for stage in physics.stages]
        auc = [_compact(signal.auc[s].value, signal.auc[s].error) for s in stages]
        yield _row(physics, f"AUC {signal.name}", auc, checks.get(auc_check(signal.name)))
        found = [signal.efficiency[s] for s in stages]
        texts = [_compact(item.value, item.error) for item in found]
        check = checks.get(efficiency_check(signal.name))
        yield _row(physics, f"efficiency {signal.name}", texts, check)
    for index, unit in enumerate(physics.units if _shows_residuals(physics) else ()):
        step = physics.steps[index]
        known = [physics.residuals.get(stage.stage) for stage in physics.stages]
        widths = [None if of is None else of[index].sigma68.value * step for of in known]
        name = next(of[index].feature for of in known if of is not None)
        yield _row(physics, f"residual width {name} [{unit}]", [number(w, ".4g") for w in widths])
    if not physics.signals:
        found_rank = [*[""] * (len(physics.stages) - 1), f"{physics.rank_correlation:.5f}"]
        yield _row(physics, "rank correlation of scores", found_rank)
    if AGREEMENT in checks:
        yield _limit(checks[AGREEMENT])
    for point in physics.rates:
        texts = [hertz(point.rates[stage.stage].rate) for stage in physics.stages]
        error = hertz(point.rates[physics.stages[-1].stage].error)
        title, *cells, _, _ = _row(physics, f"trigger rate {point.name}", texts)
        yield (title, *cells, f"± {error}", "")


def _shows_residuals(physics: Physics) -> bool:
    return not physics.signals and bool(physics.residuals)


def _row(physics: Physics, title: str, texts: Sequence[str], check: Check | None = None) -> Row:
    """Return one row; the last stage that ran is the firmware, or it did not run."""
    cells = _cells(physics, texts)
    if check is None:
        return (title, *cells, "", "")
    return (title, *cells, f"{_short(check)} {_bound(check)}", _result(check))


def _cells(physics: Physics, texts: Sequence[str]) -> list[str]:
    """Return a cell for float, QAT and firmware."""
    before = [] if physics.stages[0].stage == FLOAT else ["none"]
    return [*before, *texts, *["not run"] * (3 - len(before) - len(texts))]


def _compact(value: float, error: float) -> str:
    """Return 0.8429(35) for 0.8429 ± 0.0035."""
    return f"{value:.4f}({round(error * 10_000)})"


def _short(check: Check) -> str:
    return "ratio" if check.name == LOSS else "fall"


def _bound(check: Check) -> str:
    return f"{'≤' if check.at_most else '≥'} {check.limit:g}"


def _limit(check: Check) -> Row:
    value = "not measured" if check.value is None else f"{check.value:.4g}"
    return (check.name, "", "", value, _bound(check), _result(check))


def _result(check: Check) -> str:
    return f"FAILED, {check.text}" if check.passed is False else check.text
