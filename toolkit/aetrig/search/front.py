"""The Pareto front: its points, their configs, a table, a picture and a volume."""

from __future__ import annotations

import itertools
import math
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.parts import Part
from aetrig.report.picture import Curve, Line, Panel, Picture, numbers
from aetrig.run import replacing
from aetrig.search.budget import Axis, Goal
from aetrig.search.trial import Cost, Record, dominates, values

Table = tuple[str, list[str], list[list[str]]]
Volume = Sequence[float]


@dataclass(frozen=True)
class Point:
    """A network with one of its pipelines."""

    record: Record
    quality: float
    cost: Cost

    def error(self, goal: Goal) -> float:
        """Return the statistical uncertainty of the quality: of the mean over signals."""
        own = [error for _, error in self.record.signals.get(goal.name.lower(), {}).values()]
        return math.hypot(*own) / max(1, len(own))

    @property
    def auc(self) -> float:
        """Mean AUC over signals: what a network that is chosen at one rate is worth elsewhere."""
        own = [value for value, _ in self.record.signals.get("auc", {}).values()]
        return sum(own) / max(1, len(own))

    def values(self, goal: Goal) -> tuple[float, ...]:
        """Return what the front minimizes."""
        return values(goal, self.quality, self.cost)


def points(records: Iterable[Record], goal: Goal) -> list[Point]:
    """Return every pipeline of every finished trial that keeps the bounds, in order of trials."""
    return [
        Point(record, record.quality, cost)
        for record in sorted(records, key=lambda record: record.number)
        if record.status == "finished" and record.quality is not None
        for cost in record.pipelines
        if goal.allows(record.quality, cost.luts, cost.cycles)
    ]


def front(records: Iterable[Record], goal: Goal) -> list[Point]:
    """Return the points that no other dominates, smallest network first; of equals one."""
    found: dict[tuple[float, ...], Point] = {}
    for point in points(records, goal):
        mine = point.values(goal)
        if mine in found or any(dominates(other, mine) for other in found):
            continue
        found = {at: other for at, other in found.items() if not dominates(mine, at)} | {
            mine: point
        }
    return sorted(found.values(), key=lambda p: (p.cost.luts, p.cost.cycles, p.record.number))


def config_of(point: Point, config: RunConfig) -> RunConfig:
    """Return the config whose training and lowering give this point.

    ``config``: that of its trial. The bound on latency makes `aetrig rtl` choose this pipeline.
    """
    cycles = point.cost.cycles
    budget = cycles * config.rtl.clock_ns
    return config.model_copy(
        update={
            "name": f"{config.name}-{cycles}c",
            "rtl": config.rtl.model_copy(update={"latency_budget_ns": budget}),
        }
    )


def write_configs(folder: Path, configs: Sequence[RunConfig]) -> None:
    """Write 1.yaml, 2.yaml, ... in place of what is in the folder."""
    with replacing(folder) as temporary:
        temporary.mkdir()
        for number, config in enumerate(configs, start=1):
            (temporary / f"{number}.yaml").write_text(configuration.dump(config), encoding="utf-8")


def line(new: Sequence[Point], config: RunConfig, goal: Goal) -> str:
    """Return a trial's points in one line."""
    costs = (f"{p.cost.luts:,.0f} LUTs in {p.cost.cycles} cycles" for p in new)
    return f"{goal.name} {new[0].quality:.4f}, {', '.join(costs)}: {network(config)}"


def network(config: RunConfig) -> str:
    """Return an encoder, the bits of weights and outputs, rounding, zeros and score."""
    quant, layers = config.quant, config.net.layer_names()
    weights = "-".join(str(quant.layers[layer].weight_bits) for layer in layers)
    outputs = [quant.input_bits]
    outputs += [quant.layers[layer].activation_bits or quant.output_bits for layer in layers]
    return (
        f"{'-'.join(map(str, config.net.encoder))} w{weights} a{'-'.join(map(str, outputs))} "
        f"{quant.rounding} {config.train.pruning.sparsity:.0%} {config.trigger.score}"
    )


