"""`aetrig verify`: open every stage, compare, measure, judge, write verify.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.data import features as feature_file
from aetrig.data.scaling import InputScaling
from aetrig.data.vectors import Vectors
from aetrig.data.vectors import load as load_vectors
from aetrig.errors import AetrigError
from aetrig.program.contract import VECTORS
from aetrig.program.evaluate import check_input
from aetrig.run import Run, alone, replacing, write_json
from aetrig.train.load import load_scaling
from aetrig.verify.chain import unlinked
from aetrig.verify.digests import CACHED, INPUTS, digest_findings
from aetrig.verify.formats import format_findings
from aetrig.verify.ladder import Climbed, climb_ladder
from aetrig.verify.latency import latency
from aetrig.verify.limits import checks
from aetrig.verify.performance import Grid, performance
from aetrig.verify.project import project_findings
from aetrig.verify.rates import trigger_rates
from aetrig.verify.reconstruct import Scoring, reconstructions, scoring
from aetrig.verify.rungs import FLOAT, IMPORTED
from aetrig.verify.stages import Stages, open_stages
from aetrig.verify.vectors import Adversarial, adversarial
from aetrig.verify.verdict import Finding, Mismatch, Physics, Verdict

NO_FLOAT = (
    "the network was imported: there is no float network to compare with, and the ladder begins "
    "with QONNX's executor on the imported file"
)
Progress = Callable[[str], None]


@alone
def verify(run: Run, progress: Progress = lambda _: None) -> Verdict:
    """Verify a run from what lies in its directory, and write verify.json whatever the outcome.

    ``progress`` is told, in a few words, what is being done. A failed check raises nothing: it is
    in the verdict, and `aetrig verify` makes it the exit code. Raises UserError where the run's
    config or manifest cannot be read.
    """
    config = configuration.load(run / "config.yaml", [])
    progress("checking digests")
    findings = digest_findings(run)
    for name in CACHED:
        run.discard_unrecorded(name)
    findings += [Finding(fault.artefact, fault.what) for fault in unlinked(run)]
    progress("opening stages")
    stages = open_stages(run)
    findings += stages.findings
    if stages.quantized is not None and stages.program is not None:
        findings += format_findings(stages.quantized, stages.program)
    findings += project_findings(run, stages.deployed)
    vectors = _validation(run, config, stages, findings)
    made = _adversarial(stages, config)
    how = scoring(stages, config)
    climbed = _climb(stages, vectors, made, how, progress)
    findings += climbed.findings
    progress("measuring physics")
    physics = _physics(run, config, stages, vectors, climbed, how, findings)
    measured = latency(run, findings)
    verdict = Verdict(
        str(run.path),
        tuple(findings),
        tuple(stages.not_run),
        climbed.comparisons,
        made.coverage if made is not None else (),
        physics,
        measured,
        checks(config.verify.limits, physics, measured),
        (NO_FLOAT,) if stages.imported else (),
    )
    _write(run, verdict, made, climbed.mismatches)
    return verdict


def _validation(
    run: Run, config: RunConfig, stages: Stages, findings: list[Finding]
) -> Vectors | None:
    """Return the validation events, evenly thinned to the configured number."""
    try:
        vectors = load_vectors(run / VECTORS)
        if stages.program is not None:
            check_input(stages.program, vectors.x, str(run / VECTORS))
    except AetrigError as error:
        findings.append(Finding(VECTORS, str(error)))
        return None
    events = len(vectors.x)
    limit = min(config.verify.max_events or events, events)
    rows = np.linspace(0, events - 1, limit).round().astype(np.int64)
    weight = vectors.weight[rows]
    return Vectors(
        vectors.x[rows],
        vectors.process[rows],
        weight if config.verify.weighted else np.ones_like(weight),
        vectors.processes,
        vectors.features,
    )


def _adversarial(stages: Stages, config: RunConfig) -> Adversarial | None:
    if stages.program is None:
        return None
    return adversarial(stages.program, config.verify.adversarial_events)


def _climb(
    stages: Stages,
    vectors: Vectors | None,
    made: Adversarial | None,
    how: Scoring | None,
    progress: Progress,
) -> Climbed:
    """Climb the ladder on both sets of vectors; the integers kept are those of validation."""
    sets = [("validation", vectors.x.astype(np.int64))] if vectors is not None else []
    sets += [("adversarial", made.x)] if made is not None else []
    layers = stages.layers()
    joined = Climbed((), (), (), {})
    for name, x in sets if layers else []:
        done = 0

        def tell(events: int, name: str = name, total: int = len(x)) -> None:
            nonlocal done
            done += events
            progress(f"comparing stages, {name} vectors: {done:,} of {total:,}")

        kept = how.layers if how is not None and name == "validation" else ()
        found = climb_ladder(stages.rungs, x, name, layers, kept, tell)
        joined = Climbed(
            joined.comparisons + found.comparisons,
            joined.mismatches + found.mismatches,
            joined.findings + found.findings,
            joined.values | found.values,
        )
    return joined


def _physics(
    run: Run,
    config: RunConfig,
    stages: Stages,
    vectors: Vectors | None,
    climbed: Climbed,
    how: Scoring | None,
    findings: list[Finding],
) -> Physics | None:
    """Return the physics figures, or None with a finding that says why there are none."""
    if vectors is None:
        return None
    if how is None:
        findings.append(Finding("physics", "needs the network of model.qonnx.onnx for its score"))
        return None
    try:
        scaling = load_scaling(run)
        found = reconstructions(stages, climbed.values, vectors, scaling, how)
        first = IMPORTED if stages.imported else FLOAT
        if len(found) < 2 - stages.imported or found[0].stage != first:
            ran = ", ".join(item.stage for item in found) or "none"
            findings.append(Finding("physics", f"needs {first} and a quantized stage, ran: {ran}"))
            return None
        physics = performance(vectors, found, _grid(run, scaling), config.verify)
        if stages.trigger is None or stages.trigger.trigger is None:
            return physics
        points, unit = stages.trigger.trigger.points, (how.exponent, how.divisor)
        rates = trigger_rates(vectors, found, points, unit, config.trigger)
        return replace(physics, rates=rates)
    except AetrigError as error:
        findings.append(Finding("physics", str(error)))
        return None


def _grid(run: Run, scaling: InputScaling) -> Grid:
    features = feature_file.load(run / "features.json")
    steps = tuple(feature.grid.step for feature in features)
    return Grid(steps, tuple(feature.grid.unit for feature in features), scaling.shift)


def _write(
    run: Run, verdict: Verdict, made: Adversarial | None, mismatches: Sequence[Mismatch]
) -> None:
    """Write the verdict, the vectors, and the mismatches of this time and no other."""
    outputs = ["verify.json"]
    if made is not None:
        outputs.append("vectors/adversarial.npz")
        with replacing(run / outputs[-1]) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, x=made.x, family=np.array(made.family, dtype=np.str_))
    if mismatches:
        outputs.append("mismatches.json")
        write_json(run / "mismatches.json", [vars(item) for item in mismatches])
    else:
        (run / "mismatches.json").unlink(missing_ok=True)
        run.forget("mismatches.json")
    write_json(run / "verify.json", verdict.to_json())
    run.record_libraries(CACHED)
    run.record("verify", outputs, [name for name in INPUTS if (run / name).exists()])
