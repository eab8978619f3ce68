"""Files of the ADC2021 challenge: HDF5, key ``Particles``, shape (N, 19, 4): pT, eta, phi, class.

Floats in GeV and radians become integers in the hardware units of the embedded sample, one block of
events at a time: of the floats, which take twice the memory of the integers or more, only a block
is ever held. Published at Zenodo (records 5046389 background; 7152590, 7152599, 7152614, 7152617
signals).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from aetrig.config.sources import Adc2021Source
from aetrig.data.dataset import Dataset, Feature, Process
from aetrig.data.files import Find
from aetrig.data.hdf5 import open_hdf5, own_items, require_own
from aetrig.data.objects import COORDINATES, NAMES, OBJECTS, PHI_CODES, features
from aetrig.errors import UserError, did_you_mean

KEY = "Particles"
SHAPE = (len(OBJECTS), 4)
BLOCK = 50_000  # events read at once: 15 to 30 MB of floats
MOST_SATURATED = 0.01  # share of the objects of a file
LARGEST = 1e9  # of a number in GeV or radians
CLASSES = np.array([1] + [2] * 4 + [3] * 4 + [4] * 10)  # or 0 for padding


@dataclass(frozen=True)
class _Part:
    path: Path
    process: int
    events: int


def load(source: Adc2021Source, find: Find, block: int = BLOCK) -> Dataset:
    """Read background and signal files into one integer array, ``block`` events at a time.

    ``max_events`` events are read from each file. Raises UserError where a file is no HDF5, is
    truncated, lacks the key, has another shape, or has values that are not finite or not physical,
    or more than 1 percent of its objects beyond the grid.
    """
    paths = [(find(name), 0) for name in source.background]
    paths += [(find(name), i) for i, name in enumerate(source.signals.values(), start=1)]
    parts = [_Part(path, process, _events(path, source.max_events)) for path, process in paths]
    columns = features()
    x = np.empty((sum(part.events for part in parts), len(columns)), dtype=np.int32)
    notes: list[str] = []
    start = 0
    for part in parts:
        notes += _fill(part, x[start : start + part.events], columns, block)
        start += part.events
    signals = tuple(Process(name, "signal") for name in source.signals)
    process = np.repeat([part.process for part in parts], [part.events for part in parts])
    return Dataset(
        x,
        columns,
        (Process("background", "background"), *signals),
        process.astype(np.int16),
        np.ones(len(x)),
        np.full(len(x), -1, dtype=np.int8),
        tuple(notes),
    )


def _events(path: Path, most: int | None) -> int:
    with _particles(path) as particles:
        return len(particles) if most is None else min(most, len(particles))


@contextmanager
def _particles(path: Path) -> Iterator[h5py.Dataset]:
    """Open a file's dataset and check its shape; h5py's errors become one line."""
    with open_hdf5(path) as file:
        found = own_items(file)
        if KEY not in found:
            raise UserError(
                f"{path}: no key '{KEY}' as ADC2021 files have; found "
                f"{', '.join(found) or 'none'}{did_you_mean(KEY, found)}"
            )
        particles = found[KEY]
        _require_shape(path, particles)
        require_own(path, particles)
        yield particles


def _require_shape(path: Path, particles: Any) -> None:
    shape: tuple[int, ...] = getattr(particles, "shape", ())
    if len(shape) != 3 or shape[1:] != SHAPE or particles.dtype.kind not in "fiu":
        kind = getattr(particles, "dtype", "a group")
        raise UserError(
            f"{path}: '{KEY}' has shape {shape} of {kind}, expected numbers of shape (N, 19, 4): "
            "pT, eta, phi, class of MET, 4 electrons, 4 muons and 10 jets"
        )
    if not shape[0]:
        raise UserError(f"{path}: '{KEY}' has no events")


def _fill(
    part: _Part, x: npt.NDArray[np.int32], columns: tuple[Feature, ...], block: int
) -> list[str]:
    """Write a file's events into ``x`` and return notes about them."""
    saturated = np.zeros(len(NAMES), dtype=np.int64)
    objects = np.zeros(len(NAMES), dtype=np.int64)
    misplaced = 0
    with _particles(part.path) as particles:
        for start in range(0, part.events, block):
            rows = slice(start, min(start + block, part.events))
            values = particles[rows]
            _require_physical(part.path, values, start)
            misplaced += int(np.any((values[..., 3] != 0) & (values[..., 3] != CLASSES)))
            beyond = _to_hardware(values, x[rows], columns)
            saturated += beyond.sum(axis=0)
            objects += np.repeat((values[..., 0] > 0).sum(axis=0), len(COORDINATES))
    notes = _saturation(part.path, saturated, objects)
    if misplaced:
        notes.append(
            f"{part.path}: the class of some objects is not that of their place (1 MET, "
            "2 electron, 3 muon, 4 jet); is the file laid out as in ADC2021?"
        )
    return notes


def _require_physical(path: Path, values: npt.NDArray[Any], start: int) -> None:
    for bad, fault in (
        (~np.isfinite(values), "not a finite number"),
        (values[..., :1] < 0, "a negative pT"),
        (np.abs(values.astype(np.float64)) > LARGEST, "no GeV and no radians"),
    ):
        if bad.any():
            event, place, part = (int(i) for i in np.argwhere(bad)[0])
            raise UserError(
                f"{path}: event {start + event}, {OBJECTS[place][0]} "
                f"{(*COORDINATES, 'class')[part]}: {fault} ({values[event, place, part]:g}), and "
                f"{int(bad.sum()) - 1} more among the events from {start} on; download it again"
            )


def _to_hardware(
    values: npt.NDArray[Any], x: npt.NDArray[np.int32], columns: tuple[Feature, ...]
) -> npt.NDArray[np.bool_]:
    """Fill ``x`` (events, 57) from floats (events, 19, 4); return which entries saturate."""
    physical = values[..., : len(COORDINATES)].reshape(len(x), len(columns)).astype(np.float64)
    rounded = np.rint(physical / np.array([column.grid.step for column in columns]))
    half = PHI_CODES // 2
    phi = slice(2, None, len(COORDINATES))
    rounded[:, phi] = (rounded[:, phi] + half) % PHI_CODES - half  # pi and -pi are one direction
    low = [column.grid.low for column in columns]
    high = [column.grid.high for column in columns]
    np.clip(rounded, low, high, out=x, casting="unsafe")
    beyond: npt.NDArray[np.bool_] = rounded != x
    # an object whose pT rounds to zero is padding in all of its coordinates
    for i, column in enumerate(columns):
        if column.presence is not None and column.presence != i:
            x[x[:, column.presence] == 0, i] = 0
    return beyond


def _saturation(
    path: Path, saturated: npt.NDArray[np.int64], objects: npt.NDArray[np.int64]
) -> list[str]:
    notes = []
    for i in np.flatnonzero(saturated):
        share = saturated[i] / max(1, objects[i])
        text = f"{path}: {saturated[i]} values of {NAMES[i]} ({share:.2%}) lie beyond the grid"
        if share > MOST_SATURATED:
            raise UserError(f"{text}; are pT in GeV and angles in radians?")
        notes.append(f"{text} and are saturated")
    return notes
