"""Drive the vendor's HLS tool on a generated project, and check what it made."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.hls.report import SynthesisReport, find_report, read_report

OVERRIDE = "AETRIG_VITIS_HLS"
# in the order in which they are tried; Vitis HLS became vitis-run in 2024.2
TOOLS = {
    "Vitis": ("vitis-run", "vitis_hls"),
    "Vivado": ("vivado_hls",),
    "VivadoAccelerator": ("vivado_hls",),
}
LAST_LINES = 12


@dataclass(frozen=True)
class Tool:
    """A vendor's program: path and the arguments that make it run build_prj.tcl."""

    path: Path

    @property
    def command(self) -> list[str]:
        """Command line, for the project's folder as working directory."""
        if self.path.name.startswith("vitis-run"):
            return [str(self.path), "--mode", "hls", "--tcl", "build_prj.tcl"]
        return [str(self.path), "-f", "build_prj.tcl"]


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
        return Tool(Path(found))
    for name in TOOLS[backend]:
        found = shutil.which(name)
        if found:
            return Tool(Path(found))
    raise MissingToolError(
        f"no tool for backend {backend}: looked for {' and '.join(TOOLS[backend])} in PATH="
        f"{os.environ.get('PATH', '')}; source the vendor's settings64.sh, or set {OVERRIDE} to "
        "the program"
    )


def build(project: Path, backend: str, log: Path) -> SynthesisReport:
    """Run C synthesis of a project; its output goes to ``log``. Return the report.

    Raises MissingToolError without a tool; CheckFailedError, with the tool's last lines, where it
    fails or leaves no new report.
    """
    tool = find_tool(backend)
    _synthesis_only(project)
    before = find_report(project)
    if before is not None:
        before.unlink()  # so that a tool that fails silently cannot pass with an old report
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            tool.command, cwd=project, check=False,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if done.returncode != 0:
        raise CheckFailedError(f"{tool.path} ended with exit code {done.returncode}; {_quote(log)}")
    report = find_report(project)
    if report is None:
        raise CheckFailedError(
            f"{tool.path} ended without an error but left no csynth.xml in {project}; {_quote(log)}"
        )
    return read_report(report)


def _synthesis_only(project: Path) -> None:
    """Switch off what hls4ml's script does by default beside synthesis: csim is done already."""
    options = {"csim": 0, "synth": 1, "cosim": 0, "validation": 0, "export": 0, "vsynth": 0}
    lines = [f"    {name:<10} {value}" for name, value in {"reset": 1, **options}.items()]
    text = "array set opt {\n" + "\n".join([*lines, "    fifo_opt   0"]) + "\n}\n"
    (project / "build_opt.tcl").write_text(text, encoding="utf-8")


def _quote(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as file:
        last = deque((line.rstrip() for line in file if line.strip()), maxlen=LAST_LINES)
    return f"its last lines (all of it: {log}):\n" + "\n".join(f"    {line}" for line in last)
