"""Latency and initiation interval from a vendor tool's report; never an estimate of ours."""

from __future__ import annotations

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
        report = read_report(path)
    except UserError as error:
        findings.append(Finding("latency", str(error)))
        return NOT_MEASURED
    clock = max(report.clock_target_ns, report.clock_estimated_ns)
    source = str(path.relative_to(run.path))
    return Latency(source, report.latency_worst, report.interval_max, clock)
