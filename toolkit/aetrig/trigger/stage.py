"""`aetrig threshold`: choose thresholds at trigger rates, and write the trigger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from aetrig.config.load import load as load_config
from aetrig.config.model import RunConfig, TriggerOptions
from aetrig.data.vectors import Vectors
from aetrig.errors import CheckFailedError, UserError
from aetrig.export.plain import to_plain
from aetrig.export.session import LEVELS, open_session, trigger_integers
from aetrig.export.trigger import to_trigger
from aetrig.physics.rate import Efficiency
from aetrig.physics.roc import Auc, auc
from aetrig.physics.score import divisor
from aetrig.physics.trigger_rate import hertz
from aetrig.program.compare import first_difference
from aetrig.program.contract import NETWORK, TRIGGER, VECTORS, events
from aetrig.program.evaluate import trace
from aetrig.program.graph import parsed
from aetrig.program.model import ACCEPT, SCORE, Integers, Program, Trigger, WorkingPoint
from aetrig.program.ranges import ranges
from aetrig.program.read import read
from aetrig.run import Run, alone, replacing, write_json
from aetrig.trigger.events import Rated, rated_events
from aetrig.trigger.points import Point, efficiencies, working_points
from aetrig.trigger.score import scored

PLAIN, RECORD = "trigger.onnx", "trigger.json"
INPUTS = ("config.yaml", NETWORK, VECTORS)
OUTPUTS = (TRIGGER, PLAIN, RECORD)
CHUNK = 8192
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class ThresholdResult:
    """The trigger that was set. ``efficiency``: by process and working point.

    ``auc``: of each signal, by the integer score.
    score = integer * 2**``exponent`` / ``divisor``; ``origin``: the events that the rates were
    counted with, None where the thresholds were given and the data have no rate.
    """

    program: Program
    points: tuple[Point, ...]
    efficiency: dict[str, dict[str, Efficiency]]
    auc: dict[str, Auc]
    divisor: int
    origin: str | None
    overlap: float
    events: int

    @property
    def exponent(self) -> int:
        """Binary exponent of the score's integer."""
        return self.program.score_exponent

    def value(self, threshold: int) -> float:
        """Return a threshold in units of the score."""
        return float(np.ldexp(float(threshold), self.exponent)) / self.divisor

    def tables(self) -> list[Table]:
        """Return (title, columns, rows): the working points, and what they accept."""
        rates = ["working point", "threshold", "score above", "rate", "stat.", "if shared"]
        names = [point.name for point in self.points]
        title = "Working points"
        if self.overlap > 1:
            title += (
                f" (each soft interaction enters {self.overlap:g} crossings; 'if shared': "
                "uncertainty where one alone makes its crossings accepted)"
            )
        return [
            (title, rates, [self._row(point) for point in self.points]),
            ("Efficiency", ["process", "AUC", *names], list(self._efficiencies())),
        ]

    def _row(self, point: Point) -> list[str]:
        row = [point.name, f"{point.threshold:,}", f"{self.value(point.threshold):.5g}"]
        if point.measured is None:
            return [*row, "not measured", "", ""]
        shared = "" if point.shared_error is None else f"± {hertz(point.shared_error)}"
        shared = shared if self.overlap > 1 else ""
        return [*row, hertz(point.measured.rate), f"± {hertz(point.measured.error)}", shared]

    def _efficiencies(self) -> Iterator[list[str]]:
        for process, by_point in self.efficiency.items():
            cells = (f"{item.value:.4f} ± {item.error:.4f}" for item in by_point.values())
            found = self.auc.get(process)
            area = "" if found is None else f"{found.value:.4f} ± {found.error:.4f}"
            yield [process, area, *cells]

    def summary(self) -> str:
        """Return one line."""
        bits = ranges(self.program)[SCORE].bits
        points = f"{len(self.points)} working point{'s' if len(self.points) > 1 else ''}"
        counted = f"; rates from {self.origin}" if self.origin else ""
        return (
            f"{TRIGGER}: score of {bits} bits in units of 2**{self.exponent} / {self.divisor}, "
            f"{points}; the Program and onnxruntime agree on score and bits of all "
            f"{self.events:,} events{counted}"
        )


