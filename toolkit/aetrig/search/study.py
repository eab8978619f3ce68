"""`aetrig search`: ask, run, record, until the time or the trials are used up.

The trial files are the whole state. Before each question the sampler's study is rebuilt from them,
and its random numbers follow from the seed and the trial's number: a search that was interrupted
goes on as it would have gone, and nothing is lost, or counted twice, that is on disk.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import yaml
from typing_extensions import TypedDict

from aetrig.config.differ import leaves
from aetrig.config.load import parse
from aetrig.config.model import RunConfig
from aetrig.config.search import SearchSpace
from aetrig.errors import MissingToolError, UserError
from aetrig.machines import connect, each
from aetrig.parts import resolve
from aetrig.reading import read_json, read_text
from aetrig.report.draw import svg
from aetrig.run import held, write_json, write_text
from aetrig.search import front as fronts
from aetrig.search import trial
from aetrig.search.aim import aimed
from aetrig.search.budget import DEFAULT_SECONDS, Goal
from aetrig.search.sample import absolute
from aetrig.search.space import Parameters, configured, starts, suggest
from aetrig.search.trial import Job, Known, Record, Seen

SETTINGS, TRIALS, ASKED, FRONT = "search.yaml", "trials", "asked.json", "front"
RESULT, DRAWN = "search.json", "search.svg"


class Asked(TypedDict):
    """asked.json of a trial: its parameters, and what the sampler keeps beside them."""

    parameters: dict[str, int | float | bool | str | None]
    sampler: dict[str, Any]


SamplerName = Literal["tpe", "nsga2", "random"]
STARTUP, POPULATION = 12, 16
LAST = 20  # trials whose median says how long the next may take
WORST = (0.0, 7.0, 1000.0)  # quality, log10 of LUTs and cycles of a trial that has none


@dataclass(frozen=True)
class Options:
    """How a search goes. ``early``: hopeless trials end early; ``warm``: it begins with `starts`.

    ``trials``, ``seconds``: after so many, counted over all calls, it is done; with neither after
    20 minutes.
    """

    sampler: SamplerName = "tpe"
    seed: int = 1
    early: bool = True
    warm: bool = True
    trials: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class SearchResult:
    """Where it is, what was found, and ``seconds`` of search over all calls."""

    folder: Path
    config: RunConfig
    goal: Goal
    records: tuple[Record, ...]
    front: tuple[fronts.Point, ...]
    configs: tuple[RunConfig, ...]
    seconds: float

    def count(self, status: str) -> int:
        """Return how many trials ended so."""
        return sum(record.status == status for record in self.records)

    def summary(self) -> str:
        """Return one line."""
        ended = ("finished", "stopped", "refused", "failed")
        counts = ", ".join(f"{self.count(kind)} {kind}" for kind in ended if self.count(kind))
        return (
            f"{self.folder}: {len(self.front)} points of {len(self.records)} trials ({counts}) in "
            f"{_clock(self.seconds)}; search.json, search.svg, front/*.yaml. "
            f"Next: aetrig qat {self.folder / FRONT / '1.yaml'}"
        )

    def table(self) -> fronts.Table:
        """Return title, columns and rows: a point a row."""
        return fronts.table(self.front, self.configs, self.goal, resolve(self.config.rtl.part))


def search(
    config: RunConfig,
    goal: Goal,
    runs: Path,
    *,
    base: Path,
    space: SearchSpace = SearchSpace(),  # noqa: B008 - frozen
    options: Options = Options(),
    scheduler: str | None = None,
    workers: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> SearchResult:
    """Search networks for a goal; write ``runs/NAME-search``.

    ``config``: what trials have in common. ``base``: where relative data files may start. A search
    that is there goes on, with the same settings. After KeyboardInterrupt everything is written
    as for a search that is done, and it is raised again. Raises UserError for data without
    signals, a rate beyond all events, and a search that is there with other settings.
    """
    _require()
    config = config.model_copy(update={"data": absolute(config.data, base)})
    goal, config, said = aimed(config, goal)
    state = _State(runs / f"{config.name}-search", config, goal, space, options, note)
    with held(state.folder):
        state.read()
        with connect(scheduler, workers) as client:
            state.begin(said)
            try:
                for job, record in each(client, trial.run, state.jobs(), ahead=1):
                    state.enter(job, record)
            finally:
                state.write()
    return state.result()


def _require() -> None:
    try:
        import alkaid  # noqa: F401
        import optuna  # noqa: F401
    except ImportError as error:
        raise MissingToolError(
            f"the Python package {error.name} is not installed; a search needs it: "
            "pip install 'aetrig[search]'"
        ) from error


_MOVABLE = ("trials", "seconds")  # the rest decides what is found


class _State:
    """A search in progress: what was asked, what was found, and the time it took."""

    def __init__(
        self,
        folder: Path,
        config: RunConfig,
        goal: Goal,
        space: SearchSpace,
        options: Options,
        note: Callable[[str], None],
    ) -> None:
        self.folder, self.config, self.goal, self.note = folder, config, goal, note
        self._space, self._options = space, options
        self._starts = starts(space, config) if options.warm else []
        self._asked: dict[int, dict[str, Any]] = {}
        self.records: dict[int, Record] = {}
        self.front: list[fronts.Point] = []
        self._before, self._start = 0.0, time.monotonic()

    def read(self) -> None:
        """Take up what is on disk; raise UserError where that is another search."""
        path = self.folder / SETTINGS
        if not os.path.lexists(path):  # a link that leads nowhere is no new search
            return
        before = parse(read_text(path), str(path))
        if not isinstance(before, dict):
            raise UserError(f"{path}: not the settings of a search; give another --name")
        for key, old, new in leaves("", before, self._settings()):
            raise UserError(
                f"{self.folder} was begun with {key}={old} and this is {key}={new}; go on with "
                "the same command, or give the search another name with --name NAME"
            )
        for asked in sorted((self.folder / TRIALS).glob(f"*/{ASKED}")):
            if not asked.parent.name.isdecimal():
                raise UserError(f"{asked.parent}: a trial's folder is a number; remove it")
            number = int(asked.parent.name)
            again = "remove its folder, and the trial is run again"
            self._asked[number] = read_json(asked, Asked, again)
            record = trial.read(asked.parent)
            if record is not None:
                self.records[number] = record
        self.front = fronts.front(self.records.values(), self.goal)
        self._before = max((record.ended for record in self.records.values()), default=0.0)

    def begin(self, said: Sequence[str]) -> None:
        """Write the settings, say what is there, and start the clock."""
        if not (self.folder / SETTINGS).exists():
            write_text(self.folder / SETTINGS, yaml.safe_dump(self._settings(), sort_keys=False))
        for text in said:
            self.note(text)
        if self._asked:
            lost = len(self._asked) - len(self.records)
            again = f", {lost} more were under way and are run again" if lost else ""
            self.note(
                f"{self.folder} goes on: {len(self.records)} trials are there, "
                f"{len(self.front)} points, {_clock(self._before)}{again}"
            )
        self._start = time.monotonic()

    def _settings(self) -> dict[str, Any]:
        options = {k: v for k, v in asdict(self._options).items() if k not in _MOVABLE}
        return {
            "goal": {**asdict(self.goal), "axes": list(self.goal.axes)},
            "search": options,
            "space": self._space.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json"),
        }

    @property
    def seconds(self) -> float:
        """Time of search, over all calls."""
        return self._before + time.monotonic() - self._start

    def jobs(self) -> Iterator[Job]:
        """Yield the next trial when a worker has room: first those under way before, then new."""
        for number in sorted(self._asked.keys() - self.records.keys()):
            yield self._job(number)
        while not self._done():
            number = max(self._asked, default=-1) + 1
            self._ask(number)
            yield self._job(number)

    def _done(self) -> bool:
        options, lasted = self._options, [r.seconds for r in self.records.values()]
        if options.trials is not None and len(self._asked) >= options.trials:
            return True
        if options.seconds is None and options.trials is not None:
            return False
        # none begins that is likely to end after the time; how long one takes is known from the
        # first that ends
        typical = median(lasted[-LAST:]) if lasted else 0.0
        return self.seconds + typical > (options.seconds or DEFAULT_SECONDS)

    def _ask(self, number: int) -> None:
        parameters, attributes = proposed(
            number, self._asked, self.records, self._starts,
            self.goal, self._space, self.config, self._options,
        )  # fmt: skip
        content = {"parameters": parameters, "sampler": attributes}
        write_json(self._place(number) / ASKED, content)
        self._asked[number] = content

    def _place(self, number: int) -> Path:
        return self.folder / TRIALS / f"{number:04d}"

    def _job(self, number: int) -> Job:
        parameters = self._asked[number]["parameters"]
        return Job(
            number,
            parameters,
            configured(self.config, parameters, f"{self.config.name}-{number:04d}"),
            self.goal,
            self._place(number).resolve(),
            self._known(number) if self._options.early else None,
            round(self.seconds, 3),
        )

    def _known(self, number: int) -> Known:
        """Return what earlier trials give to hold one against."""
        good = sorted(
            {point.record.number for point in fronts.points(self.records.values(), self.goal)}
        )
        seen = (self.records[n] for n in good if n < number)
        return Known(
            tuple(Seen(r.rungs, r.sketch) for r in seen if r.sketch is not None),
            tuple((p.quality, p.cost) for p in self.front if p.record.number < number),
        )

    def enter(self, job: Job, record: Record) -> None:
        """Take a result in; write its file where its worker could not, and show a new point."""
        if trial.read(job.folder) is None:  # a worker with another file system
            write_json(job.folder / trial.RECORD, asdict(record))
        self.records[record.number] = record
        before = len(self.front)
        self.front = fronts.front(self.records.values(), self.goal)
        new = [point for point in self.front if point.record.number == record.number]
        if new:
            self._write_configs()
        done = f"{len(self.records)} trials, {len(self.front)} points, {_clock(self.seconds)}"
        if new:
            text = fronts.line(new, job.config, self.goal)
            self.note(f"#{record.number:04d} {text}  [{done}]")
        elif not before:  # or nothing would be seen for long
            self.note(f"#{record.number:04d} {record.status}: {record.reason or 'beyond a bound'}")

    def _configs(self) -> list[RunConfig]:
        return [fronts.config_of(point, self._job_config(point.record)) for point in self.front]

    def _job_config(self, record: Record) -> RunConfig:
        return configured(self.config, record.parameters, f"{self.config.name}-{record.number:04d}")

    def _write_configs(self) -> None:
        fronts.write_configs(self.folder / FRONT, self._configs())

    def write(self) -> None:
        """Write front/, search.json and search.svg from what is known."""
        self._write_configs()
        drawn = fronts.picture(self.front, self.goal, self.config.rtl.clock_ns, self.config.name)
        content = {
            "goal": {**asdict(self.goal), "quality_is": self.goal.name},
            "options": asdict(self._options),
            "environment": fronts.environment(),
            "seconds": round(self.seconds, 1),
            "trials": [
                {key: value for key, value in asdict(r).items() if key != "parameters"}
                for _, r in sorted(self.records.items())
            ],
            "front": [
                {
                    "config": f"{FRONT}/{number}.yaml",
                    "trial": point.record.number,
                    self.goal.name: point.quality,
                    "luts": point.cost.luts,
                    "cycles": point.cost.cycles,
                    "latency_ns": point.cost.cycles * self.config.rtl.clock_ns,
                    "network_sha256": point.record.network,
                    "parameters": point.record.parameters,
                    "signals": point.record.signals,
                }
                for number, point in enumerate(self.front, start=1)
            ],
            "picture": drawn.to_json(),
        }
        write_json(self.folder / RESULT, content)
        write_text(self.folder / DRAWN, svg(drawn))

    def result(self) -> SearchResult:
        """Return everything found."""
        return SearchResult(
            self.folder,
            self.config,
            self.goal,
            tuple(record for _, record in sorted(self.records.items())),
            tuple(self.front),
            tuple(self._configs()),
            self.seconds,
        )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def proposed(
    number: int,
    asked: dict[int, dict[str, Any]],
    records: dict[int, Record],
    begin: list[Parameters],
    goal: Goal,
    space: SearchSpace,
    base: RunConfig,
    options: Options,
) -> tuple[Parameters, dict[str, Any]]:
    """Return a trial's parameters and what the sampler notes about it, from all that is known."""
    import numpy as np
    import optuna
    from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = int(np.random.SeedSequence([options.seed, number]).generate_state(1)[0])
    made: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True),
        "nsga2": lambda: NSGAIISampler(seed=seed, population_size=POPULATION),
        "random": lambda: RandomSampler(seed=seed),
    }
    study = optuna.create_study(
        directions=["minimize"] * len(goal.axes), sampler=made[options.sampler]()
    )
    for earlier in sorted(asked):
        study.add_trial(_told(asked[earlier], records.get(earlier), goal, space, base))
    if number < len(begin):
        study.enqueue_trial(begin[number])
    question = study.ask()
    parameters = suggest(question, space, base)
    return parameters, dict(study.trials[-1].system_attrs)


