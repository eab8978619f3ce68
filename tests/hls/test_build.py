"""The vendor's tool is a stub here; its report has the fields and layout of a real csynth.xml."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.hls.build import build, find_tool
from aetrig.hls.report import find_report, read_report

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<profile>
<ReportVersion><Version>2023.2</Version></ReportVersion>
<UserAssignments>
<unit>ns</unit><ProductFamily>virtexuplus</ProductFamily><Part>xcvu9p-flga2104-2-e</Part>
<TopModelName>myproject</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod><ClockUncertainty>1.35</ClockUncertainty>
<FlowTarget>vivado</FlowTarget>
</UserAssignments>
<PerformanceEstimates>
<PipelineType>yes</PipelineType>
<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.647</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>13</Best-caseLatency><Average-caseLatency>14</Average-caseLatency><Worst-caseLatency>15</Worst-caseLatency>
<Best-caseRealTimeLatency>65.000 ns</Best-caseRealTimeLatency><Worst-caseRealTimeLatency>75.000 ns</Worst-caseRealTimeLatency>
<Interval-min>1</Interval-min><Interval-max>2</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources><BRAM_18K>4</BRAM_18K><DSP>171</DSP><FF>9744</FF><LUT>19834</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>4320</BRAM_18K><DSP>6840</DSP><FF>2364480</FF><LUT>1182240</LUT><URAM>960</URAM></AvailableResources>
</AreaEstimates>
</profile>
"""
FOLDER = "myproject_prj/solution1/syn/report"
WRITES = f"""mkdir -p {FOLDER}
cp "$(dirname "$0")/report.xml" {FOLDER}/myproject_csynth.xml
echo "ran $*"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AETRIG_VITIS_HLS", raising=False)
    folder = tmp_path / "hls"
    folder.mkdir()
    return folder


def stub(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir()
    (folder / "report.xml").write_text(REPORT)
    program = folder / name
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return program


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("vitis_hls", "-f build_prj.tcl"), ("vitis-run", "--mode hls --tcl build_prj.tcl")],
)
def test_stub_tool_is_run_and_its_report_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: str
) -> None:
    stub(tmp_path / "bin", name, WRITES, monkeypatch)
    report = build(project, "Vitis", tmp_path / "logs/build.log")
    assert (report.latency_best, report.latency_worst) == (13, 15)
    assert (report.interval_min, report.interval_max) == (1, 2)
    assert (report.clock_target_ns, report.clock_estimated_ns) == (5.0, 3.647)
    assert report.latency_ns == 75.0
    assert report.used == {"BRAM_18K": 4, "DSP": 171, "FF": 9744, "LUT": 19834, "URAM": 0}
    assert report.available["LUT"] == 1182240
    assert f"ran {arguments}" in (tmp_path / "logs/build.log").read_text()
    assert "synth      1" in (project / "build_opt.tcl").read_text()


def test_failing_stub_tool_is_quoted(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "echo 'ERROR: [HLS 200-101] no license'; exit 3"
    stub(tmp_path / "bin", "vitis_hls", script, monkeypatch)
    with pytest.raises(CheckFailedError, match=r"exit code 3(.|\n)*no license"):
        build(project, "Vitis", tmp_path / "build.log")


def test_stub_tool_that_writes_nothing_does_not_pass_with_an_old_report(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / FOLDER).mkdir(parents=True)
    (project / FOLDER / "myproject_csynth.xml").write_text(REPORT)
    stub(tmp_path / "bin", "vitis_hls", "echo all is well", monkeypatch)
    with pytest.raises(CheckFailedError, match=r"left no csynth.xml(.|\n)*all is well"):
        build(project, "Vitis", tmp_path / "build.log")


def test_no_tool_names_what_was_looked_for_and_where(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingToolError, match=r"vitis-run and vitis_hls in PATH=/nowhere.*AETRIG"):
        find_tool("Vitis")
    with pytest.raises(MissingToolError, match="vivado_hls"):
        find_tool("Vivado")
    with pytest.raises(UserError, match="build a Catapult project"):
        find_tool("Catapult")


def test_the_variable_overrides_the_path_with_a_stub(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stub(tmp_path / "elsewhere", "vitis_hls", WRITES, monkeypatch)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("AETRIG_VITIS_HLS", str(program))
    assert find_tool("Vitis").path == program
    monkeypatch.setenv("AETRIG_VITIS_HLS", str(tmp_path / "absent"))
    with pytest.raises(MissingToolError, match="which is not a program"):
        find_tool("Vitis")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<Worst-caseLatency>15</Worst-caseLatency>", "", "no .*Worst-caseLatency"),
        ("<Best-caseLatency>13<", "<Best-caseLatency>undef<", "Best-caseLatency is 'undef'"),
        ("<Interval-max>2<", "<Interval-max>-2<", "Interval-max is '-2'"),
        ("<TargetClockPeriod>5.00<", "<TargetClockPeriod>nan<", "TargetClockPeriod is 'nan'"),
        ("<LUT>19834</LUT>", "", "Resources lacks LUT"),
        ("<LUT>19834<", "<LUT>many<", "Resources/LUT is 'many'"),
        ("</profile>", "", "not a readable synthesis report"),
    ],
)
def test_damaged_reports_are_errors_and_never_zeros(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in REPORT
    path = tmp_path / "myproject_csynth.xml"
    path.write_text(REPORT.replace(old, new))
    with pytest.raises(UserError, match=message):
        read_report(path)


def test_vivados_name_of_dsps_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "myproject_csynth.xml"
    path.write_text(REPORT.replace("DSP>", "DSP48E>"))
    assert read_report(path).used["DSP"] == 171


def test_no_report_is_none(tmp_path: Path) -> None:
    assert find_report(tmp_path) is None
    with pytest.raises(UserError, match="aetrig hls --build"):
        read_report(tmp_path / "absent.xml")
