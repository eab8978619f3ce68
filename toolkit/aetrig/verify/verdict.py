"""What verification found, as plain data: written to verify.json and printed as tables."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

from aetrig.physics.agreement import Fall
from aetrig.physics.rate import Efficiency, WorkingPoint
from aetrig.physics.residuals import Residuals
from aetrig.physics.roc import Auc
from aetrig.physics.trigger_rate import RatePoint
from aetrig.verify.coverage import Coverage


@dataclass(frozen=True)
class Finding:
    """A fault found without running vectors. ``where``: artefact or stage; ``layer`` if known."""

    where: str
    what: str
    layer: str | None = None

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Mismatch:
    """One value on which two neighbouring stages differ.

    ``sample``: row of the vectors; ``element``: neuron of the layer; ``reference``, ``other``: the
    integers of the two stages; ``bit``: the lowest bit in which they differ, 0 the least
    significant.
    """

    reference_stage: str
    other_stage: str
    vectors: str
    layer: str
    sample: int
    element: int
    reference: int
    other: int
    bit: int

    def __str__(self) -> str:
        """Return one line."""
        return (
            f"{self.reference_stage} and {self.other_stage} first differ at layer '{self.layer}' "
            f"({self.vectors} vector {self.sample}, element {self.element}, bit {self.bit}: "
            f"{self.reference} against {self.other})"
        )


@dataclass(frozen=True)
class Comparison:
    """Two neighbouring stages on one set of vectors, every quantized value of every layer."""

    reference: str
    other: str
    vectors: str
    events: int
    values: int
    differing: int
    first: Mismatch | None


@dataclass(frozen=True)
class StageResult:
    """One stage's figures on background and minimum bias.

    ``loss``: weighted mean over the background of the squared difference between reconstruction
    and input in units of the network's numbers (hardware units * 2**-shift), the same for every
    stage, None for one that reconstructs nothing; ``minbias``: share of minimum-bias crossings
    accepted, None where there are none.
    """

    stage: str
    loss: float | None
    point: WorkingPoint
    minbias: float | None


@dataclass(frozen=True)
class SignalResult:
    """One signal; by stage where a mapping. ``fall``: of the efficiency, from float to the last."""

    name: str
    events: int
    auc: dict[str, Auc]
    efficiency: dict[str, Efficiency]
    agreement: float
    fall: Fall


@dataclass(frozen=True)
class TriggerRate:
    """A working point of the trigger: by stage, the rate in Hz above its threshold."""

    name: str
    threshold: int
    rates: dict[str, RatePoint]


@dataclass(frozen=True)
class Physics:
    """Float, QAT and firmware on the same validation events.

    ``agreement``: share of background events with equal decisions of the first and last stage;
    ``rank_correlation``: Spearman's, of their scores on the background; ``residuals``: by stage, a
    feature each, in hardware units; ``rates``: of the trigger's working points, where one is set
    and the data give a rate.
    """

    background_events: int
    stages: tuple[StageResult, ...]
    signals: tuple[SignalResult, ...]
    agreement: float
    rank_correlation: float
    residuals: dict[str, tuple[Residuals, ...]]
    steps: tuple[float, ...]
    units: tuple[str, ...]
    rates: tuple[TriggerRate, ...] = ()


@dataclass(frozen=True)
class Latency:
    """From a vendor tool's report; all None where there is none. Never an estimate."""

    source: str | None
    cycles: int | None
    interval_cycles: int | None
    clock_ns: float | None

    @property
    def nanoseconds(self) -> float | None:
        """Worst-case latency at the report's clock."""
        if self.cycles is None or self.clock_ns is None:
            return None
        return self.cycles * self.clock_ns


@dataclass(frozen=True)
class Check:
    """A limit of the configuration. ``passed`` is None where nothing was measured."""

    name: str
    value: float | None
    limit: float
    at_most: bool
    passed: bool | None

    @property
    def text(self) -> str:
        """Say how the check went, and by how much it was missed."""
        if self.passed is None or self.value is None:
            return "not measured"
        return "passed" if self.passed else f"missed by {abs(self.value - self.limit):.3g}"

    def __str__(self) -> str:
        """Return one line."""
        bound = "at most" if self.at_most else "at least"
        value = "not measured" if self.value is None else f"{self.value:.4g}"
        return f"{self.name} {value}, limit {bound} {self.limit:g}: {self.text}"


@dataclass(frozen=True)
class Verdict:
    """Everything `aetrig verify` found.

    ``not_run``: stage and what it needs. ``notes``: what cannot be compared, and is no fault.
    """

    run: str
    findings: tuple[Finding, ...]
    not_run: tuple[Finding, ...]
    ladder: tuple[Comparison, ...]
    coverage: tuple[Coverage, ...]
    physics: Physics | None
    latency: Latency
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every stage ran, no bit differs, and no limit was missed."""
        return not self.failures()

    def failures(self) -> list[str]:
        """Return one line for each fault, changed artefacts first."""
        lines = [str(finding) for finding in self.findings]
        lines += [f"not run: {stage}" for stage in self.not_run]
        lines += [str(row.first) for row in self.ladder if row.first is not None]
        lines += [str(check) for check in self.checks if check.passed is False]
        if not self.ladder:
            lines.append("no two stages could be compared")
        return lines

    def summary(self) -> str:
        """Return the verdict in one line."""
        values = sum(row.values for row in self.ladder)
        differing = sum(row.differing for row in self.ladder)
        missed = sum(check.passed is False for check in self.checks)
        word = "PASSED" if self.passed else "FAILED"
        line = f"{word}: {differing:,} of {values:,} compared values differ, {missed} limits missed"
        found = len(self.findings) + len(self.not_run)
        line += f", {found} other fault{'' if found == 1 else 's'} (listed first)" if found else ""
        unmeasured = [check.name for check in self.checks if check.passed is None]
        line += f"; not measured: {', '.join(unmeasured)}" if unmeasured else ""
        return "; ".join((line, *self.notes))

    def to_json(self) -> dict[str, Any]:
        """Return what verify.json holds: plain values, infinities as None."""
        content: dict[str, Any] = {"passed": self.passed, "failures": self.failures()}
        content |= dataclasses.asdict(self)
        content["latency"]["nanoseconds"] = self.latency.nanoseconds
        content["latency"]["measured"] = self.latency.cycles is not None
        for check, entry in zip(self.checks, content["checks"], strict=True):
            entry["text"] = check.text
        plain: dict[str, Any] = json.loads(json.dumps(_finite(content)))
        return plain


def _finite(value: Any) -> Any:
    """Replace numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