@alone
def threshold(run: Run, options: TriggerOptions, *, force: bool = False) -> ThresholdResult:
    """Choose the working points; write trigger.qonnx.onnx, trigger.onnx and trigger.json.

    The network's own file stays as it is; the trigger names its digest. Raises UserError for a
    rate that the data do not give or reach, CheckFailedError where the trigger's files do not
    compute the Program's scores and bits.
    """
    run.need(NETWORK, "export-onnx")
    config = load_config(run / "config.yaml", []).model_copy(update={"trigger": options})
    network = read(run / NETWORK)
    vectors = events(run, network)
    chosen = options.model_dump(mode="json")
    due = run.begin("threshold", OUTPUTS, INPUTS, chosen, force=force)
    result = _choose(network, config, vectors)
    if due:
        _write(run, result, vectors.x)
        run.record("threshold", OUTPUTS, INPUTS, chosen)
    return result


def _choose(network: Program, config: RunConfig, vectors: Vectors) -> ThresholdResult:
    program = scored(network, config)
    scores = _scores(program, vectors.x)
    rated = _rated(vectors, config.trigger)
    points = working_points(scores, vectors, rated, config.trigger)
    accepting = tuple(WorkingPoint(point.name, point.threshold) for point in points)
    score = Trigger(program.trigger.score, accepting, network.digest) if program.trigger else None
    return ThresholdResult(
        replace(program, trigger=score),
        points,
        efficiencies(scores, vectors, rated, points),
        _areas(scores, vectors),
        divisor(config.trigger.score, program.outputs),
        rated.origin if rated else None,
        rated.overlap if rated else 1.0,
        len(vectors.x),
    )


def _areas(scores: Integers, vectors: Vectors) -> dict[str, Auc]:
    """Return the area under each signal's ROC curve, against the background as it is mixed."""
    background = scores[vectors.rows("background")].astype(np.float64)
    signals = {
        process.name: scores[vectors.process == index].astype(np.float64)
        for index, process in enumerate(vectors.processes)
        if process.role == "signal"
    }
    return {name: auc(background, own) for name, own in signals.items() if own.size}


def _rated(vectors: Vectors, options: TriggerOptions) -> Rated | None:
    """Return the events of the rate; given thresholds and shares need none."""
    try:
        return rated_events(vectors, options)
    except UserError:
        if options.thresholds is None and options.shares is None:
            raise
        return None


def _scores(program: Program, x: npt.NDArray[np.int32]) -> Integers:
    chunks = range(0, len(x), CHUNK)
    return np.concatenate([trace(program, x[i : i + CHUNK])[SCORE][:, 0] for i in chunks])


def _write(run: Run, result: ThresholdResult, x: npt.NDArray[np.int32]) -> None:
    network = parsed(run / NETWORK)
    with replacing(run / TRIGGER) as contract_path, replacing(run / PLAIN) as plain_path:
        onnx.save(to_trigger(network, result.program), contract_path)
        program = read(contract_path)
        onnx.save(to_plain(program), plain_path)
        _check(result.program, program, plain_path, x)
    write_json(run / RECORD, _record(result, program))


def _check(wanted: Program, found: Program, plain: Path, x: npt.NDArray[np.int32]) -> None:
    """Compare the written files with what was meant, score and bits of every event."""
    sessions = {level: open_session(plain, level) for level in LEVELS}
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK]
        reference = _trigger_only(trace(wanted, part))
        _equal("the trigger read from QONNX", reference, _trigger_only(trace(found, part)))
        for level, session in sessions.items():
            stage = f"onnxruntime at optimization level '{level}'"
            _equal(stage, reference, trigger_integers(session, part))


def _trigger_only(values: dict[str, Integers]) -> dict[str, Integers]:
    return {name: values[name] for name in (SCORE, ACCEPT)}


def _equal(stage: str, reference: dict[str, Integers], found: dict[str, Integers]) -> None:
    difference = first_difference(reference, found)
    if difference is not None:
        raise CheckFailedError(f"{stage} differs from the Program: {difference}")


def _record(result: ThresholdResult, program: Program) -> dict[str, Any]:
    trigger = program.trigger
    if trigger is None:
        raise ValueError("the program has no trigger")
    return {
        "network_sha256": trigger.network,
        "trigger_sha256": program.digest,
        "score": {
            "kind": trigger.score.kind,
            "reference": trigger.score.reference,
            "exponent": result.exponent,
            "divisor": result.divisor,
            "bits": ranges(program)[SCORE].bits,
        },
        "rates_from": result.origin,
        "working_points": [
            {**asdict(point), "score_above": result.value(point.threshold)}
            for point in result.points
        ],
        "efficiency": {
            process: {name: asdict(item) | {"error": item.error} for name, item in points.items()}
            for process, points in result.efficiency.items()
        },
        "auc": {process: asdict(found) for process, found in result.auc.items()},
        "events": result.events,
    }
