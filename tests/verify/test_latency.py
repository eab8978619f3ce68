import json
from pathlib import Path

import pytest

from aetrig.run import Run
from aetrig.verify.latency import NOT_MEASURED, latency
from aetrig.verify.verdict import Finding

STUB_REPORT = """<profile>
 <UserAssignments><Part>xcvu9p</Part><TargetClockPeriod>5.00</TargetClockPeriod></UserAssignments>
 <PerformanceEstimates>
  <SummaryOfTimingAnalysis><EstimatedClockPeriod>{clock}</EstimatedClockPeriod>
  </SummaryOfTimingAnalysis>
  <SummaryOfOverallLatency>
   <Best-caseLatency>11</Best-caseLatency><Worst-caseLatency>{worst}</Worst-caseLatency>
   <Interval-min>1</Interval-min><Interval-max>2</Interval-max>
  </SummaryOfOverallLatency>
 </PerformanceEstimates>
 <AreaEstimates>
  <Resources><LUT>1</LUT><FF>2</FF><DSP>3</DSP><BRAM_18K>4</BRAM_18K></Resources>
  <AvailableResources><LUT>10</LUT><FF>20</FF><DSP>30</DSP><BRAM_18K>40</BRAM_18K>
  </AvailableResources>
 </AreaEstimates>
</profile>
"""


def write_stub_report(folder: Path, worst: str, clock: str) -> None:
    path = folder / "hls/myproject_prj/solution1/syn/report/myproject_csynth.xml"
    path.parent.mkdir(parents=True)
    path.write_text(STUB_REPORT.format(worst=worst, clock=clock), encoding="utf-8")


@pytest.mark.parametrize(("clock", "nanoseconds"), [("3.9", 65.0), ("5.5", 71.5)])
def test_worst_case_of_a_stub_report_at_the_slower_clock(
    tmp_path: Path, clock: str, nanoseconds: float
) -> None:
    write_stub_report(tmp_path, "13", clock)
    findings: list[Finding] = []
    found = latency(Run(tmp_path), findings)
    assert (found.cycles, found.interval_cycles) == (13, 2)
    assert found.nanoseconds == pytest.approx(nanoseconds)
    assert found.source is not None
    assert found.source.startswith("hls/")
    assert findings == []


def test_nothing_is_measured_without_a_report(tmp_path: Path) -> None:
    findings: list[Finding] = []
    assert latency(Run(tmp_path), findings) == NOT_MEASURED
    assert findings == []


def test_an_undefined_latency_in_a_stub_report_is_a_finding_and_no_number(tmp_path: Path) -> None:
    write_stub_report(tmp_path, "undef", "3.9")
    findings: list[Finding] = []
    assert latency(Run(tmp_path), findings) == NOT_MEASURED
    assert [finding.where for finding in findings] == ["latency"]
    assert "undef" in findings[0].what


COSIM = """+----------+----------+-----------------------+-----------------------+
|      VHDL|        NA|     NA|     NA|     NA|     NA|     NA|     NA|
|   Verilog|      Pass|      9|      9|     {most}|      1|      1|      1|
"""


def write_stub_cosim(folder: Path, most: str) -> None:
    path = folder / "hls/myproject_prj/solution1/sim/report/myproject_cosim.rpt"
    path.parent.mkdir(parents=True)
    path.write_text(COSIM.format(most=most), encoding="utf-8")


def test_a_stub_cosim_is_taken_before_its_estimate_and_rtl_before_both(tmp_path: Path) -> None:
    write_stub_report(tmp_path, "13", "3.9")
    findings: list[Finding] = []
    estimated = latency(Run(tmp_path), findings)
    assert estimated.source is not None
    assert estimated.source.endswith("myproject_csynth.xml, estimated by csynth")
    write_stub_cosim(tmp_path, "10")
    simulated = latency(Run(tmp_path), findings)
    assert (simulated.cycles, simulated.interval_cycles, simulated.nanoseconds) == (10, 1, 50.0)
    assert simulated.source is not None
    assert simulated.source.endswith("myproject_cosim.rpt, simulated by cosim")
    record = {
        "cycles": 7,
        "interval_cycles": 1,
        "clock_ns": 5.0,
        "source": "simulated by Verilator",
    }
    estimate = {"lut": 1, "register_bits": 1, "stages": 7, "stage_delay": 5, "ns_per_unit": 0.8}
    whole = {
        "part": "xcvu9p",
        "language": "verilog",
        "clock_ns": 5.0,
        "latency": record,
        "bits": {"events": 10, "cycles": 20},
        "estimate": {**estimate, "source": "estimated by alkaid"},
        "synthesis": None,
    }
    (tmp_path / "rtl.json").write_text(json.dumps(whole), encoding="utf-8")
    assert latency(Run(tmp_path), findings).source == "rtl/, simulated by Verilator"
    assert findings == []


def test_a_damaged_stub_cosim_is_a_finding_and_the_estimate_is_named(tmp_path: Path) -> None:
    write_stub_report(tmp_path, "13", "3.9")
    write_stub_cosim(tmp_path, "?")
    findings: list[Finding] = []
    assert latency(Run(tmp_path), findings).cycles == 13
    assert ["'?'" in finding.what for finding in findings] == [True]