def _told(
    asked: dict[str, Any], record: Record | None, goal: Goal, space: SearchSpace, base: RunConfig
) -> Any:
    """Return what the sampler is told of a trial: a finished one's values, or a running one."""
    from optuna.trial import FixedTrial, TrialState, create_trial

    fixed = FixedTrial(asked["parameters"])
    suggest(fixed, space, base)
    common = {
        "params": asked["parameters"],
        "distributions": fixed.distributions,
        "system_attrs": dict(asked["sampler"]),  # which is added to
    }
    if record is None:
        return create_trial(state=TrialState.RUNNING, **common)
    if record.status == "failed":
        return create_trial(state=TrialState.FAIL, **common)
    values, excess = _judged(record, goal)
    return create_trial(values=values, constraints=excess, **common)


def _judged(record: Record, goal: Goal) -> tuple[list[float], dict[str, float]]:
    """Return values by axis, and by how much each bound is exceeded.

    A network counts with the pipeline of the least LUTs times cycles that keeps the bounds; one
    that was stopped with its last quality and its sketch.
    """
    quality, cost, excess = record.quality, record.sketch, record.excess
    if record.pipelines and quality is not None:
        over = {cost: goal.excess(quality, cost.luts, cost.cycles) for cost in record.pipelines}
        worst = {cost: max(0.0, *found.values(), 0.0) for cost, found in over.items()}
        cost = min(over, key=lambda c: (worst[c], c.luts * c.cycles))
        excess = over[cost]
    elif record.status == "stopped" and quality is not None and cost is not None:
        excess = goal.excess(quality, cost.luts, cost.cycles)
    by_axis = dict(zip(("quality", "luts", "latency"), WORST, strict=True))
    if quality is not None:
        by_axis["quality"] = -quality
    if cost is not None:
        by_axis |= {"luts": math.log10(max(cost.luts, 1.0)), "latency": float(cost.cycles)}
    return [by_axis[axis] for axis in goal.axes], excess
