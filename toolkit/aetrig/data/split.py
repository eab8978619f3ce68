"""Which events train the network, which judge it, and which nobody looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.data.dataset import Dataset
from aetrig.errors import UserError

Rows = npt.NDArray[np.int64]
STREAM = 17  # keeps the draw apart from others made with the same seed
SHARE = 7  # its own stream of numbers, apart from the split's


def split(dataset: Dataset, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Return the indices of training and validation events, each in ascending order.

    Training: background only. Validation: the rest of the background, all signals and all minimum
    bias. A source's own split is kept; where it has none, ``round(fraction * events)`` background
    events are drawn without replacement, at least one. The draw depends on the seed and on the
    number of background events. Rows of one event are drawn together. Raises UserError where either
    part has no background.
    """
    background = dataset.rows("background")
    if not background.any():
        raise UserError(
            "no background events to train on; processes found: "
            + ", ".join(f"{process.name} ({process.role})" for process in dataset.processes)
        )
    validation = background & (dataset.split == 1)
    open_rows = np.flatnonzero(background & (dataset.split == -1))
    if len(open_rows):
        group = np.arange(len(open_rows))
        if dataset.event is not None:
            group = np.unique(dataset.event[open_rows], return_inverse=True)[1]
        groups = int(group.max()) + 1
        count = max(1, round(fraction * groups))
        drawn = np.random.default_rng([STREAM, seed]).permutation(np.arange(groups))[:count]
        validation[open_rows[np.isin(group, drawn)]] = True
    training = background & ~validation
    for part, rows in (("training", training), ("validation", validation)):
        if not rows.any():
            raise UserError(
                f"no background events left for {part} of {int(background.sum())}; "
                "check train.validation_fraction, validation_files and max_events"
            )
    return np.flatnonzero(training), np.flatnonzero(validation | ~background)


def hash_split(dataset: Dataset, validation: float, test: float) -> tuple[Rows, Rows, Rows]:
    """Return the indices of training, validation and test events by a hash of each.

    The hash is of the number of the event where the dataset has one, else of the row's integers.
    An event's part depends on that alone: it stays when events are added or taken away, and equal
    events are in one part. Training is background only; signals and minimum bias are in validation
    or, their share ``test``, in the test part. A source's own split is kept for what is not in the
    test part; background that it has in both parts is left out of training. Raises UserError where
    training or validation has no background.
    """
    identity = mix(dataset.x) if dataset.event is None else dataset.event
    place = _unit_interval(identity)
    background = dataset.rows("background")
    held_out = place >= 1 - test
    chosen = np.where(dataset.split == -1, place < validation, dataset.split == 1)
    training = background & ~chosen & ~held_out
    judging = ~held_out & (chosen | ~background)
    training &= ~np.isin(identity, identity[judging & background])
    for part, rows in (("training", training), ("validation", judging & background)):
        if not rows.any():
            raise UserError(
                f"no background events left for {part} of {int(background.sum())}; check "
                "train.validation_fraction, train.test_fraction and max_events"
            )
    return np.flatnonzero(training), np.flatnonzero(judging), np.flatnonzero(held_out)


def uniform(x: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each row of integers, equal for equal rows, on any machine."""
    return _unit_interval(mix(x))


def mix(x: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return 64 bits for each row of integers, shape (rows, columns), of whatever width.

    The mixing function is that of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    state = np.full(len(x), x.shape[1], dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in x.T:
            state += column.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return state


def _unit_interval(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    return np.asarray((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def share(rows: Rows, fraction: float, seed: int) -> Rows:
    """Return ``round(fraction * rows)`` of the rows, at least one, in ascending order.

    Drawn by the seed; a smaller fraction's rows are among those of a larger.
    """
    if fraction == 1:
        return rows
    drawn = np.random.default_rng([SHARE, seed]).permutation(rows)
    return np.sort(drawn[: max(1, round(fraction * len(rows)))])
