"""The verdict in one table: every figure in its column, every fault in capitals."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from aetrig.config.model import Limits, Verification
from aetrig.verify.limits import checks
from aetrig.verify.performance import performance
from aetrig.verify.summary import COLUMNS, summary_table
from aetrig.verify.table import Table
from aetrig.verify.verdict import Comparison, Finding, Latency, Mismatch, Physics, Verdict
from verify.test_performance import GRID, NOT_MEASURED, measure, stages, vectors

QAT = Comparison("QAT", "onnxruntime", "validation", 5600, 100_000, 0, None)
LEVELS = tuple(
    Comparison("onnxruntime", f"onnxruntime ({level})", "validation", 5600, 30_000, 0, None)
    for level in ("disabled", "all")
)
CSIM = tuple(
    Comparison("Program", "csim", name, 4000, 80_000, 0, None)
    for name in ("validation", "adversarial")
)
LADDER = (QAT, *LEVELS, *CSIM)
FIRST = Mismatch("Program", "csim", "adversarial", "encoder_1_quant", 17, 3, 12, 14, 1)
DIFFERENT = (*LADDER[:-1], dataclasses.replace(CSIM[1], differing=7, first=FIRST))
BITS = [
    ("QAT = onnxruntime", "", "", "0", "of 100,000", "passed"),
    ("onnxruntime = each level", "", "", "0", "of 60,000", "passed"),
    ("Program = csim", "", "", "0", "of 160,000", "passed"),
]
UNMEASURED = ("latency: not measured", "", "", "", "", "")


def verdict(
    physics: Physics | None = None,
    limits: Limits | None = None,
    latency: Latency = NOT_MEASURED,
    **changes: Any,
) -> Verdict:
    judged = checks(limits or Limits(), physics, latency)
    whole = Verdict("runs/l1", (), (), LADDER, (), physics, latency, judged)
    return dataclasses.replace(whole, **changes)


def unlabelled() -> Physics:
    events = vectors(signal=False, minbias=False)
    return performance(events, stages(events, 0.0), GRID, Verification())


def rows(table: Table) -> dict[str, tuple[str, ...]]:
    return {row[0]: row for row in table.rows}


def test_passing_verdict_has_a_row_for_everything_measured() -> None:
    table = summary_table(verdict(measure(0.0)))
    assert table.title == "Verdict on runs/l1; 0.8429(35) is 0.8429 ± 0.0035"
    assert table.columns == COLUMNS
    assert list(table.rows[:3]) == BITS
    made = rows(table)
    assert list(made)[3:] == [
        "loss",
        "background rate",
        "AUC a_4l",
        "efficiency a_4l",
        "equal decisions, background",
        "latency: not measured",
    ]
    assert made["loss"][4:] == ("ratio ≤ 2", "passed")
    assert made["AUC a_4l"][4:] == ("fall ≤ 0.02", "passed")
    assert made["efficiency a_4l"][4:] == ("fall ≤ 0.3", "passed")
    assert made["background rate"][1:] == ("0.0025", "0.0025", "0.0025", "1e-05 asked", "")
    assert made["equal decisions, background"][1:] == ("", "", "1", "≥ 0.99", "passed")
    assert made["latency: not measured"] == UNMEASURED
    assert not any("FAILED" in cell for row in table.rows for cell in row)


def test_figures_are_those_of_float_qat_and_firmware_in_this_order() -> None:
    physics = measure(0.3)
    made = rows(summary_table(verdict(physics)))
    assert list(made["loss"][1:4]) == [f"{stage.loss:.4g}" for stage in physics.stages]
    assert made["loss"][1] != made["loss"][2]
    (signal,) = physics.signals
    for column, stage in enumerate(("float", "QAT", "csim"), start=1):
        auc = signal.auc[stage]
        assert made["AUC a_4l"][column] == f"{auc.value:.4f}({round(auc.error * 1e4)})"
        assert made["efficiency a_4l"][column].startswith(f"{signal.efficiency[stage].value:.4f}(")


def test_differing_integers_are_shown_as_failed_at_their_layer() -> None:
    table = summary_table(verdict(measure(0.0), ladder=DIFFERENT))
    assert list(table.rows[:2]) == BITS[:2]
    assert table.rows[2] == (
        "Program ≠ csim", "", "", "7", "of 160,000", "FAILED, first in encoder_1_quant",
    )  # fmt: skip


def test_a_difference_at_one_optimization_level_is_seen() -> None:
    level = dataclasses.replace(LEVELS[1], differing=2, first=FIRST)
    table = summary_table(verdict(ladder=(QAT, LEVELS[0], level)))
    assert table.rows[1][:4] == ("onnxruntime ≠ each level", "", "", "2")
    assert table.rows[1][5].startswith("FAILED")


def test_missed_limits_are_shown_as_failed_with_the_margin() -> None:
    physics = measure(1.0, shift=2.0)
    limits = Limits(agreement=1.0)
    judged = {check.name: check for check in checks(limits, physics, NOT_MEASURED)}
    made = rows(summary_table(verdict(physics, limits)))
    assert made["loss"][4:] == ("ratio ≤ 2", "FAILED, missed by 2")
    for row, check in (
        ("AUC a_4l", "relative fall of AUC, a_4l"),
        ("efficiency a_4l", "relative fall of efficiency beyond 2 sigma, a_4l"),
        ("equal decisions, background", "equal decisions, background"),
    ):
        assert judged[check].passed is False
        assert made[row][5] == f"FAILED, {judged[check].text}"


@pytest.mark.parametrize(
    ("latency_ns", "interval", "results"),
    [
        (100.0, 1, ("passed", "passed")),
        (95.0, 1, ("FAILED, missed by 5", "passed")),
    ],
)
def test_latency_is_shown_with_its_limit(
    latency_ns: float, interval: int, results: tuple[str, str]
) -> None:
    limits = Limits(latency_ns=latency_ns, interval_cycles=interval)
    measured = Latency("csynth.xml", 20, 1, 5.0)
    made = rows(summary_table(verdict(measure(0.0), limits, measured)))
    assert made["latency in ns"][3:] == ("100", f"≤ {latency_ns:g}", results[0])
    assert made["initiation interval in cycles"][3:] == ("1", "≤ 1", results[1])
    assert "latency: not measured" not in made


def test_limit_on_a_latency_that_was_not_measured_is_neither_passed_nor_failed() -> None:
    made = rows(summary_table(verdict(limits=Limits(latency_ns=100))))
    assert made["latency in ns"][3:] == ("not measured", "≤ 100", "not measured")
    assert made["latency: not measured"] == UNMEASURED


def test_firmware_that_did_not_run_is_said_in_its_column() -> None:
    events = vectors()
    physics = performance(events, stages(events, 0.0)[:2], GRID, Verification())
    missing = Finding("csim", "no hls project; make it with: aetrig hls")
    made = rows(summary_table(verdict(physics, not_run=(missing,), ladder=LADDER[:3])))
    for name in ("loss", "background rate", "AUC a_4l", "efficiency a_4l"):
        assert made[name][3] == "not run"
        assert made[name][2] != "not run"
    assert "Program = csim" not in made


def test_data_without_signals_has_residuals_and_rank_correlation_instead() -> None:
    physics = unlabelled()
    table = summary_table(verdict(physics))
    assert table.title == "Verdict on runs/l1"
    made = rows(table)
    assert list(made)[3:] == [
        "loss",
        "residual width pt [GeV]",
        "residual width eta [1]",
        "rank correlation of scores",
        "equal decisions, background",
        "latency: not measured",
    ]
    # widths of 4 and 1 integers, in steps of 0.5 GeV and 0.25
    width = physics.residuals["csim"][0].sigma68.value * 0.5
    assert width == pytest.approx(2.0, rel=0.1)
    assert made["residual width pt [GeV]"][1:] == (*[f"{width:.4g}"] * 3, "", "")
    assert made["rank correlation of scores"][1:] == ("", "", "1.00000", "", "")


def test_without_physics_the_ladder_is_still_shown() -> None:
    assert summary_table(verdict()).rows == (*BITS, UNMEASURED)
    assert summary_table(verdict(ladder=())).rows == (UNMEASURED,)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("signal", [True, False])
def test_every_row_has_six_cells_of_text(count: int, signal: bool) -> None:
    events = vectors(signal=signal)
    physics = performance(events, stages(events, 1.0, 2.0)[:count], GRID, Verification())
    limits = Limits(latency_ns=10, interval_cycles=1)
    for latency in (NOT_MEASURED, Latency("csynth.xml", 20, 2, 5.0)):
        table = summary_table(verdict(physics, limits, latency, ladder=DIFFERENT))
        for row in table.rows:
            assert len(row) == len(COLUMNS) == 6, row
            assert all(isinstance(cell, str) for cell in row)
