"""JSON that the program wrote and reads again: records of stages, manifests, searches, pictures.

Each is bad and signed: its digest is entered into the manifest, so that the reader itself is met.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.case import HARMLESS, ODD, Build, Case, Place, damages, never_a_file, resign
from corpus.networks import _changed, _no_metadata

Spoil = Callable[[Path], None]
DEEP = 200_000


@dataclass(frozen=True)
class Record:
    """A file, the commands that read it, and dotted keys of it whose values are read."""

    name: str
    words: tuple[str, ...]
    keys: tuple[str, ...] = ()
    prepare: Callable[[Place], None] | None = None
    codes: tuple[int, ...] = (2,)


def _unfinished(place: Place) -> None:
    """Make the run one whose training was interrupted."""
    run = place.run()
    (run / "manifest.json").unlink()
    (run / "checkpoints" / "qat.pt").unlink()
    place.config(files=[str(place.base / "events.csv")]).rename(place / "given.yaml")


def _search(place: Place) -> None:
    shutil.copytree(place.base / "runs" / "small-search", place / "runs" / "small-search")
    for name in ("small.yaml", "events.csv"):
        shutil.copy(place.base / name, place / name)


def _golden(place: Place) -> None:
    shutil.copytree(place.base / "golden", place / "golden")


RUN = ("--run", "runs/small")
COMPARE = ("report", "--compare", "runs/small", "-o", "both.html")
SEARCH = ("search", "small.yaml", "--trials", "1", "--workers", "1")
RESUME = ("qat", "given.yaml", "--resume", "-q")
RECORDS = (
    Record("runs/small/rtl.json", ("rtl", *RUN), (
        "latency", "latency.cycles", "latency.interval_cycles", "bits.events", "estimate",
        "estimate.lut", "estimate.stage_delay", "estimate.register_bits", "synthesis",
    )),
    Record("runs/small/rtl.json", ("package", *RUN, "--out", "a.zip"), (
        "part", "latency.source", "estimate.source", "clock_ns", "language",
    )),
    Record("runs/small/rtl.json", ("golden", "write", "out", *RUN), ("latency.cycles", "estimate")),
    Record("runs/small/trigger.json", ("package", *RUN, "--out", "a.zip"), (
        "working_points", "working_points.0", "working_points.0.name", "working_points.0.threshold",
    )),
    Record("runs/small/trigger.json", ("golden", "write", "out", *RUN), (
        "score", "score.bits", "efficiency", "efficiency.odd", "efficiency.odd.nominal",
        "efficiency.odd.nominal.value",
    )),
    Record("runs/small/hls.json", ("golden", "write", "out", *RUN), ("backend", "part", "strategy")),
    Record("runs/small/verify.json", ("golden", "write", "out", *RUN), (
        "passed", "ladder", "ladder.0", "ladder.0.values", "physics", "physics.stages",
        "physics.stages.0.loss", "physics.signals", "physics.agreement", "latency", "failures",
    )),
    Record("runs/small/verify.json", ("package", *RUN, "--out", "a.zip"), ("ladder.0.differing",)),
    Record("runs/small/emulator.json", ("score", "small.csv", "-q", *RUN), (
        "library", "prefix", "qonnx_sha256", "library_sha256",
    ), lambda place: shutil.copy(place.base / "events.csv", place / "small.csv") and None),
    Record("runs/small/export.json", ("export-onnx", *RUN), ("kernel", "events", "values")),
    Record("runs/small/features.json", ("export-onnx", *RUN, "--force"), (
        "0", "0.name", "0.grid", "0.grid.bits", "0.grid.step", "0.presence",
    )),
    Record("runs/small/scaling.json", ("export-onnx", *RUN, "--force"), (
        "kind", "names", "offset", "shift", "center", "factor", "constant", "warnings",
    )),
    Record("runs/small/environment.json", RESUME, ("device", "threads", "data", "data.sha256", "packages"),
           _unfinished),
    Record("runs/small/metrics.jsonl", RESUME, (), _unfinished, HARMLESS),
    Record("runs/small/manifest.json", ("threshold", *RUN, "--fpr", "0.05"), (
        "version", "artefacts", "artefacts.config\\.yaml", "artefacts.trigger\\.json.sha256",
        "artefacts.trigger\\.json.inputs", "artefacts.trigger\\.json.options",
    )),
    Record("runs/small/pictures/loss.json", COMPARE, (
        "name", "title", "panels", "panels.0", "panels.0.curves", "panels.0.curves.0.x",
    )),
    Record("runs/small/pictures/corner.json", COMPARE, ("panels.0.image", "panels.0.histograms")),
    Record("runs/small/verify.json", COMPARE, (
        "ladder", "ladder.0.values", "latency", "passed", "failures", "checks", "physics",
    )),
    Record("runs/small/trigger.json", COMPARE, ("working_points", "working_points.0.threshold")),
    Record("runs/small/environment.json", COMPARE, ("packages", "git", "data")),
    Record("golden/golden.json", ("golden", "check", "golden"), ("version", "sha256"), _golden),
    Record("runs/small-search/search.yaml", SEARCH, (), _search),
    Record("runs/small-search/trials/0000/asked.json", SEARCH, ("parameters", "sampler"), _search),
    Record("runs/small-search/trials/0000/trial.json", SEARCH, (
        "status", "quality", "sketch", "rungs", "signals", "begun", "seconds", "parameters",
    ), _search),
)  # fmt: skip


def _case(record: Record, spoil: Spoil) -> Build:
    def build(place: Place) -> list[str]:
        if record.name.startswith("runs/small/"):
            place.run()
        if record.prepare is not None:
            record.prepare(place)
        path = place / record.name
        spoil(path)
        run = place / "runs" / "small"
        name = path.relative_to(run) if path.is_relative_to(run) else None
        signed = name is not None and name.name != "manifest.json" and path.is_file()
        if signed and (run / "manifest.json").is_file():
            resign(run, str(name))
        return list(record.words)

    return build


WRONG: dict[str, Any] = {"text": "wrong", "list": [[]], "null": None, "number": -1.5, "gone": ...}


def _at(key: str, value: Any) -> Spoil:
    """Return what sets a dotted key, or removes it where the value is ``...``."""

    def spoil(path: Path) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        node = content
        parts = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", key)]
        for part in parts[:-1]:
            node = node[int(part) if isinstance(node, list) else part]
        last: Any = int(parts[-1]) if isinstance(node, list) else parts[-1]
        if value is ...:
            del node[last]
        else:
            node[last] = copy.deepcopy(value)
        path.write_text(json.dumps(content), encoding="utf-8")

    return spoil


def _text(text: str | bytes) -> Spoil:
    data = text.encode() if isinstance(text, str) else text
    return lambda path: path.write_bytes(data) and None


def _legal(path: Path) -> Callable[[bytes], bytes]:
    del path
    return lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")


WHOLE: tuple[tuple[str, str, Spoil], ...] = (
    ("deep nesting", "deep", _text("[" * DEEP + "]" * DEEP)),
    ("deep nesting", "deep-objects", _text('{"a":' * DEEP + "1" + "}" * DEEP)),
    ("wrong type", "list", _text("[1, 2]")),
    ("wrong type", "number", _text("3")),
    ("wrong type", "null", _text("null")),
    ("NaN and infinity", "nan", _text("NaN")),
    ("huge number", "digits", _text('{"version": ' + "9" * 10_000 + "}")),
    ("odd text", "latin-1", _text(b'{"caf\xe9": 1}')),
    ("odd text", "utf-16", _text('{"a": 1}'.encode("utf-16"))),
    ("odd text", "surrogate", _text('{"part": "\\ud800"}')),
)


# records that get every kind of damage; one reader serves the others too
FULLY = ("rtl.json", "manifest.json", "features.json", "search.yaml", "metrics.jsonl")


def cases() -> Iterator[Case]:
    """Yield the cases of records."""
    seen: set[str] = set()
    for record in RECORDS:
        short = Path(record.name).name
        family = f"{short} ({record.words[0]})"
        if family in seen:
            family = f"{short} ({' '.join(record.words[:2])})"
        seen.add(family)
        first = short not in {name.split(" ")[0] for name in seen - {family}}
        yaml = short.endswith(".yaml")
        lines = short.endswith(".jsonl")
        if first:
            for kind, label, damage, usual in damages(flips=1, seed=len(short)):
                if label in ("cut-at-0.02", "is-zeros"):
                    continue
                codes = HARMLESS if lines or (yaml and kind == "truncated") else usual
                yield Case(family, kind, label, _case(record, _damage(damage)), "", codes)
            for kind, label, spoil in WHOLE[: None if short in FULLY else 4]:
                yield Case(family, kind, label, _case(record, spoil), "", record.codes)
            for odd in ODD if short in FULLY else ODD[1:2]:
                yield Case(family, "not a file", odd, _case(record, _odd(odd)), "", record.codes)
        for index, key in enumerate(record.keys):
            names = list(WRONG)
            chosen = {names[index % len(names)]} | ({"gone"} if first and index < 3 else set())
            for label in names:
                if label in chosen:
                    # a wrong value may be one that is not looked at, or is right after all
                    codes = HARMLESS if label in ("null", "text") else (0, 1, 2)
                    build = _case(record, _at(key, WRONG[label]))
                    yield Case(family, "keys", f"{key}-{label}", build, "", codes)
    yield from _paths()
    yield from _scaling_files()
    yield from _schedulers()


def _damage(damage: Callable[[bytes], bytes]) -> Spoil:
    return lambda path: path.write_bytes(damage(path.read_bytes())) and None


def _odd(kind: str) -> Spoil:
    return lambda path: never_a_file(path, kind)


def _paths() -> Iterator[Case]:
    """Yield names in records that lead out of their folder."""
    manifest = next(item for item in RECORDS if item.name.endswith("manifest.json"))
    entry = {"sha256": "0", "stage": "qat", "inputs": {}, "options": {}}
    for label, name in (
        ("up", "../../../outside"), ("absolute", "/etc/passwd"), ("nul", "a\0b"), ("dots", ".."),
    ):  # fmt: skip
        key = "artefacts." + name.replace(".", "\\.")
        yield Case("manifest.json (threshold)", "path", f"artefact-{label}",
                   _case(manifest, _at(key, entry)), "manifest.json")  # fmt: skip
        key = "artefacts.trigger\\.json.inputs." + name.replace(".", "\\.")
        yield Case("manifest.json (threshold)", "path", f"input-{label}",
                   _case(manifest, _at(key, "0")), "manifest.json")  # fmt: skip
    emulator = next(item for item in RECORDS if item.name.endswith("emulator.json"))
    for label, name in (("up", "../../../lib.so"), ("absolute", "/lib/x86_64-linux-gnu/libc.so.6")):
        yield Case("emulator.json (score)", "path", f"library-{label}",
                   _case(emulator, _at("library", name)), "emulator.json")  # fmt: skip
    yield Case("emulator.json (score)", "path", "prefix",
               _case(emulator, _at("prefix", "../x")), "")  # fmt: skip
    golden = next(item for item in RECORDS if item.name.endswith("golden.json"))
    for label, name in (("up", "../../outside"), ("endless", "/dev/zero")):
        yield Case("golden.json (golden)", "path", f"digest-of-{label}",
                   _case(golden, _at("sha256." + name.replace(".", "\\."), "0")), "golden.json")  # fmt: skip


def _scaling_files() -> Iterator[Case]:
    def given(text: str | bytes) -> Build:
        def build(place: Place) -> list[str]:
            data = text.encode() if isinstance(text, str) else text
            (place / "s.json").write_bytes(data)
            network = place / "brought.onnx"
            network.write_bytes((place.base / "runs/small/model.qonnx.onnx").read_bytes())
            _changed(network, _no_metadata)  # else its own scaling goes before the option
            config = place.config(files=[str(place.base / "events.csv")])
            return ["import", str(network), "--config", config.name, "--scaling", "s.json"]

        return build

    for kind, label, text in (
        ("deep nesting", "deep", "[" * DEEP), ("empty", "empty", ""), ("wrong type", "list", "[]"),
        ("wrong shape", "short", '{"offset": [1], "shift": [1]}'),
        ("wrong shape", "ragged", '{"offset": [[1], 2], "shift": [1]}'),
        ("wrong dtype", "text", '{"offset": "abc", "shift": [1]}'),
        ("NaN and infinity", "nan", '{"offset": [NaN, 0, 0, 0, 0, 0], "shift": [0, 0, 0, 0, 0, 0]}'),
        ("huge number", "huge", '{"offset": [1e400, 0, 0, 0, 0, 0], "shift": [0, 0, 0, 0, 0, 0]}'),
        ("huge number", "wide", '{"offset": [%s, 0, 0, 0, 0, 0], "shift": [0]}' % ("9" * 40)),
        ("odd text", "latin-1", b'{"caf\xe9": 1}'),
    ):  # fmt: skip
        yield Case("scaling option", kind, label, given(text), "s.json")


def _schedulers() -> Iterator[Case]:
    def given(text: str) -> Build:
        def build(place: Place) -> list[str]:
            place.run()
            (place / "cluster.json").write_text(text, encoding="utf-8")
            return [
                "score",
                str(place.base / "events.csv"),
                "-q",
                *RUN,
                "--scheduler",
                "cluster.json",
            ]

        return build

    for kind, label, text in (
        ("empty", "empty", ""), ("wrong type", "list", "[]"), ("keys", "no-address", "{}"),
        ("wrong dtype", "number", '{"address": 3}'), ("deep nesting", "deep", "[" * DEEP),
        ("wrong type", "no-address-at-all", '{"address": "nonsense"}'),
    ):  # fmt: skip
        yield Case("scheduler option", kind, label, given(text), "")
