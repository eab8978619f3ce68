"""Read the vendor's synthesis report (csynth.xml): latency, interval, clock, resources."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import UserError
from aetrig.reading import LARGEST_TEXT, read_bytes

RESOURCES = ("LUT", "FF", "DSP", "BRAM_18K", "URAM")
MOST_DIGITS = 18  # of a number of cycles
_ALIASES = {"DSP48E": "DSP"}  # before Vitis


@dataclass(frozen=True)
class SynthesisReport:
    """What the HLS tool estimates. Latency and interval in cycles, clock in ns.

    ``used`` and ``available``: by resource (LUT, FF, DSP, BRAM_18K, URAM where the part has it).
    """

    path: Path
    part: str | None
    latency_best: int
    latency_worst: int
    interval_min: int
    interval_max: int
    clock_target_ns: float
    clock_estimated_ns: float
    used: dict[str, int]
    available: dict[str, int]

    @property
    def clock_ns(self) -> float:
        """The target clock, or the estimated one where that is slower."""
        return max(self.clock_target_ns, self.clock_estimated_ns)


def find_report(project: Path) -> Path | None:
    """Return the newest ``*_csynth.xml`` of a project's top function; None where there is none."""
    found = [
        path
        for name in ("trigger", "myproject_axi", "myproject")
        for path in project.glob(f"*_prj/*/syn/report/{name}_csynth.xml")
    ]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def read_report(path: Path) -> SynthesisReport:
    """Read a csynth.xml; raise UserError, naming the field, where one is missing or no number.

    Never a zero in place of what is not there: 'undef', as the tool writes for a latency that
    depends on data, is an error too.
    """
    content = read_bytes(path, LARGEST_TEXT, "make it with: aetrig hls --build")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UserError(f"{path} is not a readable synthesis report (it declares entities)")
    try:
        # no entities are declared: none can grow, or be another file
        root = ET.fromstring(content)  # noqa: S314
    except (ET.ParseError, LookupError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a readable synthesis report ({error})") from error

    overall = "PerformanceEstimates/SummaryOfOverallLatency"
    return SynthesisReport(
        path=path,
        part=root.findtext("UserAssignments/Part"),
        latency_best=_cycles(path, root, f"{overall}/Best-caseLatency"),
        latency_worst=_cycles(path, root, f"{overall}/Worst-caseLatency"),
        interval_min=_cycles(path, root, f"{overall}/Interval-min"),
        interval_max=_cycles(path, root, f"{overall}/Interval-max"),
        clock_target_ns=_nanoseconds(path, root, "UserAssignments/TargetClockPeriod"),
        clock_estimated_ns=_nanoseconds(
            path, root, "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod"
        ),
        used=_resources(path, root, "AreaEstimates/Resources"),
        available=_resources(path, root, "AreaEstimates/AvailableResources"),
    )


def _text(path: Path, root: ET.Element, field: str) -> str:
    text = root.findtext(field)
    if text is None or not text.strip():
        raise UserError(f"{path}: no {field}; is the report complete? run aetrig hls --build again")
    return text.strip()


def _cycles(path: Path, root: ET.Element, field: str) -> int:
    text = _text(path, root, field)
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise UserError(f"{path}: {field} is '{text}', expected a number of cycles")
    return int(text)


def _nanoseconds(path: Path, root: ET.Element, field: str) -> float:
    text = _text(path, root, field)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise UserError(f"{path}: {field} is '{text}', expected a period in ns")
    return value


def _resources(path: Path, root: ET.Element, field: str) -> dict[str, int]:
    node = root.find(field)
    present = [] if node is None else [_ALIASES.get(child.tag, child.tag) for child in node]
    found = {
        name: _cycles(path, root, f"{field}/{child.tag}")
        for child, name in zip(node if node is not None else [], present, strict=True)
        if name in RESOURCES
    }
    missing = [name for name in RESOURCES[:4] if name not in found]
    if missing:
        raise UserError(f"{path}: {field} lacks {', '.join(missing)}")
    return found
