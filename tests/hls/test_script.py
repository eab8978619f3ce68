"""The build scripts, run by a Tcl interpreter in which the vendor's commands are stubs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aetrig.hls.build import Steps
from aetrig.hls.script import SYNTHESIS, adapt
from hls.conftest import Generate
from hls.programs import small_program
from hls.test_trigger import triggered

COMMANDS = [
    "open_project",
    "set_top",
    "add_files",
    "open_solution",
    "config_array_partition",
    "config_compile",
    "set_part",
    "config_schedule",
    "create_clock",
    "set_clock_uncertainty",
    "csim_design",
    "csynth_design",
    "cosim_design",
    "read_xdc",
    "synth_design",
    "opt_design",
    "place_design",
    "route_design",
    "report_utilization",
    "report_timing_summary",
]
STUBS = "".join(f'proc {name} {{args}} {{puts "CALL {name} $args"}}\n' for name in COMMANDS)
# the script starts Vivado in a process of its own
EXEC = 'rename exec _exec\nproc exec {args} {puts "CALL exec $args"}\n'


@pytest.fixture
def tclsh() -> str:
    found = shutil.which("tclsh")
    if found is None:
        pytest.skip("tclsh is not installed")
    return found


def calls(tclsh: str, folder: Path, script: str, *arguments: str) -> list[str]:
    """Return the vendor's commands that a script calls, in order."""
    (folder / "stubs.tcl").write_text(
        f"{STUBS}{EXEC}set argv [list {' '.join(arguments)}]\nsource {script}\n", encoding="utf-8"
    )
    done = subprocess.run(
        [tclsh, "stubs.tcl"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^CALL (.*?)\s*$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("backend", "trigger", "top"),
    [
        ("Vitis", True, "trigger"),
        ("Vivado", True, "trigger"),
        ("Vitis", False, "myproject"),
        ("VivadoAccelerator", True, "myproject_axi"),
        ("VivadoAccelerator", False, "myproject_axi"),
    ],
)
def test_every_step_works_on_the_top_function_with_stub_commands(
    generated: Generate, tclsh: str, backend: str, trigger: bool, top: str
) -> None:
    board = {"board": "pynq-z2", "part": "xc7z020clg400-1"} if "Acc" in backend else {}
    program = triggered("square", "input_quant") if trigger else small_program()
    folder = generated(program, backend=backend, **board).folder
    _leave_what_the_simulator_would(folder, top)
    steps = Steps(cosim=True, implement=True).options()
    lines = "".join(f"{name} {value}\n" for name, value in steps.items())
    (folder / "build_opt.tcl").write_text(f"array set opt {{{lines}}}\n", encoding="utf-8")
    argument = '"' + " ".join(f"{name}={value}" for name, value in steps.items()) + '"'
    found = calls(tclsh, folder, "build_prj.tcl", argument)
    assert f"set_top {top}" in found
    sources = [line.split()[1] for line in found if line.startswith("add_files firmware")]
    assert all((folder / source).exists() for source in sources)
    assert ("firmware/trigger.cpp" in sources) == trigger
    bench = "trigger_test.cpp" if trigger else "myproject_test.cpp"
    benches = [line for line in found if line.startswith("add_files -tb") and ".cpp" in line]
    assert [line.split()[2] for line in benches] == [bench, bench]
    order = [line.split()[0] for line in found]
    assert order.index("csim_design") < order.index("csynth_design") < order.index("cosim_design")
    vivado = f"-source {SYNTHESIS} -tclargs {top} >@ stdout"
    assert found[-1] == f"exec vivado -mode batch {vivado}"


def _leave_what_the_simulator_would(folder: Path, top: str) -> None:
    solution = folder / "myproject_prj/solution1"
    for name in ("sim/verilog/run_sim.tcl", f"sim/verilog/{top}.tcl", "syn/verilog/a.v"):
        (solution / name).parent.mkdir(parents=True, exist_ok=True)
        (solution / name).write_text("", encoding="utf-8")
    report = solution / f"sim/report/{top}_cosim.rpt"
    report.parent.mkdir(parents=True)
    report.write_text("", encoding="utf-8")
    for name in ("csim_results.log", "rtl_cosim_results.log"):
        (folder / "tb_data" / name).write_text("", encoding="utf-8")


def test_implementation_has_the_clock_and_both_reports_with_stub_commands(
    tmp_path: Path, tclsh: str
) -> None:
    (tmp_path / "project.tcl").write_text(
        'set project_name "myproject"\nset part "xcvu9p"\nset clock_period 4\n', encoding="utf-8"
    )
    (tmp_path / "build_prj.tcl").write_text(
        "set_top ${project_name}\nverilog/${project_name}.tcl\nreport/${project_name}_cosim.rpt\n"
        f"-source {SYNTHESIS}\n",
        encoding="utf-8",
    )
    adapt(tmp_path, trigger=False)
    found = calls(tclsh, tmp_path, SYNTHESIS, "trigger")
    assert "synth_design -top trigger -part xcvu9p -mode out_of_context" in found
    order = [line.split()[0] for line in found]
    assert order.index("read_xdc") < order.index("synth_design") < order.index("route_design")
    assert found[-2:] == [
        "report_utilization -file vivado_utilization.rpt",
        "report_timing_summary -file vivado_timing.rpt",
    ]
    clock = (tmp_path / "clock.xdc").read_text(encoding="utf-8")
    assert clock == "create_clock -name ap_clk -period 4 [get_ports ap_clk]\n"
