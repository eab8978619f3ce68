"""The limits of the configuration, each turned into a check with its margin."""

from __future__ import annotations

from collections.abc import Iterator

from aetrig.config.model import Limits
from aetrig.verify.rungs import FLOAT
from aetrig.verify.verdict import Check, Latency, Physics

SIGMAS = 2.0
LOSS, AGREEMENT = "loss over float loss", "equal decisions, background"
LATENCY, INTERVAL = "latency in ns", "initiation interval in cycles"
LATENCY_CHECKS = (LATENCY, INTERVAL)


def auc_check(signal: str) -> str:
    """Return the name of the check on a signal's AUC."""
    return f"relative fall of AUC, {signal}"


def efficiency_check(signal: str) -> str:
    """Return the name of the check on a signal's efficiency."""
    return f"relative fall of efficiency beyond 2 sigma, {signal}"


def checks(limits: Limits, physics: Physics | None, latency: Latency) -> tuple[Check, ...]:
    """Return every check that the configuration asks for, measured or not.

    Limits on physics are falls from float to the last stage: without float there are none.
    """
    falls = physics is not None and physics.stages[0].stage == FLOAT
    found = list(_physics(limits, physics)) if physics is not None and falls else []
    if limits.latency_ns is not None:
        found.append(_at_most(LATENCY, latency.nanoseconds, limits.latency_ns))
    if limits.interval_cycles is not None:
        found.append(_at_most(INTERVAL, latency.interval_cycles, limits.interval_cycles))
    return tuple(found)


def _physics(limits: Limits, physics: Physics) -> Iterator[Check]:
    first, last = physics.stages[0], physics.stages[-1]
    losses = [stage.loss for stage in physics.stages if stage.loss is not None]
    if len(losses) > 1 and losses[0] > 0:
        yield _at_most(LOSS, losses[-1] / losses[0], limits.loss_ratio)
    yield _at_least(AGREEMENT, physics.agreement, limits.agreement)
    for signal in physics.signals:
        reference, other = signal.auc[first.stage].value, signal.auc[last.stage].value
        fall = (reference - other) / reference if reference > 0 else 0.0
        yield _at_most(auc_check(signal.name), fall, limits.auc_drop)
        efficiency = signal.efficiency[first.stage].value
        beyond = max(0.0, signal.fall.value - SIGMAS * signal.fall.error)
        fall = beyond / efficiency if efficiency > 0 else 0.0
        yield _at_most(
            efficiency_check(signal.name),
            fall,
            limits.efficiency_drop,
        )


def _at_most(name: str, value: float | None, limit: float) -> Check:
    return Check(name, value, limit, at_most=True, passed=None if value is None else value <= limit)


def _at_least(name: str, value: float, limit: float) -> Check:
    return Check(name, value, limit, at_most=False, passed=value >= limit)
