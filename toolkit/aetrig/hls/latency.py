"""The latency of a built project, from the best of its reports, and the budget it is held to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import CheckFailedError
from aetrig.hls.cosim import CosimReport
from aetrig.hls.report import SynthesisReport


@dataclass(frozen=True)
class HlsLatency:
    """Worst-case latency in cycles, interval in cycles (None: not given), clock in ns.

    ``report``: the file the cycles are from. ``kind``: simulated or estimated, and by what.
    """

    report: Path
    kind: str
    cycles: int
    interval_cycles: int | None
    clock_ns: float

    @property
    def nanoseconds(self) -> float:
        """Cycles times clock."""
        return self.cycles * self.clock_ns


def best_latency(csynth: SynthesisReport, cosim: CosimReport | None) -> HlsLatency:
    """Return what was simulated, else what was estimated.

    The clock is the target, or csynth's estimate of it where that is slower.
    """
    if cosim is None:
        cycles, interval = csynth.latency_worst, csynth.interval_max
        return HlsLatency(csynth.path, "estimated by csynth", cycles, interval, csynth.clock_ns)
    return HlsLatency(
        cosim.path,
        "simulated by cosim",
        cosim.latency_max,
        cosim.interval_max,
        csynth.clock_ns,
    )


def hold_to_budget(found: HlsLatency, budget_ns: float) -> None:
    """Raise CheckFailedError where the latency is above the budget, naming the source."""
    if found.nanoseconds > budget_ns:
        most = int(budget_ns / found.clock_ns)
        raise CheckFailedError(
            f"latency is {found.nanoseconds:g} ns ({found.cycles} cycles of {found.clock_ns:g} ns, "
            f"{found.kind}: {found.report}), above the budget of {budget_ns:g} ns "
            f"({most} cycles); try a smaller network, fewer bits or a smaller --reuse-factor"
        )
