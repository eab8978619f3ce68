"""Latency and initiation interval from a vendor tool's report; never an estimate of ours."""

from __future__ import annotations

from pathlib import Path

from aetrig.errors import UserError
from aetrig.hls.report import find_report, read_report
from aetrig.run import Run
from aetrig.verify.verdict import Finding, Latency

NOT_MEASURED = Latency(None, None, None, None)


def latency(run: Run, findings: list[Finding]) -> Latency:
    """Return the worst-case figures of the project's csynth report, at the slower of its clocks.

    Nothing measured where there is no report; an unreadable one is added to ``findings``.
    """
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
