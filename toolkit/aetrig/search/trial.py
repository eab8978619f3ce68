"""One trial: a network trained, costed and judged in a worker; its record is a file of its own.

A trial ends early, the cheapest question first:

1. The float network is trained, calibrated and cut to its final sparsity at once. Its pipeline,
   lowered one way, is a sketch of the cost. More than `FAR` times the bound on LUTs, or
   `FAR_CYCLES` over that on latency: refused.
2. During quantization-aware training, after `RUNGS` of its epochs: stopped where `DOMINATORS`
   earlier trials within all bounds had, at this point, a better quality for no more LUTs and no
   more cycles, by the same sketch.
3. Trained: stopped where its best imaginable pipeline, the sketch's cycles for the LUTs of the
   cheapest way, is no better than a point of the front in anything.

What is left goes through the search for pipelines of `aetrig rtl`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aetrig.config.model import Rtl, RunConfig
from aetrig.errors import AetrigError
from aetrig.parts import resolve
from aetrig.program.model import Program
from aetrig.reading import read_json_as
from aetrig.run import write_json
from aetrig.search.budget import Goal
from aetrig.search.space import Parameters

if TYPE_CHECKING:
    from aetrig.data.vectors import Vectors
    from aetrig.nets import QuantAutoencoder
    from aetrig.train.loop import Epoch

FAR, FAR_CYCLES = 1.5, 1
RUNGS = (1 / 3, 2 / 3)
DOMINATORS = 3
RECORD = "trial.json"
# torch's generator, threads and algorithms are the process's: a trial has them to itself
ALONE = threading.Lock()
Status = Literal["finished", "refused", "stopped", "failed"]


@dataclass(frozen=True)
class Cost:
    """Of a pipeline by alkaid's models."""

    luts: float
    cycles: int


@dataclass(frozen=True)
class Seen:
    """What a trial can be held against: an earlier one's quality at each rung, and its sketch."""

    rungs: tuple[float, ...]
    sketch: Cost


@dataclass(frozen=True)
class Known:
    """What is known when a trial begins. ``front``: quality and cost of its points."""

    seen: tuple[Seen, ...] = ()
    front: tuple[tuple[float, Cost], ...] = ()


@dataclass(frozen=True)
class Job:
    """A trial to run. ``known``: None for one that is not to end early. ``begun``: seconds."""

    number: int
    parameters: Parameters
    config: RunConfig
    goal: Goal
    folder: Path
    known: Known | None
    begun: float = 0.0


@dataclass(frozen=True)
class Record:
    """What a trial gave, `trial.json`.

    ``pipelines``: of falling latency, each the cheapest of its latency, none unless finished;
    ``quality``: of the integers, or at the last rung of a trial that was stopped; ``reason``: why
    it was not finished. ``excess``: of a refused trial, as `Goal.excess`. ``network``: SHA-256 of
    the QONNX file.
    """

    number: int
    status: Status
    parameters: Parameters
    reason: str = ""
    quality: float | None = None
    sketch: Cost | None = None
    rungs: tuple[float, ...] = ()
    excess: dict[str, float] = field(default_factory=dict)
    pipelines: tuple[Cost, ...] = ()
    signals: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    network: str = ""
    begun: float = 0.0
    seconds: float = 0.0

    @property
    def ended(self) -> float:
        """Seconds of search after which it was done."""
        return self.begun + self.seconds


def read(folder: Path) -> Record | None:
    """Return the record of a trial's folder, None where it is not done."""
    path = folder / RECORD
    if not path.exists():
        return None
    record: Record = read_json_as(path, Record, "remove it, and the trial is run again")
    return record


def run(job: Job) -> Record:
    """Run a trial, unless its record is there; write the record whole or not at all.

    What fails in one network, in whatever tool, is the trial's result and not the search's end.
    A process runs one trial at a time, whatever the number of its threads.
    """
    with ALONE:
        return _recorded(job)


def _recorded(job: Job) -> Record:
    done = read(job.folder)
    if done is not None:
        return done
    begun = time.perf_counter()
    try:
        found = _run(job)
    except _EndedError as ended:
        found = ended.record
    except Exception as error:  # noqa: BLE001
        reason = (
            str(error) if isinstance(error, AetrigError) else f"{type(error).__name__}: {error}"
        )
        found = _record(job, "failed", reason=" ".join(reason.split())[:500])
    found = replace(found, seconds=round(time.perf_counter() - begun, 3))
    # a twin may have been quicker: where a scheduler was lost, its workers go on
    done = read(job.folder)
    if done is not None:
        return done
    write_json(job.folder / RECORD, asdict(found))
    return found


class _EndedError(Exception):
    def __init__(self, record: Record) -> None:
        super().__init__(record.reason)
        self.record = record


def _record(job: Job, status: Status, **found: Any) -> Record:
    return Record(job.number, status, job.parameters, begun=job.begun, **found)


def _run(job: Job) -> Record:
    from aetrig.search.network import Candidate
    from aetrig.search.quality import exact
    from aetrig.search.sample import sample
    from aetrig.search.tables import counted_once
    from aetrig.train import device

    config, at_rate = job.config, job.goal.rate_hz is not None
    with device.deterministic(config.train.threads), counted_once():
        candidate = Candidate(config, sample(config), device.choose(config.train.device))
        vectors = candidate.sample.vectors
        net = candidate.calibrated(candidate.trained_float())
        watch = _Watch(job, job.known, _sketched(job, candidate.sketch(net))) if job.known else None
        candidate.train_quantized(net, watch.after(net, vectors) if watch else lambda _: None)
        network = candidate.program(net)
        quality, program = exact(network, vectors, config.trigger, at_rate=at_rate)
        if watch:
            watch.last_chance(program, quality.value)
        found = pipelines(program, config.rtl)
    return _record(
        job,
        "finished",
        quality=quality.value,
        sketch=watch.sketch if watch else None,
        rungs=tuple(watch.rungs) if watch else (),
        pipelines=found,
        signals={"efficiency": quality.efficiency, "auc": quality.auc},
        network=network.digest,
    )


