"""Open a project of either language for simulation."""

from __future__ import annotations

from pathlib import Path

from aetrig.program.model import Program
from aetrig.rtl import ghdl, simulate
from aetrig.rtl.simulate import Clocked
from aetrig.rtl.verilate import require_compilers


def load(project: Path, program: Program, language: str) -> Clocked:
    """Return the simulation of a project; raises MissingToolError without its simulator."""
    return simulate.load(project, program) if language == "verilog" else ghdl.load(project, program)


def require_simulator(language: str) -> None:
    """Raise MissingToolError where a language cannot be simulated, before anything is made."""
    if language == "verilog":
        require_compilers()
    else:
        ghdl.require_ghdl()
