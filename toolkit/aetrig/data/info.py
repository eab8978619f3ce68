"""What a data source holds, in numbers, for a person to look at before training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.data.dataset import Dataset, Grid, Role
from aetrig.data.scaling import central_half_width


@dataclass(frozen=True)
class ProcessInfo:
    """One process: its events, and the sum of their weights."""

    name: str
    role: Role
    events: int
    weight: float


@dataclass(frozen=True)
class FeatureInfo:
    """One feature over all events: shares of events, and figures in grid units.

    ``low`` to ``sigma68`` are over the present entries only, and 0 where there is none.
    ``saturated`` is the share of present entries at either end of the grid's range.
    """

    name: str
    grid: Grid
    present: float
    low: int
    median: float
    high: int
    sigma68: float
    saturated: float


@dataclass(frozen=True)
class SourceInfo:
    """A source: its processes, its features, and lines a person should read."""

    processes: tuple[ProcessInfo, ...]
    features: tuple[FeatureInfo, ...]
    notes: tuple[str, ...]

    def tables(self) -> Iterator[tuple[str, Sequence[str], list[Sequence[str]]]]:
        """Yield title, column heads and rows of each table, as text."""
        total = sum(process.events for process in self.processes)
        yield (
            f"{total:,} events",
            ("process", "role", "events", "sum of weights"),
            [(p.name, p.role, f"{p.events:,}", f"{p.weight:.6g}") for p in self.processes],
        )
        yield (
            f"{len(self.features)} features, in grid units",
            ("feature", "step", "range", "present", "min", "median", "max", "sigma68", "saturated"),
            [_row(feature) for feature in self.features],
        )


def describe(dataset: Dataset) -> SourceInfo:
    """Return what a Dataset holds, process by process and feature by feature."""
    present = dataset.present()
    processes = tuple(
        ProcessInfo(
            process.name,
            process.role,
            int((dataset.process == i).sum()),
            float(dataset.weight[dataset.process == i].sum()),
        )
        for i, process in enumerate(dataset.processes)
    )
    features = tuple(
        _feature(feature.name, feature.grid, dataset.x[:, i], present[:, i])
        for i, feature in enumerate(dataset.features)
    )
    return SourceInfo(processes, features, dataset.notes)


def _feature(
    name: str, grid: Grid, x: npt.NDArray[np.int32], present: npt.NDArray[np.bool_]
) -> FeatureInfo:
    entries = x[present]
    if len(entries) == 0:
        return FeatureInfo(name, grid, 0.0, 0, 0.0, 0, 0.0, 0.0)
    at_end = (entries == grid.low) & grid.signed | (entries == grid.high)
    return FeatureInfo(
        name,
        grid,
        float(present.mean()),
        int(entries.min()),
        float(np.median(entries)),
        int(entries.max()),
        central_half_width(entries),
        float(at_end.mean()),
    )


def _row(feature: FeatureInfo) -> Sequence[str]:
    unit = "" if feature.grid.unit == "1" else f" {feature.grid.unit}"
    return (
        feature.name,
        f"{feature.grid.step:.4g}{unit}",
        f"{feature.grid.low}..{feature.grid.high}",
        f"{feature.present:.2%}",
        str(feature.low),
        f"{feature.median:g}",
        str(feature.high),
        f"{feature.sigma68:.4g}",
        f"{feature.saturated:.2%}",
    )
