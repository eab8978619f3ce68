"""A verified network as files with golden vectors, for a repository and its CI."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig import __version__
from aetrig import config as configuration
from aetrig.data.load import load as load_data
from aetrig.data.origin import embedded
from aetrig.data.vectors import read_integers
from aetrig.errors import CheckFailedError, UserError
from aetrig.hold import held, place_of
from aetrig.program import contract
from aetrig.program.contract import TRIGGER
from aetrig.program.evaluate import evaluate, trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.program.read import read
from aetrig.records import read_record, read_record_if_there
from aetrig.run import Run, replacing, sha256, write_json, write_text
from aetrig.verify.card import card, with_vectors
from aetrig.verify.chain import HANDED_OVER, unlinked
from aetrig.verify.chosen import Chosen, choose, evenly

VERSION = 1
CONFIG, QONNX, PLAIN, VECTORS = "config.yaml", "model.qonnx.onnx", "model.onnx", "golden.npz"
TRIGGER_PLAIN = "trigger.onnx"
TRIGGER_FILES = (TRIGGER, TRIGGER_PLAIN)
SUMMARY, CARD = "golden.json", "README.md"
FILES = (CONFIG, QONNX, PLAIN, VECTORS)
EVENTS = 1000  # of each kind: validation and adversarial
KINDS = ("given", "events", "adversarial")  # kinds of vectors before the chosen ones


def write(run: Run, folder: Path, *, force: bool = False, events: bool = True) -> int:
    """Write a verified run's network into ``folder`` and return the number of golden vectors.

    ``events``: without them the vectors are adversarial alone, for data that are not to be shown.
    Raises UserError where the run has not passed `aetrig verify` since it was made, or where the
    folder holds something already and ``force`` is not given.
    """
    verdict = passed_verdict(run)
    if folder.exists() and any(folder.iterdir()) and not force:
        raise UserError(f"{folder} is not empty; choose another folder, or replace it with --force")
    program, trigger = read(run / QONNX), None
    if (run / TRIGGER).exists():
        trigger = contract.load(run)
    with held(place_of(run.path, folder)), replacing(folder) as temporary:
        x, vectors = _golden_inputs(run, program, trigger, events=events)
        temporary.mkdir()
        names = (CONFIG, QONNX, PLAIN, *(TRIGGER_FILES if trigger is not None else ()))
        for name in names:
            (temporary / name).write_bytes((run / name).read_bytes())
        _write_vectors(temporary / VECTORS, program, trigger, x)
        summary = {
            "version": VERSION,
            "aetrig": __version__,
            "output_exponent": program.output_format.exponent,
            "sha256": {name: sha256(temporary / name) for name in (*names, VECTORS)},
            "vectors": vectors,
            "rtl": read_record_if_there(run / "rtl.json"),
        }
        write_json(temporary / SUMMARY, summary)
        config = configuration.load(run / CONFIG)
        records = {
            name: read_record_if_there(run / f"{name}.json") for name in ("hls", "rtl", "trigger")
        }
        write_text(temporary / CARD, card(config, program, verdict, records, vectors))
    return len(x)


def renew(folder: Path) -> dict[str, Any]:
    """Choose a written network's last vectors anew, and return what golden.json says of them.

    Its events and adversarial vectors stay; golden.npz, golden.json and the card are written.
    Raises UserError where a file is not the one that `write` wrote, CheckFailedError where the
    network does not give its golden integers.
    """
    summary = read_summary(folder)
    for name, digest in summary["sha256"].items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            raise UserError(f"{folder / name}: its SHA-256 is not the one in {SUMMARY}; restore it")
    program, trigger = read(folder / QONNX), None
    if (folder / TRIGGER).exists():
        trigger = read(folder / TRIGGER)
    found = read_vectors(folder, program, trigger)
    given = {"x": found["x"], "y": evaluate(program, found["x"])}
    if trigger is not None:
        given |= trace(trigger, found["x"])
    if any((given[name] != values).any() for name, values in found.items()):
        raise CheckFailedError(f"{folder}: the network does not give its golden integers")
    x = found["x"][: len(found["x"]) - _chosen_before(summary)]
    # of older folders it is not known which of the vectors are events
    kinds = {k: v for k, v in summary.get("vectors", {"given": len(x)}).items() if k in KINDS}
    with held(folder), replacing(folder) as temporary:
        added = _chosen(program, trigger, x, _events(folder, program, x))
        vectors = kinds | {"chosen": len(added.x), "faults": added.coverage.record()}
        shutil.copytree(folder, temporary)
        _write_vectors(temporary / VECTORS, program, trigger, np.concatenate((x, added.x)))
        digests = summary["sha256"] | {VECTORS: sha256(temporary / VECTORS)}
        ordered = {k: v for k, v in summary.items() if k not in ("vectors", "rtl")}
        written = ordered | {"sha256": digests, "vectors": vectors, "rtl": summary.get("rtl")}
        write_json(temporary / SUMMARY, written)
        if (temporary / CARD).is_file():
            text = (temporary / CARD).read_text(encoding="utf-8")
            write_text(temporary / CARD, with_vectors(text, vectors))
    return vectors


def _chosen(
    program: Program, trigger: Program | None, x: Integers, events: Integers | None
) -> Chosen:
    """Return vectors for the faults of what is deployed, told by what golden.npz holds of it."""
    deployed = trigger or program
    output = deployed.operations[-1].name == program.operations[-1].name
    return choose(deployed, x, events, output=output)


def _events(folder: Path, program: Program, x: Integers) -> Integers:
    """Return the events of a folder's config, where their sample is embedded; else the vectors."""
    config = configuration.load(folder / CONFIG)
    if not embedded(config.data):
        return x
    events = load_data(config.data, folder).x.astype(np.int64)
    low = [form.low for form in program.input_formats]
    high = [form.high for form in program.input_formats]
    return events.clip(low, high)


