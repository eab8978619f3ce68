"""Which events train the network and which judge it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aetrig.data.dataset import Dataset
from aetrig.errors import UserError

Rows = npt.NDArray[np.int64]
STREAM = 17  # keeps the draw apart from others made with the same seed


def split(dataset: Dataset, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Return the indices of training and validation events, each in ascending order.

    Training: background only. Validation: the rest of the background, all signals and all minimum
    bias. A source's own split is kept; where it has none, ``round(fraction * events)`` background
    events are drawn without replacement, at least one. The draw depends on the seed and on the
    number of background events. Raises UserError where either part has no background.
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
        count = max(1, round(fraction * len(open_rows)))
        drawn = np.random.default_rng([STREAM, seed]).permutation(open_rows)[:count]
        validation[drawn] = True
    training = background & ~validation
    for part, rows in (("training", training), ("validation", validation)):
        if not rows.any():
            raise UserError(
                f"no background events left for {part} of {int(background.sum())}; "
                "check train.validation_fraction, validation_files and max_events"
            )
    return np.flatnonzero(training), np.flatnonzero(validation | ~background)
