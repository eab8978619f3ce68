"""A network as files with golden vectors, and the check that a repository's CI runs on them."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from aetrig import __version__
from aetrig import config as configuration
from aetrig.data.vectors import load as load_vectors
from aetrig.errors import CheckFailedError, UserError
from aetrig.export.session import LEVELS, open_session, output_integers
from aetrig.hls.csim import load as load_csim
from aetrig.hls.generate import generate
from aetrig.hls.project import check_project
from aetrig.program.evaluate import evaluate
from aetrig.program.model import Integers, Program
from aetrig.program.read import read
from aetrig.run import Run, replacing, sha256, write_json, write_text
from aetrig.verify.card import card
from aetrig.verify.ladder import Rung, climb_ladder
from aetrig.verify.latency import NOT_MEASURED, reported
from aetrig.verify.limits import checks
from aetrig.verify.rungs import CSIM, ONNX, PROGRAM
from aetrig.verify.verdict import Check, Comparison, Finding

VERSION = 1
CONFIG, QONNX, PLAIN, VECTORS = "config.yaml", "model.qonnx.onnx", "model.onnx", "golden.npz"
SUMMARY, CARD = "golden.json", "README.md"
FILES = (CONFIG, QONNX, PLAIN, VECTORS)
EVENTS = 1000  # of each kind: validation and adversarial
GOLDEN = "golden vectors"


@dataclass(frozen=True)
class GoldenResult:
    """What `check` found: each stage against the golden integers, and the limits on latency."""

    findings: tuple[Finding, ...]
    comparisons: tuple[Comparison, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no bit differs, no artefact was changed and no budget was missed."""
        return not self.failures()

    def failures(self) -> list[str]:
        """Return one line for each fault."""
        lines = [str(finding) for finding in self.findings]
        lines += [str(row.first) for row in self.comparisons if row.first is not None]
        return lines + [str(check) for check in self.checks if check.passed is False]

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield a row for each stage and limit: what, compared, differing or value, result."""
        for row in self.comparisons:
            result = "passed" if row.first is None else "failed"
            yield row.other, f"{row.values:,}", f"{row.differing:,}", result
        for check in self.checks:
            value = "" if check.value is None else f"{check.value:g}"
            yield check.name, f"limit {check.limit:g}", value, check.text


def write(run: Run, folder: Path, *, force: bool = False) -> int:
    """Write a verified run's network into ``folder`` and return the number of golden vectors.

    Raises UserError where the run has not passed `aetrig verify` since it was made, or where the
    folder holds something already and ``force`` is not given.
    """
    verdict = _passed_verdict(run)
    if folder.exists() and any(folder.iterdir()) and not force:
        raise UserError(f"{folder} is not empty; choose another folder, or replace it with --force")
    program = read(run / QONNX)
    x = _golden_inputs(run)
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name in (CONFIG, QONNX, PLAIN):
            (temporary / name).write_bytes((run / name).read_bytes())
        y = evaluate(program, x).astype(np.int32)
        with (temporary / VECTORS).open("wb") as file:
            np.savez_compressed(file, x=x, y=y)
        summary = {
            "version": VERSION,
            "aetrig": __version__,
            "output_exponent": program.output_format.exponent,
            "sha256": {name: sha256(temporary / name) for name in FILES},
        }
        write_json(temporary / SUMMARY, summary)
        record = json.loads((run / "hls.json").read_text(encoding="utf-8"))
        config = configuration.load(run / CONFIG)
        write_text(temporary / CARD, card(config, program, verdict, record, len(x)))
    return len(x)


def check(folder: Path, csynth: Path | None = None) -> GoldenResult:
    """Generate, compile and emulate the firmware of a written network, against its golden vectors.

    ``csynth``: a vendor's synthesis report, whose latency and interval are held to the limits of
    the network's config. Raises UserError where the folder is not what `write` wrote.
    """
    summary = _summary(folder)
    measured = NOT_MEASURED if csynth is None else reported(csynth, str(csynth))
    findings = [
        Finding(name, f"its SHA-256 is not the one in {SUMMARY}; restore it")
        for name in FILES
        if sha256(folder / name) != summary["sha256"].get(name)
    ]
    program = read(folder / QONNX)
    config = configuration.load(folder / CONFIG)
    x, y = _golden(folder, program)
    layer = program.operations[-1].name
    rungs = [
        Rung(GOLDEN, lambda _: {layer: y}),
        Rung(PROGRAM, lambda q: {layer: evaluate(program, q)}, beside=GOLDEN),
        *_onnxruntime(folder, program, layer),
    ]
    with tempfile.TemporaryDirectory(prefix="aetrig-") as scratch:
        project = Path(scratch) / "hls"
        generate(folder / QONNX, program, config.hls, project, Path(scratch) / "hls.log", x)
        findings += [
            Finding("hls", str(item), item.layer) for item in check_project(project, program)
        ]
        csim = load_csim(project, program)
        rungs.append(Rung(CSIM, lambda q: {layer: csim.run(q)}, beside=GOLDEN))
        climbed = climb_ladder(rungs, x, "golden", (layer,))
    findings += climbed.findings
    limits = checks(config.verify.limits, None, measured)
    return GoldenResult(tuple(findings), climbed.comparisons, limits)


def _passed_verdict(run: Run) -> dict[str, Any]:
    path = run.need("verify.json", "verify")
    changed = [*run.altered(), *(name for name in run.outdated() if name == path.name)]
    if changed:
        raise UserError(f"{run / changed[0]} has changed since; run aetrig verify again")
    # its digest has just been found to be the one that verify recorded: it is what verify wrote
    verdict: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if not verdict["passed"]:
        raise CheckFailedError(f"{run.path} has not passed: {verdict['failures'][0]}")
    return verdict


def _golden_inputs(run: Run) -> npt.NDArray[np.int32]:
    """Return validation events, evenly spaced, then adversarial ones."""
    validation = load_vectors(run / "vectors/validation.npz").x
    with np.load(run / "vectors/adversarial.npz", allow_pickle=False) as archive:
        adversarial = archive["x"]
    parts = [
        array[np.linspace(0, len(array) - 1, min(EVENTS, len(array))).astype(np.int64)]
        for array in (validation, adversarial)
    ]
    return np.concatenate(parts).astype(np.int32)


def _summary(folder: Path) -> dict[str, Any]:
    for name in (*FILES, SUMMARY):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} holds no network ({name} is missing); aetrig golden write makes one"
            )
    path = folder / SUMMARY
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = summary["version"]
        dict(summary["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not what aetrig golden write wrote ({error})") from error
    if version != VERSION:
        raise UserError(f"{path} has version {version}, this program reads version {VERSION}")
    return summary


def _golden(folder: Path, program: Program) -> tuple[Integers, Integers]:
    path = folder / VECTORS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            x, y = archive["x"].astype(np.int64), archive["y"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not golden vectors ({error}); restore it") from error
    expected = ((len(x), program.features), (len(x), program.outputs))
    if (x.shape, y.shape) != expected:
        raise UserError(f"{path}: shapes {x.shape} and {y.shape}, expected {expected}")
    return x, y


def _onnxruntime(folder: Path, program: Program, layer: str) -> Iterator[Rung]:
    exponent = program.output_format.exponent
    for level in LEVELS:
        session = open_session(folder / PLAIN, level)

        def run(q: Integers, session: Any = session) -> dict[str, Integers]:
            return {layer: output_integers(session, q.astype(np.int32), exponent)}

        yield Rung(f"{ONNX} ({level})", run, beside=GOLDEN)
