"""The validation events of a run on disk: what every later stage is checked with."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from aetrig.data.dataset import Dataset, Process, Role
from aetrig.errors import UserError
from aetrig.run import replacing

KEYS = (
    "x", "process", "weight", "names", "roles", "cross_sections", "overlaps", "features",
)  # fmt: skip


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
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            content = {key: archive[key] for key in KEYS if key in archive}
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; make it with: aetrig qat") from error
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not a readable .npz of vectors ({error}); train again") from error
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


def _check(path: Path, content: dict[str, npt.NDArray[Any]]) -> None:
    expected = {"x": ("int32", 2), "process": ("int16", 1), "weight": ("float64", 1)}
    for key, (kind, dimensions) in expected.items():
        found = content[key]
        if found.dtype != kind or found.ndim != dimensions:
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
    for role in content["roles"].tolist():
        if role not in get_args(Role):
            raise UserError(f"{path}: unknown role '{role}', expected {', '.join(get_args(Role))}")
