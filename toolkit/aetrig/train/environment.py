"""environment.json: what, beside the config, decides the weights that come out."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aetrig
from aetrig.data.dataset import Dataset
from aetrig.versions import installed

PACKAGES = ("aetrig", "torch", "brevitas", "numpy", "onnx", "onnxruntime", "qonnx", "hls4ml")
DECISIVE = ("torch", "brevitas", "numpy")  # another version of these may round otherwise


def describe(
    dataset: Dataset,
    seed: int,
    device: str,
    threads: int,
    files: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return versions, machine, seed, git state and the data's digests, as JSON values.

    ``files``: of the data, from `data.origin.origin`.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: installed(name) for name in PACKAGES},
        "device": device,
        "threads": threads,
        "seed": seed,
        "git": _git_state(Path(aetrig.__file__).parent),
        "data": {
            "sha256": data_digest(dataset),
            "files": dict(files or {}),
            "events": {
                process.name: int((dataset.process == index).sum())
                for index, process in enumerate(dataset.processes)
            },
        },
    }


def data_digest(dataset: Dataset) -> str:
    """Return the SHA-256 over the arrays of a Dataset and the names that give them meaning."""
    digest = hashlib.sha256()
    digest.update(repr((dataset.features, dataset.processes, dataset.x.shape)).encode())
    for array in (dataset.x, dataset.process, dataset.weight, dataset.split):
        digest.update(array.tobytes())
    if dataset.event is not None:  # which decides the split
        digest.update(dataset.event.tobytes())
    return digest.hexdigest()


def _git_state(folder: Path) -> dict[str, Any] | None:
    """Return commit and dirty flag where the package runs from a repository, else None."""
    commit = _git(folder, "rev-parse", "HEAD")
    # a package installed below somebody else's repository does not belong to it
    if commit is None or _git(folder, "ls-files", "__init__.py") in {None, ""}:
        return None
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
