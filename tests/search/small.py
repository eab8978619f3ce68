"""A small table with background, minimum bias and two signals, and searches on it in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from distributed import LocalCluster

from aetrig.config.model import RunConfig
from aetrig.config.search import SearchSpace
from aetrig.search.budget import Goal
from aetrig.search.study import Options, SearchResult, search

FEATURES = 6
SPACE = SearchSpace(hidden_layers=(0, 1), width=(3, 6), latent=(2, 3), seeds=(1, 2))
RATE = Goal(rate_hz=300e3)
SHORT = {"epochs": 3, "learning_rate": 5e-3}


def write_events(folder: Path) -> Path:
    rng = np.random.default_rng(7)
    mixing = rng.normal(size=(2, FEATURES))

    def correlated(events: int, size: float) -> np.ndarray:
        hidden = rng.normal(size=(events, 2)) @ mixing
        return size * hidden + 5 * rng.normal(size=(events, FEATURES))

    parts = {
        "qcd": correlated(1500, 50),
        "soft": correlated(1200, 20),
        "odd": 90 * rng.normal(size=(300, FEATURES)),
        "rare": 60 * rng.normal(size=(300, FEATURES)),
    }
    lines = [",".join((*(f"f{i}" for i in range(FEATURES)), "label"))]
    for label, values in parts.items():
        integers = np.rint(values).clip(-512, 511).astype(int)
        lines += [",".join(map(str, (*row, label))) for row in integers]
    path = folder / "events.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def config(**groups: Any) -> RunConfig:
    """A run on `write_events`; ``groups`` replace whole groups of the config."""
    columns = [{"name": f"f{i}", "step": 1.0, "bits": 10} for i in range(FEATURES)]
    train = {"batch_size": 128, "device": "cpu", "float_phase": SHORT, "qat_phase": SHORT}
    data = {
        "source": "table",
        "files": ["events.csv"],
        "columns": columns,
        "label": "label",
        "background": ["qcd"],
        "minbias": ["soft"],
    }
    content = {"name": "tiny", "data": data, "net": {"encoder": [5, 2]}, "train": train}
    return RunConfig.model_validate(content | groups)


@contextmanager
def cluster(workers: int = 1) -> Iterator[str]:
    """A Dask cluster whose workers are threads of this process: its address."""
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=False, protocol="tcp",
        host="127.0.0.1", dashboard_address=None,
    ) as found:  # fmt: skip
        yield found.scheduler_address


def found(
    folder: Path, scheduler: str, trials: int, goal: Goal = RATE, **options: Any
) -> SearchResult:
    """Search in a folder that `write_events` wrote to."""
    return search(
        config(), goal, folder / "runs", base=folder, space=SPACE,
        options=Options(trials=trials, **options), scheduler=scheduler,
    )  # fmt: skip
