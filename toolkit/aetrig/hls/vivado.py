"""Read Vivado's own reports: report_utilization (resources) and report_timing_summary (slack)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import UserError
from aetrig.reading import read_text

# by the names of UltraScale and 7 series; BRAM counts tiles of 36 kbit, a half one as 0.5
SITES = {
    "CLB LUTs": "LUT",
    "Slice LUTs": "LUT",
    "CLB Registers": "FF",
    "Slice Registers": "FF",
    "DSPs": "DSP",
    "Block RAM Tile": "BRAM",
    "URAM": "URAM",
}
NEEDED = ("LUT", "FF", "DSP", "BRAM")
_HEAD = re.compile(r"^\| (Tool Version|Device|Design State)\s*: (.+?)\s*$", re.MULTILINE)
_MET = "All user specified timing constraints are met."
_MISSED = "Timing constraints are not met."


@dataclass(frozen=True)
class Utilization:
    """Resources of a design. ``state``: Synthesized, Placed or Routed. ``tool``: with version.

    ``used`` and ``available``: by resource (LUT, FF, DSP, BRAM, URAM where the part has it).
    """

    path: Path
    tool: str
    state: str
    used: dict[str, float]
    available: dict[str, float]


@dataclass(frozen=True)
class Timing:
    """Worst setup slack and worst hold slack in ns. ``met``: Vivado's own verdict."""

    path: Path
    tool: str
    setup_slack_ns: float
    hold_slack_ns: float
    met: bool


def read_utilization(path: Path) -> Utilization:
    """Read report_utilization's tables; raise UserError where one is missing or has no number."""
    text = read_text(path)
    head = dict(_HEAD.findall(text))
    used: dict[str, float] = {}
    available: dict[str, float] = {}
    columns: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip("|\n ").split("|")]
        if cells[0] == "Site Type":
            columns = cells
        name = SITES.get(cells[0].rstrip("*"))
        # tables by region come later and have other columns; the first one is the whole design
        if name is None or name in used or not {"Used", "Available"} <= set(columns):
            continue
        if len(cells) != len(columns):
            raise UserError(f"{path}: the row of {cells[0]} is cut off; is the report complete?")
        used[name] = _number(path, cells[0], cells[columns.index("Used")])
        available[name] = _number(path, cells[0], cells[columns.index("Available")])
    missing = [name for name in NEEDED if name not in used]
    if missing or "Design State" not in head:
        lacking = ", ".join(missing) or "the design's state"
        raise UserError(f"{path}: lacks {lacking}; is the utilization report complete?")
    tool = head.get("Tool Version", "").split(" (")[0]
    return Utilization(path, tool, head["Design State"], used, available)


def read_timing(path: Path) -> Timing:
    """Read report_timing_summary's slacks; raise UserError where there are none.

    A design without a clock constraint has no slack ('NA' or 'inf'): that is an error.
    """
    text = read_text(path)
    lines = text.partition("| Design Timing Summary")[2].splitlines()
    at = next((i for i, line in enumerate(lines) if "WNS(ns)" in line), None)
    if at is None or at + 2 >= len(lines):
        raise UserError(f"{path}: no design timing summary; is the timing report complete?")
    names = re.split(r"\s{2,}", lines[at].strip())
    found = dict(zip(names, lines[at + 2].split(), strict=False))
    met, missed = _MET in text, _MISSED in text
    if met == missed:
        raise UserError(f"{path}: says neither that timing is met nor that it is not")
    return Timing(
        path,
        dict(_HEAD.findall(text)).get("Tool Version", "").split(" (")[0],
        _number(path, "WNS", found.get("WNS(ns)", "")),
        _number(path, "WHS", found.get("WHS(ns)", "")),
        met,
    )


def _number(path: Path, what: str, text: str) -> float:
    if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text) is None:
        raise UserError(f"{path}: {what} is '{text}', expected a number")
    return float(text)
