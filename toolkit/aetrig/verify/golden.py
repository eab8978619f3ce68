"""A verified network as files with golden vectors, for a repository and its CI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig import __version__
from aetrig import config as configuration
from aetrig.data.vectors import load as load_vectors
from aetrig.errors import CheckFailedError, UserError
from aetrig.program import contract
from aetrig.program.contract import TRIGGER
from aetrig.program.evaluate import evaluate, trace
from aetrig.program.model import ACCEPT, SCORE
from aetrig.program.read import read
from aetrig.run import Run, replacing, sha256, write_json, write_text
from aetrig.verify.card import card

VERSION = 1
CONFIG, QONNX, PLAIN, VECTORS = "config.yaml", "model.qonnx.onnx", "model.onnx", "golden.npz"
TRIGGER_PLAIN = "trigger.onnx"
TRIGGER_FILES = (TRIGGER, TRIGGER_PLAIN)
SUMMARY, CARD = "golden.json", "README.md"
FILES = (CONFIG, QONNX, PLAIN, VECTORS)
EVENTS = 1000  # of each kind: validation and adversarial


def write(run: Run, folder: Path, *, force: bool = False, events: bool = True) -> int:
    """Write a verified run's network into ``folder`` and return the number of golden vectors.

    ``events``: without them the vectors are adversarial alone, for data that are not to be shown.
    Raises UserError where the run has not passed `aetrig verify` since it was made, or where the
    folder holds something already and ``force`` is not given.
    """
    verdict = passed_verdict(run)
    if folder.exists() and any(folder.iterdir()) and not force:
        raise UserError(f"{folder} is not empty; choose another folder, or replace it with --force")
    program, x = read(run / QONNX), _golden_inputs(run, events=events)
    trigger = contract.load(run) if (run / TRIGGER).exists() else None
    names = (CONFIG, QONNX, PLAIN, *(TRIGGER_FILES if trigger is not None else ()))
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name in names:
            (temporary / name).write_bytes((run / name).read_bytes())
        arrays: dict[str, npt.NDArray[Any]] = {"x": x, "y": evaluate(program, x).astype(np.int32)}
        if trigger is not None:
            values = trace(trigger, x)
            arrays |= {SCORE: values[SCORE], ACCEPT: values[ACCEPT].astype(np.uint8)}
        with (temporary / VECTORS).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        summary = {
            "version": VERSION,
            "aetrig": __version__,
            "output_exponent": program.output_format.exponent,
            "sha256": {name: sha256(temporary / name) for name in (*names, VECTORS)},
            "rtl": _content(run / "rtl.json"),
        }
        write_json(temporary / SUMMARY, summary)
        config = configuration.load(run / CONFIG)
        records = {name: _content(run / f"{name}.json") for name in ("hls", "rtl", "trigger")}
        write_text(temporary / CARD, card(config, program, verdict, records, len(x)))
    return len(x)


def passed_verdict(run: Run) -> dict[str, Any]:
    """Return the content of verify.json.

    Raises UserError where the run was changed since, CheckFailedError where it has not passed.
    """
    path = run.need("verify.json", "verify")
    changed = [*run.altered(), *(name for name in run.outdated() if name == path.name)]
    if changed:
        raise UserError(f"{run / changed[0]} has changed since; run aetrig verify again")
    # its digest has just been found to be the one that verify recorded: it is what verify wrote
    verdict: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if not verdict["passed"]:
        raise CheckFailedError(f"{run.path} has not passed: {verdict['failures'][0]}")
    return verdict


def _golden_inputs(run: Run, *, events: bool) -> npt.NDArray[np.int32]:
    """Return validation events if wanted, evenly spaced, then adversarial ones."""
    validation = load_vectors(run / "vectors/validation.npz").x
    with np.load(run / "vectors/adversarial.npz", allow_pickle=False) as archive:
        adversarial = archive["x"]
    parts = [
        array[np.linspace(0, len(array) - 1, min(EVENTS, len(array))).astype(np.int64)]
        for array in ((validation, adversarial) if events else (adversarial,))
    ]
    return np.concatenate(parts).astype(np.int32)


def _content(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