def _sketched(job: Job, program: Program) -> Cost:
    """Return the cost of one way to lower it; raise where it is far beyond a bound."""
    from aetrig.rtl.cost import LUT_PER_DIGIT, digits

    goal = job.goal
    guess = LUT_PER_DIGIT * digits(program)
    if goal.luts is not None and guess > 3 * FAR * goal.luts:
        excess = {"luts": guess / goal.luts - 1}
        reason = f"about {guess:,.0f} LUTs by the digits of its weights, far over {goal.luts:,.0f}"
        raise _EndedError(_record(job, "refused", reason=reason, excess=excess))
    cost = one_way(program, job.config.rtl, 0)
    luts = goal.luts is not None and cost.luts > FAR * goal.luts
    cycles = goal.cycles is not None and cost.cycles > goal.cycles + FAR_CYCLES
    if luts or cycles:
        reason = f"about {cost.luts:,.0f} LUTs and {cost.cycles} cycles by its sketch"
        excess = goal.excess(goal.quality or 1.0, cost.luts, cost.cycles)
        raise _EndedError(_record(job, "refused", reason=reason, sketch=cost, excess=excess))
    return cost


def one_way(program: Program, rtl: Rtl, depth: int) -> Cost:
    """Return the least LUTs and the least cycles of a single lowering, with and without fusing.

    Raises UserError for a network too large to unroll.
    """
    from aetrig.rtl.cost import refuse_too_large
    from aetrig.rtl.delay import NS_PER_UNIT
    from aetrig.rtl.lower import lower
    from aetrig.rtl.pipeline import cut, fused

    refuse_too_large(program, resolve(rtl.part))
    limit = rtl.stage_delay if rtl.stage_delay is not None else rtl.clock_ns / NS_PER_UNIT
    logic = lower(program, depth)
    found = [cut(logic, limit), cut(fused(logic), limit)]
    return Cost(min(p.lut for p in found), min(p.stages for p in found))


def pipelines(program: Program, rtl: Rtl) -> tuple[Cost, ...]:
    """Return the pipelines that `aetrig rtl` chooses from, of falling latency.

    Raises UserError for a network too large to unroll.
    """
    from aetrig.rtl.cost import refuse_too_large
    from aetrig.rtl.pipeline import search

    refuse_too_large(program, resolve(rtl.part))
    return tuple(Cost(p.lut, p.stages) for p in search(program, rtl.clock_ns, rtl.stage_delay))


class _Watch:
    """Looks at a network while it is trained, and ends the trial where it is hopeless."""

    def __init__(self, job: Job, known: Known, sketch: Cost) -> None:
        self._job, self._known, self.sketch = job, known, sketch
        epochs = job.config.train.qat_phase.epochs
        self._epochs = {max(1, round(share * epochs)) - 1 for share in RUNGS}
        self.rungs: list[float] = []

    def after(self, net: QuantAutoencoder, vectors: Vectors) -> Callable[[Epoch], None]:
        """Return what is to be called after each epoch."""
        from aetrig.search.quality import quick

        job, at_rate = self._job, self._job.goal.rate_hz is not None

        def look(epoch: Epoch) -> None:
            if epoch.epoch in self._epochs:
                self.rungs.append(quick(net, vectors, job.config, at_rate=at_rate))
                self._judge()

        return look

    def _judge(self) -> None:
        goal, rung = self._job.goal, len(self.rungs) - 1
        mine = values(goal, self.rungs[rung], self.sketch)
        better = sum(
            dominates(values(goal, seen.rungs[rung], seen.sketch), mine)
            for seen in self._known.seen
            if len(seen.rungs) > rung
        )
        if better >= DOMINATORS:
            self._stop(
                f"{better} trials were better for no more at rung {rung + 1}", self.rungs[-1]
            )

    def last_chance(self, program: Program, quality: float) -> None:
        """Stop a trained network that no pipeline can bring to the front."""
        if not self._known.front:
            return
        fast, small = (one_way(program, self._job.config.rtl, depth) for depth in (0, -1))
        best = Cost(min(fast.luts, small.luts), min(fast.cycles, small.cycles))
        mine = values(self._job.goal, quality, best)
        points = (values(self._job.goal, *point) for point in self._known.front)
        if any(point == mine or dominates(point, mine) for point in points):
            self._stop("trained, and behind the front at its least cost", quality)

    def _stop(self, reason: str, quality: float) -> None:
        found = {"quality": quality, "sketch": self.sketch, "rungs": tuple(self.rungs)}
        raise _EndedError(_record(self._job, "stopped", reason=reason, **found))


def values(goal: Goal, quality: float, cost: Cost) -> tuple[float, ...]:
    """Return what the front minimizes, in the order of the goal's axes."""
    by_axis = {"quality": -quality, "luts": cost.luts, "latency": float(cost.cycles)}
    return tuple(by_axis[axis] for axis in goal.axes)


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Say whether one is nowhere worse than the other, and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
