import dataclasses
import json
from typing import Any

import pytest

from aetrig.config.model import Limits
from aetrig.verify.coverage import Coverage
from aetrig.verify.limits import checks
from aetrig.verify.table import tables
from aetrig.verify.verdict import Comparison, Finding, Latency, Mismatch, Verdict
from verify.test_performance import NOT_MEASURED, measure

EQUAL = Comparison("QAT", "onnxruntime", "validation", 5600, 100_000, 0, None)
MISMATCH = Mismatch("Program", "csim", "adversarial", "encoder_1_quant", 17, 3, 12, 14, 1)
DIFFERENT = Comparison("Program", "csim", "adversarial", 4000, 80_000, 7, MISMATCH)


@pytest.fixture
def verdict() -> Verdict:
    physics = measure(0.0)
    coverage = (Coverage("input_quant", 800, 5, None, 0),)
    judged = checks(Limits(latency_ns=100), physics, NOT_MEASURED)
    return Verdict("runs/l1", (), (), (EQUAL,), coverage, physics, NOT_MEASURED, judged)


def test_a_verdict_without_faults_passes_and_says_what_was_not_measured(verdict: Verdict) -> None:
    assert verdict.passed
    assert verdict.summary() == (
        "PASSED: 0 of 100,000 compared values differ, 0 limits missed; not measured: latency in ns"
    )


@pytest.mark.parametrize(
    ("fault", "words", "cell"),
    [
        (
            {"findings": (Finding("hls", "not what hls wrote"),)},
            "not what hls",
            "not what hls wrote",
        ),
        ({"not_run": (Finding("csim", "no hls project"),)}, "not run: csim", "no hls project"),
        ({"ladder": (EQUAL, DIFFERENT)}, "layer 'encoder_1_quant'", "encoder_1_quant, vector 17"),
        ({"ladder": ()}, "no two stages", "a_4l"),
    ],
)
def test_any_fault_fails_the_verdict_and_is_told(
    verdict: Verdict, fault: dict[str, Any], words: str, cell: str
) -> None:
    failed = dataclasses.replace(verdict, **fault)
    assert not failed.passed
    assert any(words in line for line in failed.failures())
    assert failed.summary().startswith("FAILED")
    assert any(cell in row for table in tables(failed) for row in table.rows)


def test_changed_artefacts_are_reported_before_what_they_caused(verdict: Verdict) -> None:
    finding = Finding("model.qonnx.onnx", "not what aetrig export-onnx wrote")
    failed = dataclasses.replace(verdict, findings=(finding,), ladder=(DIFFERENT,))
    assert failed.failures()[0].startswith("model.qonnx.onnx")


def test_json_holds_everything_and_is_plain(verdict: Verdict) -> None:
    content = dataclasses.replace(verdict, ladder=(DIFFERENT,)).to_json()
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again["passed"] is False
    assert again["ladder"][0]["first"]["layer"] == "encoder_1_quant"
    assert again["latency"] == {
        "source": None, "cycles": None, "interval_cycles": None, "clock_ns": None,
        "nanoseconds": None, "measured": False,
    }  # fmt: skip
    assert {"auc", "efficiency", "agreement"} <= set(again["physics"]["signals"][0])


def test_tables_are_rectangular_and_complete(verdict: Verdict) -> None:
    made = {table.title.split(":")[0]: table for table in tables(verdict)}
    for table in made.values():
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
    assert made["Signals"].rows[0][0] == "a_4l"
    assert made["Latency"].rows[0][0] == "not measured"
    assert made["What the adversarial vectors reached"].rows[0][3:] == ("cannot", "0")
    measured = dataclasses.replace(verdict, latency=Latency("csynth.xml", 20, 1, 5.0))
    assert tables(measured)[-1].rows[0] == ("20", "1", "100", "csynth.xml")
