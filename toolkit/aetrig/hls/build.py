"""Drive the vendor's HLS tool on a generated project, and check what it made."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.hls.reports import Reports, read_reports, remove_reports

OVERRIDE = "AETRIG_VITIS_HLS"
# in the order in which they are tried; Vitis HLS became vitis-run in 2024.2
TOOLS = {
    "Vitis": ("vitis-run", "vitis_hls"),
    "Vivado": ("vivado_hls",),
    "VivadoAccelerator": ("vivado_hls",),
}
LAST_LINES = 12


@dataclass(frozen=True)
class Steps:
    """What follows C synthesis: ``cosim`` simulates the RTL, ``implement`` places and routes it."""

    cosim: bool = False
    implement: bool = False

    def options(self) -> dict[str, int]:
        """Return the options of hls4ml's build_prj.tcl.

        csim was done already, by g++; co-simulation wants its log for comparison.
        """
        cosim = int(self.cosim)
        return {
            "reset": 1,
            "csim": cosim,
            "synth": 1,
            "cosim": cosim,
            "validation": cosim,
            "export": 0,
            "vsynth": int(self.implement),
            "fifo_opt": 0,
        }


@dataclass(frozen=True)
class Tool:
    """A vendor's program, and the backend whose project it builds."""

    path: Path
    backend: str

    def command(self, steps: Steps) -> list[str]:
        """Command line that runs build_prj.tcl, for the project's folder as working directory.

        The script for Vivado HLS takes its options from the command line, the one for Vitis HLS
        from build_opt.tcl.
        """
        if self.path.name.startswith("vitis-run"):
            return [str(self.path), "--mode", "hls", "--tcl", "build_prj.tcl"]
        command = [str(self.path), "-f", "build_prj.tcl"]
        if self.backend != "Vitis":
            command.append(" ".join(f"{name}={value}" for name, value in steps.options().items()))
        return command


def find_tool(backend: str) -> Tool:
    """Return the tool for a backend.

    ``AETRIG_VITIS_HLS`` overrides the search on PATH. Raises MissingToolError, saying which names
    were looked for and where; UserError for a backend that is not driven from here.
    """
    if backend not in TOOLS:
        raise UserError(
            f"--build drives {', '.join(TOOLS)}; build a {backend} project with its vendor's tool"
        )
    given = os.environ.get(OVERRIDE)
    if given:
        found = shutil.which(given)
        if found is None:
            raise MissingToolError(f"{OVERRIDE} is '{given}', which is not a program")
        return Tool(Path(found), backend)
    for name in TOOLS[backend]:
        found = shutil.which(name)
        if found:
            return Tool(Path(found), backend)
    raise MissingToolError(
        f"no tool for backend {backend}: looked for {' and '.join(TOOLS[backend])} in PATH="
        f"{os.environ.get('PATH', '')}; source the vendor's settings64.sh, or set {OVERRIDE} to "
        "the program"
    )


def require_tools(backend: str, steps: Steps) -> Tool:
    """Return the HLS tool; raise MissingToolError where it, or Vivado for a step, is missing."""
    tool = find_tool(backend)
    if steps.implement and shutil.which("vivado") is None:
        raise MissingToolError(
            f"--implement runs vivado, which is not in PATH={os.environ.get('PATH', '')}; source "
            "the vendor's settings64.sh"
        )
    return tool


def build(project: Path, backend: str, log: Path, steps: Steps) -> Reports:
    """Run C synthesis of a project and the further steps; return all of their reports.

    The tools' output goes to ``log`` as it comes. Raises MissingToolError without a tool;
    CheckFailedError, with the last lines, where one fails, leaves no new report or misses timing.
    """
    tool = require_tools(backend, steps)
    remove_reports(project)
    (project / "build_opt.tcl").write_text(_options_file(steps), encoding="utf-8")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            tool.command(steps), cwd=project, check=False,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if done.returncode != 0:
        raise CheckFailedError(f"{tool.path} ended with exit code {done.returncode}; {_quote(log)}")
    reports = read_reports(project)
    for name, found in _expected(steps, reports).items():
        if found is None:
            raise CheckFailedError(
                f"{tool.path} ended without an error but left no {name} in {project}; {_quote(log)}"
            )
    if reports is None:
        raise CheckFailedError(f"{tool.path} left no report in {project}")
    if reports.timing is not None and not reports.timing.met:
        raise CheckFailedError(
            f"the clock is not met: worst slack {reports.timing.setup_slack_ns:g} ns for setup, "
            f"{reports.timing.hold_slack_ns:g} ns for hold ({reports.timing.tool}: "
            f"{reports.timing.path}); try a longer --clock-ns"
        )
    return reports


def _expected(steps: Steps, reports: Reports | None) -> dict[str, object | None]:
    """Return what each step must have left, by the report's name."""
    found: dict[str, object | None] = {"csynth.xml": reports}
    if steps.cosim:
        found["cosim.rpt"] = reports and reports.cosim
    if steps.implement:
        found["vivado_utilization.rpt"] = reports and reports.utilization
        found["vivado_timing.rpt"] = reports and reports.timing
    return found


def _options_file(steps: Steps) -> str:
    """Return the options as the Vitis script reads them."""
    lines = [f"    {name:<10} {value}" for name, value in steps.options().items()]
    return "array set opt {\n" + "\n".join(lines) + "\n}\n"


def _quote(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as file:
        last = deque((line.rstrip() for line in file if line.strip()), maxlen=LAST_LINES)
    return f"its last lines (all of it: {log}):\n" + "\n".join(f"    {line}" for line in last)
