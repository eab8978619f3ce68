"""`aetrig search` beside random search in the same time, and against the networks of models/.

    python scripts/bench_search.py --time 20min --seeds 1,2,3,4,5 --rate 30kHz --workers 2

For each seed two searches, one after the other, with the same space, config, workers and time:

search  the defaults: Optuna's TPE, from hand-made networks on, trials that end early
random  what one would do without: parameters drawn at random, each network trained to its end

With --variants all also `random, stops` (random, ending early) and `random, stops, starts` (that,
and from the same hand-made networks on), which tell apart what helps.

The measure is the hypervolume of the front over (quality, log10 of LUTs, cycles): the volume of
what some point is at least as good as, up to a reference point: quality 0 (0.5 for the AUC), and
the bounds on LUTs and cycles, or 100,000 and 30 where there are none. Trials beyond a bound count
for nothing in both.

The reference networks of models/ are judged by the functions that judge trials: quality at the
rate on their own config's validation events, and their pipelines with score and threshold. A point
dominates a reference where it has at least its quality with no more LUTs and no more cycles than
the least of any of its pipelines, and is better in one of them.

Searches lie in --out and are taken up where they were: the command can be run again.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from aetrig.cli.points import hertz
from aetrig.config.load import load
from aetrig.config.model import RunConfig
from aetrig.parts import resolve
from aetrig.program.read import read
from aetrig.run import write_json
from aetrig.search import budget
from aetrig.search.aim import aimed
from aetrig.search.budget import Goal
from aetrig.search.front import environment, volume
from aetrig.search.quality import exact
from aetrig.search.sample import sample
from aetrig.search.space import read as read_space
from aetrig.search.study import Options, SearchResult, search
from aetrig.search.tables import counted_once
from aetrig.search.trial import Cost, pipelines
from aetrig.trigger.score import scored
from benchmarks.machine import machine

MODELS = Path(__file__).resolve().parents[1] / "models"
REFERENCES = ("l1-57-32-16-3-w6a8", "l1-trigger")
VARIANTS = {
    "search": Options(),
    "random": Options(sampler="random", early=False, warm=False),
    "random, stops": Options(sampler="random", warm=False),
    "random, stops, starts": Options(sampler="random"),
}
LUTS, CYCLES = 1e5, 30


@dataclass(frozen=True)
class Reference:
    """A network of models/ as a trial would be judged."""

    name: str
    quality: float
    pipelines: tuple[Cost, ...]

    @property
    def least(self) -> Cost:
        """The least LUTs and the least cycles of any of its pipelines."""
        return Cost(min(c.luts for c in self.pipelines), min(c.cycles for c in self.pipelines))


def reference(name: str, goal: Goal) -> Reference:
    """Judge a network of models/."""
    config = load(MODELS / name / "config.yaml")
    goal, config, _ = aimed(config, goal)
    network = scored(read(MODELS / name / "model.qonnx.onnx"), config)
    at_rate = goal.rate_hz is not None
    with counted_once():
        quality, program = exact(network, sample(config).vectors, config.trigger, at_rate=at_rate)
        return Reference(name, quality.value, pipelines(program, config.rtl))


def dominating(found: SearchResult, than: Reference) -> list[int]:
    """Return the trials with a point that dominates a reference."""
    best = than.least
    return sorted({
        p.record.number
        for p in found.front
        if p.quality >= than.quality and p.cost.luts <= best.luts and p.cost.cycles <= best.cycles
        and (p.quality, p.cost) != (than.quality, best)
    })  # fmt: skip


def hypervolume(found: SearchResult) -> float:
    """Return the volume of a search's front."""
    goal = found.goal
    least = 0.0 if goal.rate_hz is not None else 0.5
    corner = (-least, math.log10(goal.luts or LUTS), float(goal.cycles or CYCLES))
    # a hair beyond, so that a point on a bound has a volume
    corner = (corner[0], corner[1] + 1e-9, corner[2] + 1)
    points = [(-p.quality, math.log10(p.cost.luts), float(p.cost.cycles)) for p in found.front]
    return volume(points, corner)


