"""The events of a trial, read once a worker: what `aetrig qat` would train and judge with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from aetrig.config.model import RunConfig
from aetrig.config.sources import DataSource
from aetrig.data.dataset import Dataset
from aetrig.data.files import finder
from aetrig.data.load import load
from aetrig.data.scaling import InputScaling, fit_scaling
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.train.prepare import parts


@dataclass(frozen=True)
class Sample:
    """Events as `aetrig qat` prepares them; tensors hold hardware integers as float32.

    ``training``: training events. ``background``: those the validation loss is taken of.
    ``vectors``: all validation events.
    """

    dataset: Dataset
    scaling: InputScaling
    training: torch.Tensor
    background: torch.Tensor
    vectors: Vectors


def sample(config: RunConfig) -> Sample:
    """Return a config's events; data files have absolute names. The last few are kept.

    Raises UserError for bad data and fewer training events than a batch.
    """
    keys = RunConfig(  # what the events depend on, all else at its default
        name="events",
        seed=config.seed,
        data=config.data,
        scaling=config.scaling,
        train=config.train.model_copy(
            update={
                name: type(config.train).model_fields[name].get_default()
                for name in ("float_phase", "qat_phase", "pruning", "remove_latent")
            }
        ),
    )
    return _sample(keys.model_dump_json(), config.net.batch_norm)


@lru_cache(maxsize=3)  # one a seed: the split is the seed's
def _sample(keys: str, batch_norm: bool) -> Sample:
    config = RunConfig.model_validate_json(keys)
    dataset = _dataset(config.model_dump_json(include={"data"}))
    training_rows, validation_rows, _ = parts(dataset, config)
    _refuse(len(training_rows), config.train.batch_size, batch_norm=batch_norm)
    training, validation = dataset.select(training_rows), dataset.select(validation_rows)
    names = tuple(feature.name for feature in dataset.features)
    return Sample(
        training,
        fit_scaling(dataset, training_rows, config.scaling),
        torch.from_numpy(training.x).to(torch.float32),
        torch.from_numpy(validation.x[validation.rows("background")]).to(torch.float32),
        Vectors(validation.x, validation.process, validation.weight, validation.processes, names),
    )


@lru_cache(maxsize=1)
def _dataset(data: str) -> Dataset:
    return load(RunConfig.model_validate_json(data).data, Path.cwd())


def _refuse(events: int, batch: int, *, batch_norm: bool) -> None:
    if events < batch:
        raise UserError(
            f"{events} training events are fewer than a batch; set train.batch_size (now {batch}) "
            f"to {events} or less, or add data"
        )
    if batch_norm and events % batch == 1:
        raise UserError(
            f"the last batch of {events} training events would hold a single one, which batch "
            f"normalization has no variance of; set train.batch_size (now {batch}) to another"
        )


def absolute(source: DataSource, base: Path) -> DataSource:
    """Return a source whose files are found from any folder and on any worker that sees them."""
    find = finder(getattr(source, "folder", None), base)
    found = {name: _absolute(value, find) for name, value in source if name != "folder"}
    return source.model_copy(update=found)


def _absolute(value: Any, find: Callable[[Path], Path]) -> Any:
    if isinstance(value, Path):
        return find(value).resolve()
    if isinstance(value, tuple):
        return tuple(_absolute(item, find) for item in value)
    if isinstance(value, dict):
        return {key: _absolute(item, find) for key, item in value.items()}
    return value
