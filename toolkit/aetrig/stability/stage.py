"""`aetrig stability`: apply every condition, measure, judge, write stability.json and .svg."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.program import contract
from aetrig.program.model import Program
from aetrig.records import read_record
from aetrig.report.draw import svg
from aetrig.report.stability import picture
from aetrig.run import Run, alone, write_json, write_text
from aetrig.stability.condition import Condition
from aetrig.stability.cut import cuts
from aetrig.stability.engine import Engine, Scores, engine
from aetrig.stability.judge import failures
from aetrig.stability.layout import Integers, layout
from aetrig.stability.measure import moved, shifted
from aetrig.stability.plan import plan, scene
from aetrig.stability.points import Points, chosen, counted
from aetrig.stability.result import StabilityResult
from aetrig.stability.sample import Sample, sample
from aetrig.trigger.events import Rated
from aetrig.trigger.score import scored

RECORD, DRAWING = "stability.json", "stability.svg"
Rows = npt.NDArray[np.int64]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """Events as they are: what each condition is applied to and compared with.

    ``x``: shape (events, features); ``seen``: what the network sees of them; ``scores``: shape
    (events,); ``counted``: how many of the first of them make the rate, of ``weight``;
    ``signals``: rows of each signal.
    """

    sample: Sample
    engine: Engine
    x: Integers
    seen: Integers
    scores: Scores
    counted: int
    weight: npt.NDArray[np.float64]
    signals: dict[str, Rows]


@alone
def stability(
    run: Run,
    overrides: tuple[str, ...] = (),
    rates: Mapping[str, float] | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda _: None,
) -> StabilityResult:
    """Measure how rate and efficiency move under each condition; write what was found.

    ``overrides``: of the config's section, as ``stability.phi_sectors=16``; ``rates``: working
    points in Hz, by name, in place of the trigger's. A missed limit raises nothing: it is in the
    result, and `aetrig stability` makes it the exit code. Raises UserError for a network without a
    score, for a rate that the data do not give and for artefacts that are missing or damaged.
    """
    _require_own(overrides)
    config = configuration.load(run.need("config.yaml", "qat"), overrides)
    names = [contract.contract(run), contract.NETWORK]
    inputs = ["config.yaml", "features.json", contract.VECTORS, *dict.fromkeys(names)]
    options = config.stability.model_dump(mode="json") | {"rates": dict(rates or {})}
    if run.begin("stability", (RECORD, DRAWING), inputs, options, force=force):
        content = _measured(run, config, rates, progress)
        write_json(run / RECORD, content)
        write_text(run / DRAWING, svg(picture(content)))
        run.record("stability", (RECORD, DRAWING), inputs, options)
    return StabilityResult(run / RECORD, read_record(run / RECORD))


def _require_own(overrides: tuple[str, ...]) -> None:
    for override in overrides:
        if not override.startswith("stability."):
            raise UserError(
                f"--set {override}: only options of stability are changed here, as "
                "stability.phi_sectors=16; the others made the run"
            )


def _measured(
    run: Run, config: RunConfig, rates: Mapping[str, float] | None, progress: Progress
) -> dict[str, Any]:
    program = with_score(contract.load(run), config, str(run / contract.NETWORK))
    vectors = contract.events(run, program)
    progress("reading events")
    events = sample(run, config, vectors)
    rated, unit = counted(vectors, config.trigger)
    found = engine(run, program)
    options = config.stability
    meaning = layout(events.features, events.x, options.energies, events.columns)
    events = replace(events, cuts=cuts(meaning, options.drop_below))
    scores = found.scores(events.network(events.x))
    points = chosen(
        program, config, rates, scores, vectors, rated, unit, anew=bool(options.drop_below)
    )
    subject = _subject(events, found, vectors, rated, options.max_signal_events)
    stage = scene(
        meaning, options, events.x[vectors.rows("background")],
        events.x[vectors.rows("minbias")],
    )  # fmt: skip
    conditions, left_out = plan(stage, events.inputs)
    rows = []
    for number, condition in enumerate(conditions, 1):
        progress(f"{number} of {len(conditions)} conditions: {condition.name}")
        rows.append(_row(subject, condition, points, config.seed))
    content = {
        "network_sha256": program.trigger.network if program.trigger else program.digest,
        "unit": unit,
        "rates_from": rated.origin,
        "overlap": rated.overlap,
        "points_from": points.origin,
        "points": [
            {"name": name, "threshold": threshold, **_nominal(subject, threshold)}
            for name, threshold in points.thresholds.items()
        ],
        "events": subject.counted,
        "signals": {name: len(rows) for name, rows in subject.signals.items()},
        "conditions": rows,
        "left_out": [asdict(item) for item in left_out],
        "drop_below": dict(options.drop_below),
        "limits": options.limits.model_dump(mode="json"),
    }
    missed = failures(content)
    return content | {"passed": not missed, "failures": missed}


def with_score(program: Program, config: RunConfig, where: str) -> Program:
    """Return the Program with a score: the trigger's, or the one that the config names.

    Raises UserError for an encoder alone whose score would need a decoder, naming ``where``.
    """
    if program.trigger is not None:
        return program
    kind = config.trigger.score
    if kind in ("mse", "mae") and program.outputs != program.features:
        raise UserError(
            f"{where} gives {program.outputs} numbers for {program.features} "
            f"inputs, which trigger.score '{kind}' cannot compare: an encoder alone has no score "
            "and so no rate; aetrig threshold --score latent gives it one"
        )
    return scored(program, config)


def _subject(events: Sample, found: Engine, vectors: Vectors, rated: Rated, most: int) -> Subject:
    """Return the events of the rate, then those of each signal, at most ``most``."""
    rows, signals, place = [rated.rows], {}, rated.rows.size
    for index, process in enumerate(vectors.processes):
        mine = np.flatnonzero(vectors.process == index)[:most]
        if process.role == "signal" and mine.size:
            rows.append(mine)
            signals[process.name] = np.arange(place, place + mine.size)
            place += mine.size
    x = events.x[np.concatenate(rows)]
    seen = events.network(x)
    scores = found.scores(seen)
    return Subject(events, found, x, seen, scores, rated.rows.size, rated.weight_hz, signals)


def _nominal(subject: Subject, threshold: int) -> dict[str, Any]:
    scores = subject.scores[: subject.counted]
    rate = moved(scores, scores, subject.weight, threshold)
    efficiency = {
        name: shifted(subject.scores[rows], subject.scores[rows], threshold).value
        for name, rows in subject.signals.items()
    }
    accepted = int((scores > threshold).sum())
    return {
        "rate": rate.rate, "error": rate.error, "accepted": accepted, "efficiency": efficiency,
    }  # fmt: skip


def _row(subject: Subject, condition: Condition, points: Points, seed: int) -> dict[str, Any]:
    """Return what a condition does at each working point; stuck bits are seen in the rate alone."""
    alone = condition.group == "stuck"
    last = subject.counted if alone else len(subject.x)
    x, before = subject.x[:last], subject.scores[:last]
    after = _rescored(subject, before, condition.applied(x, seed))
    found = {}
    for name, threshold in points.thresholds.items():
        first = slice(0, subject.counted)
        rate = moved(before[first], after[first], subject.weight, threshold)
        efficiency = {
            signal: asdict(shifted(before[rows], after[rows], threshold))
            for signal, rows in (() if alone else subject.signals.items())
        }
        found[name] = asdict(rate) | {"efficiency": efficiency}
    return {
        "group": condition.group, "family": condition.family, "name": condition.name,
        "size": condition.size, "points": found,
    }  # fmt: skip


def _rescored(subject: Subject, before: Scores, changed: Integers) -> Scores:
    """Return scores of changed events; those whose inputs did not change keep theirs."""
    new = subject.sample.network(changed)
    rows = np.flatnonzero((subject.seen[: len(new)] != new).any(axis=1))
    after = before.copy()
    after[rows] = subject.engine.scores(np.ascontiguousarray(new[rows]))
    return after