def searched(
    name: str, seed: int, arguments: argparse.Namespace, config: RunConfig
) -> SearchResult:
    """Run a search, or take it up where it was."""
    options = replace(VARIANTS[name], seed=seed, seconds=budget.duration(arguments.time))
    config = config.model_copy(update={"name": f"{name.replace(', ', '-')}-{seed}"})
    return search(
        config,
        goal_of(arguments, config),
        arguments.out,
        base=Path.cwd(),
        space=read_space(arguments.space),
        options=options,
        workers=arguments.workers,
        note=lambda text: print(f"  {name} {seed}: {text}", flush=True),
    )


def goal_of(arguments: argparse.Namespace, config: RunConfig) -> Goal:
    """Return the goal of the command line."""
    rate, part = arguments.rate, resolve(config.rtl.part)
    return Goal(
        hertz(rate, f"--rate {rate}") if rate else None,
        budget.latency(arguments.latency, config.rtl.clock_ns) if arguments.latency else None,
        budget.luts(arguments.luts, part) if arguments.luts else None,
    )


def row(name: str, found: SearchResult, references: Sequence[Reference]) -> dict[str, Any]:
    """Return the figures of a search."""
    best = max((p.quality for p in found.front), default=0.0)
    return {
        "variant": name,
        "trials": len(found.records),
        "finished": found.count("finished"),
        "stopped": found.count("stopped"),
        "refused": found.count("refused"),
        "failed": found.count("failed"),
        "points": len(found.front),
        "best_quality": best,
        "hypervolume": hypervolume(found),
        "seconds": found.seconds,
        "dominating": {item.name: dominating(found, item) for item in references},
    }


def main() -> None:
    """Run the searches, print and write what they give."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="default: the embedded sample's")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--time", default="20min", help="of each search")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--rate", help="default: AUC")
    parser.add_argument("--latency")
    parser.add_argument("--luts")
    parser.add_argument("--space", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--variants", choices=("two", "all", "search"), default="two")
    parser.add_argument("--out", type=Path, default=Path("build/bench_search"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    config = load(arguments.config, arguments.set)
    references = [reference(name, goal_of(arguments, config)) for name in REFERENCES]
    for item in references:
        shown = ", ".join(f"{c.luts:,.0f} LUTs in {c.cycles} cycles" for c in item.pipelines)
        print(f"{item.name}: quality {item.quality:.4f}; {shown}", flush=True)
    names = {"two": 2, "all": 4, "search": 1}[arguments.variants]
    rows = []
    for seed in map(int, arguments.seeds.split(",")):
        for name in list(VARIANTS)[:names]:
            rows.append(
                {"seed": seed, **row(name, searched(name, seed, arguments, config), references)}
            )
            print(_line(rows[-1]), flush=True)
    volumes = {name: [r["hypervolume"] for r in rows if r["variant"] == name] for name in VARIANTS}
    ratios = [a / b for a, b in zip(volumes["search"], volumes["random"], strict=False) if b > 0]
    for name, found in volumes.items():
        if found:
            print(f"{name:22} hypervolume {statistics.mean(found):.4f}, mean of {len(found)} seeds")
    if ratios:
        shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        larger = sum(ratio > 1 for ratio in ratios)
        print(f"search over random: {shown}; larger for {larger} of {len(ratios)} seeds")
    content = {
        "machine": machine(),
        "environment": environment(),
        "time": arguments.time,
        "rate": arguments.rate,
        "latency": arguments.latency,
        "luts": arguments.luts,
        "references": [asdict(item) for item in references],
        "searches": rows,
        "ratios": ratios,
    }
    write_json(arguments.json or arguments.out / "bench_search.json", content)


def _line(found: dict[str, Any]) -> str:
    dominated = [name for name, trials in found["dominating"].items() if trials]
    return (
        f"seed {found['seed']} {found['variant']:22} {found['trials']:4} trials, "
        f"{found['finished']} finished, {found['points']} points, "
        f"best {found['best_quality']:.4f}, hypervolume {found['hypervolume']:.4f}; "
        f"dominates {', '.join(dominated) or 'none'}"
    )


if __name__ == "__main__":
    main()
