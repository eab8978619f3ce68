"""Find and read every report that the vendor's tools left in a project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetrig.hls.cosim import CosimReport, read_cosim
from aetrig.hls.latency import HlsLatency, best_latency
from aetrig.hls.report import SynthesisReport, find_report, read_report
from aetrig.hls.vivado import Timing, Utilization, read_timing, read_utilization

# written by firmware/hls/vivado_synth.tcl: routed, else synthesized alone
UTILIZATION = ("vivado_utilization.rpt", "vivado_synth.rpt")
TIMING = "vivado_timing.rpt"
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Reports:
    """The reports of a built project; None where a step was not run."""

    csynth: SynthesisReport
    cosim: CosimReport | None
    utilization: Utilization | None
    timing: Timing | None

    @property
    def latency(self) -> HlsLatency:
        """The best latency: simulated, else estimated."""
        return best_latency(self.csynth, self.cosim)

    def rows(self) -> Iterator[Row]:
        """Yield (quantity, value, source), each with the tool that gave it."""
        found = self.latency
        yield "latency", f"{found.cycles} cycles = {found.nanoseconds:g} ns", found.kind
        interval = found.interval_cycles
        yield "interval", "not given" if interval is None else f"{interval} cycles", found.kind
        csynth = self.csynth
        clock = f"{csynth.clock_estimated_ns:g} ns of {csynth.clock_target_ns:g}"
        yield "clock", clock, "estimated by csynth"
        if self.timing is not None:
            verdict = "met" if self.timing.met else "not met"
            slack = f"{self.timing.setup_slack_ns:g} ns slack, {verdict}"
            yield "timing", slack, self.timing.tool
        resources: SynthesisReport | Utilization = self.utilization or csynth
        source = "estimated by csynth"
        if self.utilization is not None:
            source = f"{self.utilization.tool}, {self.utilization.state.lower()}"
        for name, used in resources.used.items():
            total = resources.available.get(name)
            of_part = "" if total is None else f" of {total:,.10g}"
            yield name, f"{used:,.10g}{of_part}", source

    def record(self) -> dict[str, Any]:
        """Return what hls.json keeps: the figures and where each comes from."""
        found = self.latency
        content: dict[str, Any] = {
            "latency_cycles": found.cycles,
            "interval_cycles": found.interval_cycles,
            "clock_ns": found.clock_ns,
            "latency_source": found.kind,
        }
        return content | {
            "figures": [{"name": a, "value": b, "source": c} for a, b, c in self.rows()]
        }


def read_reports(project: Path) -> Reports | None:
    """Read a project's reports; None where it has not been synthesized.

    Raises UserError for a damaged one, CheckFailedError for a co-simulation that failed.
    """
    csynth = find_report(project)
    if csynth is None:
        return None
    cosim, utilization, timing = cosim_report(csynth), _first(project), project / TIMING
    return Reports(
        read_report(csynth),
        read_cosim(cosim) if cosim.exists() else None,
        read_utilization(utilization) if utilization is not None else None,
        read_timing(timing) if timing.exists() else None,
    )


def cosim_report(csynth: Path) -> Path:
    """Return where the co-simulation's report of the same function lies, if it was run."""
    name = csynth.name.replace("_csynth.xml", "_cosim.rpt")
    return csynth.parents[2] / "sim" / "report" / name


def remove_reports(project: Path) -> None:
    """Remove old reports, so that a tool that fails silently cannot pass with them."""
    names = ("*_prj/*/syn/report/*_csynth.xml", "*_prj/*/sim/report/*_cosim.rpt")
    for name in (*names, *UTILIZATION, TIMING):
        for path in project.glob(name):
            path.unlink()


def _first(project: Path) -> Path | None:
    paths = (project / name for name in UTILIZATION)
    return next((path for path in paths if path.exists()), None)
