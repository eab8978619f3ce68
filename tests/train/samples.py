"""A tiny correlated data set as a CSV table, and configs that train on it in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aetrig.config.model import RunConfig
from aetrig.data.dataset import Dataset, Feature, Grid, Process

FEATURES = 6


def correlated(events: int, seed: int = 0) -> np.ndarray:
    """Integers whose six columns follow two hidden numbers, with a little noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(events, 2))
    mixing = np.random.default_rng(99).normal(size=(2, FEATURES))
    x = 40 * (hidden @ mixing) + rng.normal(scale=3, size=(events, FEATURES))
    return np.rint(x).clip(-512, 511).astype(np.int32)


def dataset(x: np.ndarray) -> Dataset:
    grid = Grid(step=1.0, bits=12, signed=True, unit="1")
    return Dataset(
        x=x.astype(np.int32),
        features=tuple(Feature(f"f{i}", grid) for i in range(x.shape[1])),
        processes=(Process("background", "background"),),
        process=np.zeros(len(x), dtype=np.int16),
        weight=np.ones(len(x)),
        split=np.full(len(x), -1, dtype=np.int8),
    )


def write_table(folder: Path, events: int = 1500) -> None:
    header = ",".join(f"f{i}" for i in range(FEATURES))
    np.savetxt(folder / "events.csv", correlated(events), "%d", ",", header=header, comments="")


def config(**changes: Any) -> RunConfig:
    """A run on the table of `write_table`; ``changes`` replace whole groups of `train`."""
    train = {
        "batch_size": 128,
        "device": "cpu",
        "threads": 1,
        "float_phase": {"epochs": 4, "learning_rate": 5e-3},
        "qat_phase": {"epochs": 4, "learning_rate": 2e-3},
        **changes,
    }
    columns = [{"name": f"f{i}", "step": 1.0, "bits": 12} for i in range(FEATURES)]
    return RunConfig.model_validate(
        {
            "name": "tiny",
            "data": {"source": "table", "files": ["events.csv"], "columns": columns},
            "net": {"encoder": [12, 3]},
            "quant": {"weight_bits": 5, "activation_bits": 6},
            "train": train,
        }
    )
