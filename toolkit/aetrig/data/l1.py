"""The embedded sample: level-1-like events made with Pythia 8, in hardware units, as Parquet.

The file describes itself: its metadata gives step, bits and sign of each column. How it was made
stands in the data card beside it and in ``scripts/l1_sample``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from aetrig.config.sources import L1Source
from aetrig.data.dataset import Dataset, Feature, Grid, Process, Role
from aetrig.data.objects import NAMES, presence_of
from aetrig.errors import UserError, did_you_mean

SAMPLE = Path(__file__).parent / "samples" / "l1.parquet"
METADATA_KEY = b"aetrig.sample"


def load(source: L1Source, path: Path = SAMPLE) -> Dataset:
    """Read the sample: all background, all minimum bias, and the signals that the config names.

    ``max_events`` takes the first of these events; the file's rows are shuffled, so that they are a
    fair mix. Raises UserError for a damaged file and for an unknown signal.
    """
    table = _read(path)
    features = _chosen(_features(table, path), source.features)
    processes, process = _processes(table, path)
    keep = _kept(processes, process, source.signals)[: source.max_events]
    x = np.empty((len(keep), len(features)), dtype=np.int32)
    for i, feature in enumerate(features):
        x[:, i] = _numbers(table, feature, path)[keep]
    kept = [i for i, entry in enumerate(processes) if _wanted(entry, source.signals)]
    return Dataset(
        x,
        features,
        tuple(processes[i] for i in kept),
        np.searchsorted(kept, process[keep]).astype(np.int16),
        table.column("weight").to_numpy()[keep].astype(np.float64),
        np.full(len(keep), -1, dtype=np.int8),
    )


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise UserError(
            f"the embedded sample {path} is missing: install aetrig again, or make the sample with "
            "scripts/l1_sample/make.py"
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: damaged ({error}); install aetrig again") from error
    for name in (*NAMES, "process", "role", "weight"):
        if name not in table.column_names:
            raise UserError(f"{path}: column '{name}' is missing; install aetrig again")
    return table


def _features(table: pa.Table, path: Path) -> tuple[Feature, ...]:
    try:
        columns = json.loads((table.schema.metadata or {})[METADATA_KEY])["columns"]
        return tuple(_feature(name, i, columns[name]) for i, name in enumerate(NAMES))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: its metadata lacks step, bits and sign of the columns ({error!r}); "
            "install aetrig again"
        ) from error


def _feature(name: str, index: int, facts: dict[str, Any]) -> Feature:
    grid = Grid(
        float(facts["step"]), int(facts["bits"]), signed=bool(facts["signed"]), unit=facts["unit"]
    )
    return Feature(name, grid, presence_of(name.partition("_")[0], index - index % 3))


def _chosen(features: tuple[Feature, ...], patterns: tuple[str, ...]) -> tuple[Feature, ...]:
    """Return the features that a pattern names, in the sample's order."""
    for pattern in patterns:
        if not any(fnmatchcase(feature.name, pattern) for feature in features):
            names = [feature.name for feature in features]
            raise UserError(
                f"data.features: '{pattern}' names no input of the embedded sample"
                f"{did_you_mean(pattern, names)}"
            )
    kept = [f for f in features if any(fnmatchcase(f.name, pattern) for pattern in patterns)]
    place = {features.index(feature): new for new, feature in enumerate(kept)}
    # an object's padding is seen in its pT; without that, zeros are taken for values
    return tuple(
        replace(f, presence=None if f.presence is None else place.get(f.presence)) for f in kept
    )


def _numbers(table: pa.Table, feature: Feature, path: Path) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = table.column(feature.name).to_numpy()
    low, high = feature.grid.low, feature.grid.high
    if values.dtype.kind != "i" or (
        len(values) and not low <= values.min() <= values.max() <= high
    ):
        raise UserError(
            f"{path}: column '{feature.name}' is not made of integers from {low} to {high}; "
            "install aetrig again"
        )
    return values


def _processes(table: pa.Table, path: Path) -> tuple[tuple[Process, ...], npt.NDArray[np.int64]]:
    """Return the processes by name, and for each row the index of its process."""
    sections, overlap = _generation(table, path)
    names, process = np.unique(_text(table, "process"), return_inverse=True)
    roles, role = np.unique(_text(table, "role"), return_inverse=True)
    found = []
    for i, name in enumerate(names):
        mine = np.unique(role[process == i])
        if len(mine) != 1 or roles[mine[0]] not in get_args(Role):
            raise UserError(
                f"{path}: process '{name}' has the roles {roles[mine].tolist()}, expected one of "
                f"{', '.join(get_args(Role))}; install aetrig again"
            )
        of_minbias = roles[mine[0]] == "minbias"
        found.append(
            Process(str(name), roles[mine[0]], sections.get(name), overlap if of_minbias else 1.0)
        )
    return tuple(found), process


def _generation(table: pa.Table, path: Path) -> tuple[dict[str, float], float]:
    """Return the cross sections in pb, and how often a soft event enters the crossings.

    A file that says nothing of its generation has neither.
    """
    try:
        about = json.loads((table.schema.metadata or {})[METADATA_KEY])
        if "processes" not in about:
            return {}, 1.0
        facts = about["processes"]
        sections = {name: float(f["sigma_pb"]) for name, f in facts.items() if "sigma_pb" in f}
        crossings = int(facts["minbias"]["generated"])
        return sections, float(about["pile_up_mean"]) * crossings / int(about["pool"]["events"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: its metadata lacks cross sections or pile-up ({error!r}); "
            "install aetrig again"
        ) from error


def _text(table: pa.Table, name: str) -> npt.NDArray[np.str_]:
    return np.array(table.column(name).to_pylist(), dtype=np.str_)


def _wanted(process: Process, signals: tuple[str, ...]) -> bool:
    return process.role != "signal" or process.name in signals


def _kept(
    processes: tuple[Process, ...], process: npt.NDArray[np.int64], signals: tuple[str, ...]
) -> npt.NDArray[np.int64]:
    known = [entry.name for entry in processes if entry.role == "signal"]
    for signal in signals:
        if signal not in known:
            raise UserError(
                f"data.signals: no signal '{signal}' in the embedded sample, which has "
                f"{', '.join(known)}{did_you_mean(signal, known)}"
            )
    kept = [i for i, entry in enumerate(processes) if _wanted(entry, signals)]
    return np.flatnonzero(np.isin(process, kept))