def table(found: Sequence[Point], configs: Sequence[RunConfig], goal: Goal, part: Part) -> Table:
    """Return title, columns and rows: a point a row."""
    at_rate = goal.rate_hz is not None  # else the quality is the AUC
    columns = [
        "point",
        goal.name,
        *(["AUC"] if at_rate else []),
        "LUT",
        "of part",
        "latency",
        "network",
        "seed",
        "trial",
    ]
    rows = [
        [
            str(number),
            f"{point.quality:.4f} ± {point.error(goal):.4f}",
            *([f"{point.auc:.4f}"] if at_rate else []),
            f"{point.cost.luts:,.0f}",
            f"{point.cost.luts / part.lut:.2%}" if part.lut else "",
            f"{point.cost.cycles} cycles = {point.cost.cycles * config.rtl.clock_ns:g} ns",
            network(config),
            str(config.seed),
            f"{point.record.number:04d}",
        ]
        for number, (point, config) in enumerate(zip(found, configs, strict=True), start=1)
    ]
    return "Pareto front", columns, rows


def picture(found: Sequence[Point], goal: Goal, clock_ns: float, name: str) -> Picture:
    """Return the front: quality against LUTs with a curve a latency, where these are the axes."""
    labels: dict[Axis, str] = {
        "quality": "mean AUC" if goal.rate_hz is None else "mean signal efficiency",
        "luts": "LUTs, estimated by alkaid",
        "latency": "latency in ns",
    }
    of: dict[Axis, Any] = {
        "quality": lambda p: p.quality,
        "luts": lambda p: p.cost.luts,
        "latency": lambda p: p.cost.cycles * clock_ns,
    }
    x: Axis = "luts" if "luts" in goal.axes else "latency"
    y: Axis = "latency" if "quality" not in goal.axes and x != "latency" else "quality"
    third = len(goal.axes) == 3
    groups = sorted({p.cost.cycles for p in found}) if third else [None]
    curves = []
    for cycles in groups:
        own = [p for p in found if cycles is None or p.cost.cycles == cycles]
        own.sort(key=of[x])
        label = "front" if cycles is None else f"{cycles} cycles = {cycles * clock_ns:g} ns"
        xs, ys = ([float(of[axis](p)) for p in own] for axis in (x, y))
        curves.append(Curve(label, numbers(xs), numbers(ys), marked=True))
    bound = {"luts": goal.luts, "latency": goal.cycles and goal.cycles * clock_ns}.get(x)
    lines = (Line("bound", float(bound)),) if bound else ()
    spread = [value for curve in curves for value in curve.x]
    wide = bool(spread) and max(spread) > 10 * min(spread)
    panel = Panel("", labels[x], labels[y], tuple(curves), lines=lines, log_x=wide)
    caption = f"Pareto front of {name}: {len(found)} points, validation events."
    return Picture("search", f"{name}: the networks worth building", caption, (panel,))


def environment() -> dict[str, str]:
    """Return versions that decide figures."""
    packages = ("aetrig", "alkaid", "brevitas", "distributed", "numpy", "optuna", "torch")
    found = {name: version(name) for name in packages}
    return {"python": platform.python_version(), "machine": platform.machine(), **found}


def volume(found: Iterable[Sequence[float]], reference: Sequence[float]) -> float:
    """Return the hypervolume between points and a reference, all to be minimized, exactly.

    By slices along the last axis: within each the volume of the points that reach it, one axis
    less. Points beyond the reference in an axis count for nothing.
    """
    inside = [tuple(p) for p in found if all(a < r for a, r in zip(p, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(p[0] for p in inside)
    steps = [*sorted({p[-1] for p in inside}), reference[-1]]
    return sum(
        (high - low) * volume([p[:-1] for p in inside if p[-1] <= low], reference[:-1])
        for low, high in itertools.pairwise(steps)
    )
