"""The vendor's tools are stubs here: they write reports in the layouts of real ones."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.hls.build import Steps, build, find_tool, require_tools
from aetrig.hls.reports import read_reports
from hls.vendor_reports import (
    TIMING,
    VITIS_COSIM,
    VITIS_CSYNTH,
    VIVADO_2020_UTILIZATION,
    VIVADO_2024_UTILIZATION,
    VIVADO_COSIM,
    VIVADO_CSYNTH,
)

SOLUTION = "myproject_prj/solution1"
FILES = {
    "csynth": f"{SOLUTION}/syn/report/trigger_csynth.xml",
    "cosim": f"{SOLUTION}/sim/report/trigger_cosim.rpt",
    "synth": "vivado_synth.rpt",
    "utilization": "vivado_utilization.rpt",
    "timing": "vivado_timing.rpt",
}
VITIS = {
    "csynth": VITIS_CSYNTH,
    "cosim": VITIS_COSIM,
    "utilization": VIVADO_2024_UTILIZATION,
    "timing": TIMING,
}
VIVADO = {"csynth": VIVADO_CSYNTH, "cosim": VIVADO_COSIM, "synth": VIVADO_2020_UTILIZATION}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AETRIG_VITIS_HLS", raising=False)
    folder = tmp_path / "hls"
    folder.mkdir()
    return folder


def stub(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return program


def writing(folder: Path, reports: dict[str, str]) -> str:
    """A script that writes the reports into its working directory."""
    folder.mkdir(exist_ok=True)
    lines = ['echo "ran $*"']
    for name, text in reports.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        target = FILES[name]
        lines.append(f'mkdir -p "$(dirname {target})"; cp "{folder}/{name}.txt" {target}')
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("vitis_hls", "-f build_prj.tcl"), ("vitis-run", "--mode hls --tcl build_prj.tcl")],
)
def test_stub_of_vitis_is_run_with_every_step(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: str
) -> None:
    stub(tmp_path / "bin", name, writing(tmp_path / "bin", VITIS), monkeypatch)
    stub(tmp_path / "bin", "vivado", "", monkeypatch)
    log = tmp_path / "logs/build.log"
    found = build(project, "Vitis", log, Steps(cosim=True, implement=True))
    assert (found.latency.cycles, found.latency.kind) == (12, "simulated by cosim")
    assert log.read_text() == f"ran {arguments}\n"
    options = (project / "build_opt.tcl").read_text()
    for option in ("csim       1", "synth      1", "cosim      1", "vsynth     1"):
        assert option in options
    rows = {name: (value, source) for name, value, source in found.rows()}
    assert rows["latency"] == ("12 cycles = 60 ns", "simulated by cosim")
    assert rows["clock"] == ("3.647 ns of 5", "estimated by csynth")
    assert rows["timing"] == ("0.521 ns slack, met", "Vivado v.2021.2")
    assert rows["LUT"] == ("7,722 of 1,182,240", "Vivado v.2024.1, routed")


def test_stub_of_vivado_hls_gets_its_options_as_an_argument(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub(tmp_path / "bin", "vivado_hls", writing(tmp_path / "bin", VIVADO), monkeypatch)
    found = build(project, "VivadoAccelerator", tmp_path / "log", Steps(cosim=True))
    assert (found.latency.cycles, found.latency.interval_cycles) == (21, None)
    assert found.latency.clock_ns == 10
    rows = {name: (value, source) for name, value, source in found.rows()}
    assert rows["interval"] == ("not given", "simulated by cosim")
    assert rows["BRAM"] == ("0.5 of 140", "Vivado v.2020.1, synthesized")
    assert (
        (tmp_path / "log")
        .read_text()
        .startswith(
            "ran -f build_prj.tcl reset=1 csim=1 synth=1 cosim=1 validation=1 export=0 vsynth=0"
        )
    )


def test_synthesis_alone_by_a_stub_is_an_estimate(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = writing(tmp_path / "bin", {"csynth": VITIS_CSYNTH})
    stub(tmp_path / "bin", "vitis_hls", only, monkeypatch)
    found = build(project, "Vitis", tmp_path / "log", Steps())
    assert (found.cosim, found.utilization, found.timing) == (None, None, None)
    assert {source for _, _, source in found.rows()} == {"estimated by csynth"}
    assert found.record()["latency_source"] == "estimated by csynth"


def test_failing_stub_tool_is_quoted(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "echo 'ERROR: [HLS 200-101] no license'; exit 3"
    stub(tmp_path / "bin", "vitis_hls", script, monkeypatch)
    with pytest.raises(CheckFailedError, match=r"exit code 3(.|\n)*no license"):
        build(project, "Vitis", tmp_path / "build.log", Steps())


@pytest.mark.parametrize(
    ("left", "steps", "lacking"),
    [
        ((), Steps(), "csynth.xml"),
        (("csynth",), Steps(cosim=True), "cosim.rpt"),
        (("csynth", "timing"), Steps(implement=True), "vivado_utilization.rpt"),
        (("csynth", "utilization"), Steps(implement=True), "vivado_timing.rpt"),
    ],
)
def test_stub_tool_that_leaves_a_report_out_does_not_pass_with_an_old_one(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    left: tuple[str, ...],
    steps: Steps,
    lacking: str,
) -> None:
    stub(tmp_path / "bin", "vivado", "", monkeypatch)
    stub(tmp_path / "bin", "vitis_hls", writing(tmp_path / "bin", VITIS), monkeypatch)
    build(project, "Vitis", tmp_path / "build.log", Steps(cosim=True, implement=True))
    some = writing(tmp_path / "bin", {name: VITIS[name] for name in left})
    stub(tmp_path / "bin", "vitis_hls", some + "echo all is well", monkeypatch)
    with pytest.raises(CheckFailedError, match=rf"left no {lacking}(.|\n)*all is well"):
        build(project, "Vitis", tmp_path / "build.log", steps)


def test_a_clock_that_the_stub_of_vivado_misses_fails(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = TIMING.replace(" 0.521 ", "-0.521 ").replace(
        "All user specified timing constraints are met.", "Timing constraints are not met."
    )
    script = writing(tmp_path / "bin", VITIS | {"timing": missed})
    stub(tmp_path / "bin", "vivado", "", monkeypatch)
    stub(tmp_path / "bin", "vitis_hls", script, monkeypatch)
    with pytest.raises(CheckFailedError, match=r"clock is not met: worst slack -0.521 ns"):
        build(project, "Vitis", tmp_path / "build.log", Steps(implement=True))


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


def test_no_vivado_beside_a_stub_of_the_hls_tool_is_said_before_the_run(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub(tmp_path / "bin", "vitis_hls", "", monkeypatch)
    assert require_tools("Vitis", Steps(cosim=True)).path.name == "vitis_hls"
    with pytest.raises(MissingToolError, match="--implement runs vivado"):
        require_tools("Vitis", Steps(implement=True))


def test_the_variable_overrides_the_path_with_a_stub(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = stub(tmp_path / "elsewhere", "vitis_hls", "", monkeypatch)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("AETRIG_VITIS_HLS", str(program))
    assert find_tool("Vitis").path == program
    monkeypatch.setenv("AETRIG_VITIS_HLS", str(tmp_path / "absent"))
    with pytest.raises(MissingToolError, match="which is not a program"):
        find_tool("Vitis")


def test_no_report_is_none(tmp_path: Path) -> None:
    assert read_reports(tmp_path) is None
