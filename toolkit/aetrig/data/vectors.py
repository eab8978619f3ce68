"""The validation events of a run on disk: what every later stage is checked with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from aetrig.data.dataset import Dataset, Process, Role
from aetrig.data.npz_file import read_arrays
from aetrig.errors import UserError
from aetrig.run import replacing

FILE = "vectors/validation.npz"  # in a run
KEYS = (
    "x", "process", "weight", "names", "roles", "cross_sections", "overlaps", "features",
)  # fmt: skip


KINDS = {
    "x": ("int32", 2), "process": ("int16", 1), "weight": ("float64", 1), "names": ("U", 1),
    "roles": ("U", 1), "cross_sections": ("float64", 1), "overlaps": ("float64", 1),
    "features": ("U", 1),
}  # dtype or its kind, and dimensions  # fmt: skip


@dataclass(frozen=True)
class Vectors:
    """Events with their labels; no split and no grid.

    ``x``: int32, shape (events, features), hardware units. ``process``: int16, shape (events,),
    index into ``processes``. ``weight``: float64, shape (events,). ``features``: names.
    """

    x: npt.NDArray[np.int32]
    process: npt.NDArray[np.int16]
    weight: npt.NDArray[np.float64]
    processes: tuple[Process, ...]
    features: tuple[str, ...]

    def rows(self, role: Role) -> npt.NDArray[np.bool_]:
        """Mark the events whose process has the given role: bool, shape (events,)."""
        wanted = [i for i, process in enumerate(self.processes) if process.role == role]
        return np.isin(self.process, wanted)


def save(path: Path, dataset: Dataset) -> None:
    """Write a Dataset's events as a compressed .npz without Python objects, then rename it.

    Equal datasets give equal bytes.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            x=dataset.x,
            process=dataset.process,
            weight=dataset.weight,
            names=np.array([process.name for process in dataset.processes], dtype=np.str_),
            roles=np.array([process.role for process in dataset.processes], dtype=np.str_),
            # NaN where a process has none
            cross_sections=np.array([p.cross_section_pb for p in dataset.processes], dtype=float),
            overlaps=np.array([process.overlap for process in dataset.processes], dtype=float),
            features=np.array([feature.name for feature in dataset.features], dtype=np.str_),
        )


def load(path: Path) -> Vectors:
    """Read what `save` wrote; raise UserError where the file is missing, damaged or another."""
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: aetrig qat")
    content = read_arrays(path, KEYS, "train again")
    for key in KEYS:
        if key not in content:
            raise UserError(f"{path}: no array '{key}' among {', '.join(content)}; train again")
    _check(path, content)
    facts = (content[key].tolist() for key in ("names", "roles", "cross_sections", "overlaps"))
    return Vectors(
        content["x"],
        content["process"],
        content["weight"],
        tuple(
            Process(name, role, None if math.isnan(section) else section, overlap)
            for name, role, section, overlap in zip(*facts, strict=True)
        ),
        tuple(content["features"].tolist()),
    )


def read_integers(path: Path, names: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Return arrays of integers of two axes; raise UserError where they are none or not there."""
    found = read_arrays(path, names, "restore it")
    for name in names:
        if name not in found:
            raise UserError(f"{path}: no array '{name}' of vectors; restore it")
        array = found[name]
        if array.dtype.kind not in "biu" or array.ndim != 2:
            raise UserError(
                f"{path}: '{name}' is {array.dtype} of shape {array.shape}, expected integers of "
                "shape (events, elements)"
            )
    return {name: array.astype(np.int64) for name, array in found.items()}


def _check(path: Path, content: dict[str, npt.NDArray[Any]]) -> None:
    for key, (kind, dimensions) in KINDS.items():
        found = content[key]
        if kind not in {str(found.dtype), found.dtype.kind} or found.ndim != dimensions:
            raise UserError(
                f"{path}: '{key}' is {found.dtype} with {found.ndim} dimensions, "
                f"expected {kind} with {dimensions}"
            )
    events, features = content["x"].shape
    lengths = (len(content["process"]), len(content["weight"]), len(content["features"]))
    of_processes = {len(content[key]) for key in ("names", "roles", "cross_sections", "overlaps")}
    if lengths != (events, events, features) or len(of_processes) != 1:
        raise UserError(f"{path}: arrays do not fit one another: x {content['x'].shape}, {lengths}")
    if events and not 0 <= content["process"].min() <= content["process"].max() < len(
        content["names"]
    ):
        raise UserError(f"{path}: 'process' points beyond the {len(content['names'])} names")
    if not np.isfinite(content["weight"]).all() or (content["weight"] < 0).any():
        raise UserError(f"{path}: 'weight' must hold finite numbers of at least 0")
    if not np.isfinite(content["overlaps"]).all():
        raise UserError(f"{path}: 'overlaps' must hold finite numbers")
    if not events:
        raise UserError(f"{path}: no events; train again")
    if len(set(content["names"].tolist())) != len(content["names"]):
        raise UserError(f"{path}: 'names' must differ from one another")
    for role in content["roles"].tolist():
        if role not in get_args(Role):
            raise UserError(f"{path}: unknown role '{role}', expected {', '.join(get_args(Role))}")
