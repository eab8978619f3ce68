"""Latency and initiation interval: observed in simulation, or from a vendor tool's report."""

from __future__ import annotations

import json
from pathlib import Path

from aetrig.errors import UserError
from aetrig.hls.report import find_report, read_report
from aetrig.run import Run
from aetrig.verify.verdict import Finding, Latency

NOT_MEASURED = Latency(None, None, None, None)


def latency(run: Run, findings: list[Finding]) -> Latency:
    """Return the RTL's latency, observed in simulation, else what the vendor's report estimates.

    The report's figures are worst cases at the slower of its clocks. Nothing measured where there
    is neither; an unreadable report is added to ``findings``.
    """
    if (run / "rtl.json").exists():
        return _simulated(run / "rtl.json", findings)
    path = find_report(run / "hls")
    if path is None:
        return NOT_MEASURED
    try:
        return reported(path, str(path.relative_to(run.path)))
    except UserError as error:
        findings.append(Finding("latency", str(error)))
        return NOT_MEASURED


def reported(path: Path, source: str) -> Latency:
    """Return what a csynth report says; raise UserError where it cannot be read."""
    report = read_report(path)
    clock = max(report.clock_target_ns, report.clock_estimated_ns)
    return Latency(source, report.latency_worst, report.interval_max, clock)


def _simulated(path: Path, findings: list[Finding]) -> Latency:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["latency"]
        clock = float(found["clock_ns"])
        cycles, interval = int(found["cycles"]), int(found["interval_cycles"])
        return Latency(f"rtl/, {found['source']}", cycles, interval, clock)
    except (ValueError, KeyError, TypeError) as error:
        findings.append(Finding("latency", f"{path}: not what aetrig rtl wrote ({error!r})"))
        return NOT_MEASURED
