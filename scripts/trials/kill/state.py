"""What a folder holds, in a form in which two runs of a command can be compared bit for bit.

Left out is only what says when and how long: log files and TensorBoard's curves; of
metrics.jsonl, search.json, trial.json and score.json the seconds. A checkpoint `last.pt` is
compared by its tensors and numbers, since equal objects may be pickled once or twice. Libraries
that are compiled again whenever they are missing carry the path of their compilation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aetrig.files import is_scratch
from aetrig.run import is_cache

TIMES = {"seconds", "begun", "ended", "last_call", "events_per_second"}
IGNORED = ("logs", "tensorboard")


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every artefact by its relative name, or what is wrong with it."""
    names = sorted(artefacts(folder))
    return {name: unreadable(folder / name) or digest(folder / name) for name in names}


def leftovers(folder: Path) -> list[str]:
    """Return what should be gone once a command has ended: scratch folders and locks."""
    found = (path.relative_to(folder) for path in folder.rglob(".*"))
    return sorted(str(path) for path in found if path.name.endswith((".part", ".lock")))


def unreadable(path: Path) -> str | None:
    """Say why a file that grows while a command runs is no whole one, or None."""
    try:
        digest(path)
    except Exception as error:  # noqa: BLE001 - any of them is the answer
        return f"{path.name}: {error!r}"
    return None


def artefacts(folder: Path) -> Iterator[str]:
    """Yield the relative names of what is no scratch file, lock or log."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_dir() or is_scratch(name) or name.name.endswith(".lock"):
            continue
        if (
            not set(name.parts) & set(IGNORED)
            and ".partial" not in name.name
            and not is_cache(path.name)
        ):
            yield str(name)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file without its times; ValueError where it is not whole."""
    if path.name == "last.pt":
        import torch

        return _sha(repr(list(_flat(torch.load(path, weights_only=True)))))
    if path.name == "metrics.jsonl":
        lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
        return _sha(repr([_timeless(json.loads(line)) for line in lines]))
    if path.name == "manifest.json":
        return _sha(repr(_manifest(json.loads(path.read_text()))))
    if path.name in {"search.json", "trial.json", "score.json"}:
        return _sha(repr(_timeless(json.loads(path.read_text()))))
    if path.suffix == ".json":
        json.loads(path.read_text())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _timeless(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _timeless(value) for key, value in content.items() if key not in TIMES}
    return [_timeless(item) for item in content] if isinstance(content, list) else content


def _manifest(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out the digests of metrics.jsonl, which has seconds in it, and of cached libraries."""
    for name, entry in content["artefacts"].items():
        if name == "metrics.jsonl":
            entry.pop("sha256", None)
        entry["inputs"].pop("metrics.jsonl", None)
        libraries = entry.get("libraries") or {}
        entry["libraries"] = {key: value for key, value in libraries.items() if not is_cache(key)}
    return content


def _flat(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key in sorted(content, key=str):
            yield str(key)
            yield from _flat(content[key])
    elif isinstance(content, list | tuple):
        for item in content:
            yield from _flat(item)
    elif hasattr(content, "numpy"):
        yield hashlib.sha256(content.detach().cpu().contiguous().numpy().tobytes()).hexdigest()
    else:
        yield repr(content)