def _chosen_before(summary: dict[str, Any]) -> int:
    return int(summary["vectors"]["chosen"]) if "vectors" in summary else 0


def _write_vectors(path: Path, program: Program, trigger: Program | None, x: Integers) -> None:
    inputs = x.astype(np.int32)
    arrays: dict[str, npt.NDArray[Any]] = {"x": inputs, "y": evaluate(program, x).astype(np.int32)}
    if trigger is not None:
        values = trace(trigger, x)
        arrays |= {SCORE: values[SCORE], ACCEPT: values[ACCEPT].astype(np.uint8)}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_summary(folder: Path) -> dict[str, Any]:
    """Return golden.json's content; raise UserError where a file is missing or it is damaged."""
    for name in (*FILES, SUMMARY):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} holds no network ({name} is missing); aetrig golden write makes one"
            )
    path = folder / SUMMARY
    summary = read_record(path)
    if summary["version"] != VERSION:
        raise UserError(
            f"{path} has version {summary['version']}, this program reads version {VERSION}"
        )
    return summary


def read_vectors(folder: Path, program: Program, trigger: Program | None) -> dict[str, Integers]:
    """Return x, y and, with a trigger, score and accept of the golden vectors."""
    path = folder / VECTORS
    widths = {"x": program.features, "y": program.outputs}
    if trigger is not None and trigger.trigger is not None:
        widths |= {SCORE: 1, ACCEPT: len(trigger.trigger.points)}
    found = read_integers(path, tuple(widths))
    for name, width in widths.items():
        expected = (len(found["x"]), width)
        if found[name].shape != expected:
            raise UserError(f"{path}: '{name}' has shape {found[name].shape}, expected {expected}")
    return found


def passed_verdict(run: Run) -> dict[str, Any]:
    """Return the content of verify.json.

    Raises UserError where the run was changed since, CheckFailedError where it has not passed.
    """
    path = run.need("verify.json", "verify")
    artefacts = run.manifest()["artefacts"]
    # a package that was carried away is no change
    changed = [n for n in run.altered() if artefacts[n]["stage"] != HANDED_OVER]
    changed += [name for name in run.outdated() if name == path.name]
    changed += [fault.artefact for fault in unlinked(run)]
    if changed:
        raise UserError(f"{run / changed[0]} has changed since; run aetrig verify again")
    # its digest has just been found to be the one that verify recorded: it is what verify wrote
    verdict = read_record(path)
    if not verdict["passed"]:
        raise CheckFailedError(f"{run.path} has not passed: {', '.join(verdict['failures'][:1])}")
    return verdict


def _golden_inputs(
    run: Run, program: Program, trigger: Program | None, *, events: bool
) -> tuple[Integers, dict[str, Any]]:
    """Return validation events if wanted, adversarial inputs, those chosen; how many of each."""
    validation = contract.events(run, program).x.astype(np.int64)
    adversarial = adversarial_inputs(run, program)
    found = {"events": validation} if events else {}
    parts = {
        kind: evenly(array, EVENTS)
        for kind, array in (found | {"adversarial": adversarial}).items()
    }
    x = np.concatenate(list(parts.values()))
    added = _chosen(program, trigger, x, validation if events else None)
    counts: dict[str, Any] = {kind: len(array) for kind, array in parts.items()}
    counts |= {"chosen": len(added.x), "faults": added.coverage.record()}
    return np.concatenate((x, added.x)), counts


def adversarial_inputs(run: Run, program: Program) -> Integers:
    """Return the inputs that verify made, shape (events, features); UserError for anything else."""
    path = run / "vectors/adversarial.npz"
    found = read_integers(path, ("x",))["x"]
    if len(found) == 0 or found.shape[1] != program.features:
        raise UserError(
            f"{path}: 'x' has shape {found.shape}, expected (events, {program.features}); make it "
            "again: aetrig verify"
        )
    return found
