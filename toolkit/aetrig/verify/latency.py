"""Latency and initiation interval: simulated where there is a simulation, else estimated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aetrig.errors import AetrigError
from aetrig.hls.cosim import read_cosim
from aetrig.hls.latency import best_latency
from aetrig.hls.report import find_report, read_report
from aetrig.hls.reports import cosim_report
from aetrig.records import read_record
from aetrig.run import Run
from aetrig.verify.verdict import Finding, Latency

NOT_MEASURED = Latency(None, None, None, None)


def latency(run: Run, findings: list[Finding]) -> Latency:
    """Return what the best source there is says; its text says simulated or estimated, and by what.

    A source that is there but cannot be read is added to ``findings``, and the next one taken.
    """
    for candidate in CANDIDATES:
        try:
            found = candidate(run)
        except AetrigError as error:
            findings.append(Finding("latency", str(error)))
            continue
        if found is not None:
            return found
    return NOT_MEASURED


def reported(path: Path, source: str) -> Latency:
    """Return what a csynth report says; raise UserError where it cannot be read.

    The worst case, at the slower of the report's clocks.
    """
    found = best_latency(read_report(path), None)
    return Latency(f"{source}, {found.kind}", found.cycles, found.interval_cycles, found.clock_ns)


def _rtl(run: Run) -> Latency | None:
    path = run / "rtl.json"
    if not path.exists():
        return None
    found = read_record(path)["latency"]
    source = f"rtl/, {found['source']}"
    return Latency(source, found["cycles"], found["interval_cycles"], found["clock_ns"])


def _cosim(run: Run) -> Latency | None:
    csynth = find_report(run / "hls")
    if csynth is None or not cosim_report(csynth).exists():
        return None
    found = best_latency(read_report(csynth), read_cosim(cosim_report(csynth)))
    source = f"{found.report.relative_to(run.path)}, {found.kind}"
    return Latency(source, found.cycles, found.interval_cycles, found.clock_ns)


def _csynth(run: Run) -> Latency | None:
    path = find_report(run / "hls")
    return None if path is None else reported(path, str(path.relative_to(run.path)))


# best first: observed in simulation, then estimated
CANDIDATES: tuple[Callable[[Run], Latency | None], ...] = (_rtl, _cosim, _csynth)
