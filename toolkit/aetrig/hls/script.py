"""The vendor's build script: hls4ml's own, told of another top function and test bench."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from aetrig.errors import CheckFailedError

BACKENDS = ("Vitis", "Vivado", "VivadoAccelerator")
SCRIPT, SYNTHESIS = "build_prj.tcl", "vivado_synth.tcl"
NETWORK, TRIGGER, BENCH = "myproject", "trigger", "trigger_test.cpp"
FLAGS = '-cflags "-std=c++0x"'
_AXI = "set_top ${project_name}_axi\nadd_files firmware/myproject_axi.cpp " + FLAGS + "\n"


def adapt(project: Path, *, trigger: bool) -> None:
    """Point the script to the top function, its test bench, and a synthesis with the clock.

    The top is the AXI streams' function on a board, else the trigger, else the network. Raises
    CheckFailedError where hls4ml's script is not the one that these changes are for.
    """
    script = project / SCRIPT
    text = script.read_text(encoding="utf-8")
    added = f"add_files firmware/{TRIGGER}.cpp {FLAGS}\n" if trigger else ""
    if _AXI in text:  # hls4ml itself names the files of simulation after this top
        top = f"{NETWORK}_axi"
        text = _replaced(text, _AXI, _AXI + added)
    else:
        top = TRIGGER if trigger else NETWORK
        text = _replaced(text, "set_top ${project_name}\n", f"set_top {top}\n{added}")
        text = _replaced(text, "verilog/${project_name}.tcl", f"verilog/{top}.tcl")
        text = _replaced(text, "report/${project_name}_cosim.rpt", f"report/{top}_cosim.rpt")
    if trigger:
        text = _replaced(text, "-tb ${project_name}_test.cpp", f"-tb {BENCH}")
    text = _replaced(text, f"-source {SYNTHESIS}", f"-source {SYNTHESIS} -tclargs {top}")
    script.write_text(text, encoding="utf-8")
    own = resources.files("aetrig").joinpath("firmware", "hls", SYNTHESIS)
    (project / SYNTHESIS).write_text(own.read_text(encoding="utf-8"), encoding="utf-8")


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise CheckFailedError(
            f"hls4ml's {SCRIPT} has no '{old.strip()}': its version is not the tested one; "
            "see aetrig doctor"
        )
    return text.replace(old, new)
