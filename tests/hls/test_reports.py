"""Reports of two tool versions each are read; damaged ones are errors, never zeros."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aetrig.errors import AetrigError, CheckFailedError, UserError
from aetrig.hls.cosim import read_cosim
from aetrig.hls.latency import best_latency, hold_to_budget
from aetrig.hls.report import find_report, read_report
from aetrig.hls.vivado import read_timing, read_utilization
from hls.vendor_reports import (
    TIMING,
    VITIS_COSIM,
    VITIS_CSYNTH,
    VIVADO_2020_UTILIZATION,
    VIVADO_2024_UTILIZATION,
    VIVADO_COSIM,
    VIVADO_CSYNTH,
)

READERS: dict[str, Callable[[Path], object]] = {
    VITIS_CSYNTH: read_report,
    VIVADO_CSYNTH: read_report,
    VITIS_COSIM: read_cosim,
    VIVADO_COSIM: read_cosim,
    VIVADO_2020_UTILIZATION: read_utilization,
    VIVADO_2024_UTILIZATION: read_utilization,
    TIMING: read_timing,
}
NAMES = ("csynth-2023", "csynth-2019", "cosim-vitis", "cosim-vivado", "util-2020", "util-2024", "t")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "a.rpt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_csynth_of_vivado_hls_2019(written: Callable[[str], Path]) -> None:
    found = read_report(written(VIVADO_CSYNTH))
    assert (found.latency_worst, found.interval_max, found.clock_ns) == (19, 20, 10.0)
    assert found.used == {"FF": 870, "LUT": 3680, "BRAM_18K": 2, "DSP": 7, "URAM": 0}
    assert found.available["DSP"] == 220


def test_cosim_of_vitis_hls_has_a_column_more(written: Callable[[str], Path]) -> None:
    found = read_cosim(written(VITIS_COSIM))
    assert (found.language, found.latency_min, found.latency_max) == ("Verilog", 11, 12)
    assert (found.interval_min, found.interval_max) == (1, 1)


def test_cosim_of_vivado_hls_with_one_event_has_no_interval(
    written: Callable[[str], Path],
) -> None:
    found = read_cosim(written(VIVADO_COSIM))
    assert (found.latency_max, found.interval_min, found.interval_max) == (21, None, None)


def test_a_failed_cosim_is_no_latency(written: Callable[[str], Path]) -> None:
    with pytest.raises(CheckFailedError, match="Verilog ended in 'Fail'"):
        read_cosim(written(VITIS_COSIM.replace("Pass", "Fail")))


def test_utilization_of_vivado_2020(written: Callable[[str], Path]) -> None:
    found = read_utilization(written(VIVADO_2020_UTILIZATION))
    assert found.used == {"LUT": 3127, "FF": 455, "DSP": 3, "BRAM": 0.5}
    assert found.available == {"LUT": 53200, "FF": 106400, "DSP": 220, "BRAM": 140}
    assert (found.tool, found.state) == ("Vivado v.2020.1", "Synthesized")


def test_utilization_of_vivado_2024_has_a_column_more(written: Callable[[str], Path]) -> None:
    found = read_utilization(written(VIVADO_2024_UTILIZATION))
    assert found.used == {"LUT": 7722, "FF": 4864, "DSP": 46, "BRAM": 12, "URAM": 0}
    assert found.available["LUT"] == 1182240
    assert (found.tool, found.state) == ("Vivado v.2024.1", "Routed")


def test_timing(written: Callable[[str], Path]) -> None:
    found = read_timing(written(TIMING))
    assert (found.setup_slack_ns, found.hold_slack_ns, found.met) == (0.521, 0.057, True)
    missed = TIMING.replace(" 0.521 ", "-0.021 ").replace(
        "All user specified timing constraints are met.", "Timing constraints are not met."
    )
    found = read_timing(written(missed))
    assert (found.setup_slack_ns, found.met) == (-0.021, False)


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (VITIS_CSYNTH, "<Worst-caseLatency>15</Worst-caseLatency>", "", "no .*Worst-caseLatency"),
        (VITIS_CSYNTH, "<Best-caseLatency>13<", "<Best-caseLatency>undef<", "is 'undef'"),
        (VITIS_CSYNTH, "<Best-caseLatency>13<", "<Best-caseLatency>?<", r"is '\?'"),
        (VITIS_CSYNTH, "<Interval-max>2<", "<Interval-max>-2<", "Interval-max is '-2'"),
        (VITIS_CSYNTH, "<TargetClockPeriod>5.00<", "<TargetClockPeriod>nan<", "is 'nan'"),
        (VITIS_CSYNTH, "<LUT>19834</LUT>", "", "Resources lacks LUT"),
        (VIVADO_CSYNTH, "<DSP48E>7<", "<DSP48E>many<", "DSP48E is 'many'"),
        (VITIS_CSYNTH, "</profile>", "", "not a readable synthesis report"),
        (VITIS_COSIM, "             12|", "             NA|", "latency is 'NA'"),
        (VITIS_COSIM, "             12|", "              -|", "latency is '-'"),
        (VIVADO_COSIM, "             NA|\n", "             NA\n", "cut off"),
        (VIVADO_COSIM, "Pass", "NA", "no RTL was simulated"),
        (VIVADO_2020_UTILIZATION, "| DSPs   ", "| Adders ", "lacks DSP"),
        (VIVADO_2020_UTILIZATION, "|  3127 |     0 |     53200", "|   ? |   0 |  53200", r"'\?'"),
        (VIVADO_2024_UTILIZATION, "| 7722 |     0 |          0 |", "| 7722 |", "cut off"),
        (VIVADO_2024_UTILIZATION, "| Design State : Routed\n", "", "lacks the design's state"),
        (TIMING, "      0.521 ", "        inf ", "WNS is 'inf'"),
        (TIMING, "      0.521 ", "         NA ", "WNS is 'NA'"),
        (TIMING, "All user specified timing constraints are met.", "", "neither"),
        (TIMING, "WNS(ns)", "WXS(ns)", "no design timing summary"),
    ],
)
def test_damaged_reports_are_errors_and_never_zeros(
    written: Callable[[str], Path], text: str, old: str, new: str, message: str
) -> None:
    damaged = text.replace(old, new)
    assert damaged != text
    with pytest.raises(UserError, match=message):
        READERS[text](written(damaged))


@pytest.mark.parametrize("text", READERS, ids=NAMES)
def test_a_report_cut_off_anywhere_gives_the_same_or_an_error(
    written: Callable[[str], Path], text: str
) -> None:
    whole = READERS[text](written(text))
    errors = 0
    for end in range(0, len(text), 5):
        try:
            assert READERS[text](written(text[:end])) == whole, f"cut at {end}"
        except AetrigError:
            errors += 1
    assert errors > 10


def test_no_report_is_none(tmp_path: Path) -> None:
    assert find_report(tmp_path) is None
    with pytest.raises(UserError, match="aetrig hls --build"):
        read_report(tmp_path / "absent.xml")
    for reader in (read_cosim, read_utilization, read_timing):
        with pytest.raises(UserError, match="cannot be read"):
            reader(tmp_path / "absent.rpt")


def test_simulated_latency_is_taken_before_the_estimate(tmp_path: Path) -> None:
    (tmp_path / "csynth.xml").write_text(VITIS_CSYNTH, encoding="utf-8")
    (tmp_path / "cosim.rpt").write_text(VITIS_COSIM, encoding="utf-8")
    csynth, cosim = read_report(tmp_path / "csynth.xml"), read_cosim(tmp_path / "cosim.rpt")
    estimated, simulated = best_latency(csynth, None), best_latency(csynth, cosim)
    assert (estimated.cycles, estimated.nanoseconds) == (15, 75.0)
    assert (simulated.cycles, simulated.nanoseconds) == (12, 60.0)
    hold_to_budget(simulated, 60.0)
    with pytest.raises(CheckFailedError, match=r"75 ns \(15 cycles.*estimated by csynth.*60 ns"):
        hold_to_budget(estimated, 60.0)
    with pytest.raises(CheckFailedError, match=r"simulated by cosim: .*cosim.rpt.*\(11 cycles\)"):
        hold_to_budget(simulated, 59.9)
