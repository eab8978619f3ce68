"""What every source delivers: integer features on a declared grid, with labels and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Role = Literal["background", "minbias", "signal"]


@dataclass(frozen=True)
class Grid:
    """Integers that a feature comes in: value in ``unit`` = integer * step."""

    step: float
    bits: int
    signed: bool
    unit: str

    @property
    def low(self) -> int:
        """Smallest integer of the grid."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest integer of the grid."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1


@dataclass(frozen=True)
class Feature:
    """One input of the network.

    ``presence`` is the index of the feature whose zero marks the whole object as padding (the
    transverse momentum of an electron, for its pT, eta and phi), or None where rows are complete.
    """

    name: str
    grid: Grid
    presence: int | None = None


@dataclass(frozen=True)
class Process:
    """Rows of one origin: a background process, minimum bias, or a signal.

    ``cross_section_pb``: None where there is none, as for minimum-bias crossings. ``overlap``: how
    often each simulated interaction enters these rows on average; above 1, events that share one
    rise above a threshold together.
    """

    name: str
    role: Role
    cross_section_pb: float | None = None
    overlap: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """Events of all processes.

    ``x``: int32, shape (events, features), on each feature's grid.
    ``process``: int16, shape (events,), index into ``processes``.
    ``weight``: float64, shape (events,); cross section over generated events where known, else 1.
    ``split``: int8, shape (events,): 0 training, 1 validation where the source defines a split,
    -1 where it leaves the split to the configuration.
    ``event``: uint64, shape (events,): rows of one collision have one number, and stay together in
    a split; None where every row is an event of its own.
    ``notes``: lines a person should read: preprocessing by name, loss on the grid, saturation.
    """

    x: npt.NDArray[np.int32]
    features: tuple[Feature, ...]
    processes: tuple[Process, ...]
    process: npt.NDArray[np.int16]
    weight: npt.NDArray[np.float64]
    split: npt.NDArray[np.int8]
    notes: tuple[str, ...] = ()
    event: npt.NDArray[np.uint64] | None = None

    def present(self) -> npt.NDArray[np.bool_]:
        """Mark the entries that are not padding: bool, shape (events, features)."""
        mask = np.ones(self.x.shape, dtype=np.bool_)
        for column, feature in enumerate(self.features):
            if feature.presence is not None:
                mask[:, column] = self.x[:, feature.presence] != 0
        return mask

    def rows(self, role: Role) -> npt.NDArray[np.bool_]:
        """Mark the events whose process has the given role: bool, shape (events,)."""
        wanted = [i for i, process in enumerate(self.processes) if process.role == role]
        return np.isin(self.process, wanted)

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Dataset:
        """Return the given rows (a mask or indices) as a Dataset of their own."""
        return Dataset(
            self.x[rows],
            self.features,
            self.processes,
            self.process[rows],
            self.weight[rows],
            self.split[rows],
            self.notes,
            None if self.event is None else self.event[rows],
        )
