"""Open a project of either language for simulation."""

from __future__ import annotations

from pathlib import Path

from aetrig.program.model import Program
from aetrig.rtl import ghdl, simulate
from aetrig.rtl.simulate import Clocked


def load(project: Path, program: Program, language: str) -> Clocked:
    """Return the simulation of a project; raises MissingToolError without its simulator."""
    return simulate.load(project, program) if language == "verilog" else ghdl.load(project, program)
