"""Where the registers go: as few stages as the delay model allows at the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alkaid.trace.passes import add_surrogate, dead_code_elimin, fuse_ternary_adders
from alkaid.trace.pipeline import to_pipeline
from alkaid.types import CombLogic

from aetrig.program.model import Program
from aetrig.rtl.delay import NS_PER_UNIT
from aetrig.rtl.lower import Logic, lower

INPUT, CONSTANT = -1, 5  # alkaid's codes of operations that take nothing
# adder levels above the least that a matrix product may take; -1: no bound, the fewest adders
EXTRA_DEPTHS = (-1, 5, 2, 1, 0)


@dataclass(frozen=True)
class Pipeline:
    """Logic cut into stages. The input is not registered, every stage's result is.

    ``fsm``: alkaid's; ``stages``: latency in cycles by construction, which simulation has to
    confirm; ``stage_delay``: longest path of a stage in units; ``lut``: alkaid's estimate;
    ``register_bits``: without the bits of valid.
    """

    logic: Logic
    fsm: Any
    stages: int
    stage_delay: float
    lut: float
    register_bits: int


def search(program: Program, clock_ns: float, stage_delay: float | None) -> list[Pipeline]:
    """Return the pipelines to choose from, of falling latency, each the cheapest of its latency.

    ``stage_delay``: longest path of a stage in units; default: what fits the clock.
    """
    limit = stage_delay if stage_delay is not None else clock_ns / NS_PER_UNIT
    best: dict[int, Pipeline] = {}
    for depth in EXTRA_DEPTHS:
        logic = lower(program, depth)
        # three-input adders are cheaper, two-input ones often faster
        for found in (cut(fused(logic), limit), cut(logic, limit)):
            known = best.get(found.stages)
            if known is None or found.lut < known.lut:
                best[found.stages] = found
    falling = [best[stages] for stages in sorted(best, reverse=True)]
    return [
        p for p in falling if all(p.lut < other.lut for other in falling if other.stages < p.stages)
    ]


def fused(logic: Logic) -> Logic:
    """Return the logic with pairs of adders as three-input adders, which a LUT6 row holds."""
    comb = add_surrogate(dead_code_elimin(fuse_ternary_adders(logic.comb), keep_dead_inputs=True))
    return Logic(comb, logic.names)


def cut(logic: Logic, limit: float) -> Pipeline:
    """Cut the logic into the fewest stages of paths up to ``limit`` units.

    An operation that alone takes longer has a stage for itself.
    """
    comb = logic.comb
    stage, delay = _schedule(comb, limit)
    count = max(stage, default=0) + 1
    # alkaid cuts at equal distances of latency: give each operation that of its stage's end
    ops = [
        op._replace(latency=0.0 if op.opcode == INPUT else s + 1.0)
        for op, s in zip(comb.ops, stage, strict=True)
    ]
    fsm = to_pipeline(
        comb._replace(ops=ops), n_stages=count, verbose=False, reg_inp=False, reg_out=True
    )
    bits = sum(signal.width for signal in fsm.signals.values() if signal.reg)
    return Pipeline(logic, fsm, count, max(delay, default=0.0), float(comb.cost), int(bits))


def _schedule(comb: CombLogic, limit: float) -> tuple[list[int], list[float]]:
    """Return each operation's stage and when in it its result is there, as soon as possible."""
    stage: list[int] = []
    ready: list[float] = []
    for op in comb.ops:
        inputs = [] if op.opcode in (INPUT, CONSTANT) else list(op.input_ids)
        before = max((comb.ops[i].latency for i in inputs), default=op.latency)
        delay = max(0.0, op.latency - before)
        s = max((stage[i] for i in inputs), default=0)
        start = max((ready[i] for i in inputs if stage[i] == s), default=0.0)
        if start + delay > limit and start > 0:
            s, start = s + 1, 0.0
        stage.append(s)
        ready.append(start + delay)
    return stage, ready
