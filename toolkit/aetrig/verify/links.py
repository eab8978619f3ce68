"""What artefacts say of one another: digests inside records and sources, and the data's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aetrig.config.load import load as load_config
from aetrig.data import origin
from aetrig.errors import UserError
from aetrig.program.contract import NETWORK, TRIGGER
from aetrig.run import Run, sha256

Item = tuple[str, str, str]  # artefact, kind, what
ENVIRONMENT = "environment.json"
# the records that name the digest of the contract that a folder was made from
CONTRACTS = {"rtl": "contract_sha256", "hls": "qonnx_sha256", "emulator": "qonnx_sha256"}
# the constant that firmware and emulator carry, in their sources
CONSTANT = re.compile(
    r"(?:NETWORK_DIGEST (?:256'h|\")|constant DIGEST : .*x\"|Contract SHA-256 )([0-9a-f]{64})"
)
CARRIED = {
    "rtl": ("src/trigger_config.vh", "src/trigger_config.vhd"),
    "hls": ("firmware/trigger_config.h",),
    "emulator": ("*.h",),
}
MOST = 1 << 20  # bytes read of a source, which is far more than any has before its constant


def contradictions(run: Run, entries: dict[str, dict[str, Any]]) -> Iterator[Item]:
    """Yield artefacts whose own words about their origin are not what the manifest has."""
    yield from _trigger(run, entries)
    chosen = TRIGGER if TRIGGER in entries else NETWORK
    digest = entries.get(chosen, {}).get("sha256")
    for name, key in CONTRACTS.items():
        if name not in entries or digest is None:
            continue
        said = _record(run, f"{name}.json").get(key, digest)
        if said != digest:
            yield f"{name}.json", "record", f"says it is of another {chosen} ({_short(said)})"
        for file, carried in _constants(run / name, CARRIED[name]):
            if carried != digest:
                what = f"carries the digest of another {chosen} ({_short(carried)})"
                yield f"{name}/{file}", "record", what
    yield from _library(run, entries)


def _trigger(run: Run, entries: dict[str, dict[str, Any]]) -> Iterator[Item]:
    said = _record(run, "trigger.json")
    for key, name in (("network_sha256", NETWORK), ("trigger_sha256", TRIGGER)):
        digest = entries.get(name, {}).get("sha256")
        if "trigger.json" in entries and said.get(key, digest) != digest:
            yield "trigger.json", "record", f"says it is of another {name} ({_short(said[key])})"


def _library(run: Run, entries: dict[str, dict[str, Any]]) -> Iterator[Item]:
    """Hold the emulator's library to its record: version 1 had no other digest of it."""
    said, recorded = _record(run, "emulator.json"), entries.get("emulator.json", {})
    if said and sha256(run / "emulator.json") != recorded.get("sha256"):
        return  # told already: what it says is nobody's word
    libraries = entries.get("emulator", {}).get("libraries")
    name = str(said.get("library", ""))
    if "emulator" not in entries or not name or Path(name).name != name:
        return
    if libraries is None and (run / "emulator" / name).is_file():
        libraries = {name: sha256(run / "emulator" / name)}
    if (libraries or {}).get(name) != said.get("library_sha256"):
        what = "is not the library that emulator.json names by its SHA-256"
        yield f"emulator/{name}", "record", what


def _constants(folder: Path, patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    found = CONSTANT.search(file.read(MOST).decode("utf-8", "replace"))
                if found:
                    yield str(path.relative_to(folder)), found[1].lower()


def data_faults(
    run: Run, entries: dict[str, dict[str, Any]], folder: Path | None
) -> Iterator[Item]:
    """Yield data files that are no longer what the run was made from, or cannot be checked."""
    data = _record(run, ENVIRONMENT).get("data")
    if not isinstance(data, dict):
        return
    trained = [e["options"]["data"] for e in entries.values() if "data" in e["options"]]
    if any(digest != data.get("sha256") for digest in trained):
        yield "data", "record", f"{ENVIRONMENT} names other data than the artefacts were made from"
    files = data.get("files")
    if not isinstance(files, dict) or not files:
        yield "data", "not checked", "this run recorded no digests of its data files"
        return
    try:
        source = load_config(run / "config.yaml", []).data
    except UserError as error:
        yield "data", "not checked", f"the config that names the files is not readable: {error}"
        return
    places = [*([folder] if folder else []), Path.cwd(), run.path, run.path.parent]
    for name, recorded in files.items():
        yield from _data_file(str(name), recorded, source, places)


def _data_file(name: str, recorded: Any, source: Any, places: list[Path]) -> Iterator[Item]:
    label = f"data file {name}"
    if not isinstance(recorded, dict):
        yield label, "record", f"{ENVIRONMENT} has no digest of it"
        return
    path = origin.here(name, recorded, source, places)
    if path is None:
        yield label, "not checked", "not on this machine; give its folder with --data"
        return
    try:
        same = path.stat().st_size == recorded.get("bytes")
        same = same and origin.digest_of(path)["sha256"] == recorded.get("sha256")
    except OSError as error:
        yield label, "not checked", f"{path} cannot be read ({error.strerror})"
        return
    if not same:
        yield label, "data", f"{path} is no longer what the run was trained on"


def _record(run: Run, name: str) -> dict[str, Any]:
    """Return a JSON record, empty where it is missing or damaged: its own digest tells that."""
    try:
        content = json.loads((run / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return dict(content) if isinstance(content, dict) else {}


def _short(digest: object) -> str:
    return f"SHA-256 {str(digest)[:12]}"
