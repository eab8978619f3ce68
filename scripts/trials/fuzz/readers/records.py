"""The JSON files of a run: what later stages believe of earlier ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from aetrig.bring.scaling import INTEGERS, before_the_file
from aetrig.data import features
from aetrig.data.scaling import InputScaling
from aetrig.records import SHAPES, read_record
from aetrig.run import Run, write_json
from aetrig.train import metrics
from aetrig.train.load import load_scaling
from trials.fuzz.choices import Choices
from trials.fuzz.json_changes import changed
from trials.fuzz.reader import BrokenPromiseError, Reader

DIGEST = "0" * 64
FEATURE = {
    "name": "a", "grid": {"step": 0.5, "bits": 8, "signed": True, "unit": "1"}, "presence": None,
}  # fmt: skip
SCALING = {
    "kind": "standard", "names": ["a", "b"], "offset": [1, -2], "shift": [3, 4],
    "center": [1.0, -2.5], "factor": [0.125, 0.1], "constant": [False, True],
    "rounding_loss": [0.0, 1e-3], "warnings": [],
}  # fmt: skip
ENTRY = {"sha256": DIGEST, "stage": "qat", "inputs": {"config.yaml": DIGEST}, "options": {"a": 1}}
MANIFESTS = (
    {"version": 1, "artefacts": {"config.yaml": ENTRY | {"inputs": {}}, "scaling.json": ENTRY}},
    {"version": 2, "artefacts": {"config.yaml": ENTRY}, "code": {}},
)
EPOCH = {"phase": "float", "epoch": 0, "train_loss": 1.5, "val_loss": None}
# a small valid one of each shape that has few keys; the others are found from nothing
RECORDS: dict[str, Any] = {
    "trigger.json": {
        "score": {"exponent": -6, "divisor": 3, "bits": 20}, "rates_from": "processes",
        "working_points": [{"name": "a", "threshold": 3, "measured": {"rate": 1.0, "error": 0.1}}],
        "efficiency": {"s": {"a": {"value": 0.5, "error": 0.1}}},
    },
    "emulator.json": {
        "library": "liba.so", "prefix": "a", "qonnx_sha256": DIGEST, "library_sha256": DIGEST,
    },
    "export.json": {"kernel": "int8", "events": 3, "values": 9, "differing": 0, "levels": 4},
    "environment.json": {
        "python": "3.11", "platform": "x", "packages": {"torch": "2"}, "device": "cpu",
        "threads": 1, "seed": 1, "data": {"sha256": DIGEST},
    },
    "golden.json": {"version": 1, "sha256": {"model.onnx": DIGEST}},
}  # fmt: skip


def _manifest(path: Path) -> None:
    folder = path.parent / "run"
    folder.mkdir(exist_ok=True)
    run = Run(folder)
    shutil.copy(path, folder / "manifest.json")
    (folder / "config.yaml").write_text("name: a\n", encoding="utf-8")
    found = run.manifest()["artefacts"]
    for name in found:
        if not isinstance(name, str):
            raise BrokenPromiseError(f"an artefact is called {name!r}")
    run.altered(list(found))
    run.outdated()
    run.begin("qat", ["scaling.json"], [])
    run.record("qat", ["config.yaml"], [])
    if "config.yaml" not in run.manifest()["artefacts"]:
        raise BrokenPromiseError("an artefact was not entered")


def _features(path: Path) -> None:
    found = features.load(path)
    again = path.with_name("again.json")
    features.save(again, found)
    if features.load(again) != found:
        raise BrokenPromiseError("features differ when they are written and read again")


def _scaling(path: Path) -> None:
    shutil.copy(path, path.with_name("scaling.json"))
    found = load_scaling(Run(path.parent))
    again = InputScaling.from_json(json.loads(json.dumps(found.to_json())))
    if repr(again) != repr(found):
        raise BrokenPromiseError("the scaling differs when it is written and read again")
    before_the_file(str(path), found, file_scales=False)
    before_the_file(INTEGERS, found, file_scales=False)


def _metrics(path: Path) -> None:
    lines = metrics.read(path)
    metrics.truncate(path, "qat", 1)
    if len(metrics.read(path)) > len(lines):
        raise BrokenPromiseError("lines were added")


def _record(path: Path) -> None:
    """Read a content as each of the records that a run has."""
    content = path.read_bytes()
    name, _, text = content.partition(b"\n")
    wanted = name.decode("utf-8", "replace")
    if wanted in SHAPES:
        place = path.with_name(wanted)
        place.write_bytes(text)
        write_json(path.with_name("again.json"), read_record(place))


def _json(*contents: Any) -> list[bytes]:
    return [json.dumps(content, indent=1).encode() for content in contents]


def _record_seeds() -> list[bytes]:
    seeds = [f"{name}\n{json.dumps(content)}".encode() for name, content in RECORDS.items()]
    return [*seeds, *(f"{name}\n{{}}".encode() for name in SHAPES)]


def _any_record(choices: Choices) -> tuple[bytes, Any]:
    name = choices.pick(list(RECORDS))
    return f"{name}\n".encode(), RECORDS[name]


WORDS = ('"', "null", "true", "1e999", "NaN", "[[[[[[", '{"a":', "99999999999999999999")
READERS = (
    Reader("manifest", _manifest, lambda: _json(*MANIFESTS), ".json",
           (*WORDS, '"artefacts"', '"inputs"', '"sha256"', '"options"', '"version"'),
           changed(lambda choices: (b"", choices.pick(MANIFESTS))), longest=1500),
    Reader("features", _features, lambda: _json([FEATURE]), ".json", WORDS,
           changed(lambda _: (b"", [FEATURE, FEATURE | {"name": "b"}])), longest=600),
    Reader("scaling", _scaling, lambda: _json(SCALING), ".json", WORDS,
           changed(lambda _: (b"", SCALING)), longest=800),
    Reader("metrics", _metrics, lambda: [json.dumps(EPOCH).encode() + b"\n"], ".jsonl", WORDS,
           longest=400),
    Reader("record", _record, _record_seeds, ".json",
           (*WORDS, *(f"{name}\n" for name in SHAPES)), changed(_any_record), longest=800),
)  # fmt: skip
