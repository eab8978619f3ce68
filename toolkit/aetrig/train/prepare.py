"""What a training needs before its first epoch: data, scaling, and the files that describe them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.data import features, vectors
from aetrig.data.dataset import Dataset
from aetrig.data.load import load
from aetrig.data.origin import origin
from aetrig.data.scaling import InputScaling, fit_scaling
from aetrig.data.split import Rows, hash_split, share, split
from aetrig.errors import UserError
from aetrig.records import read_record
from aetrig.run import Run, set_aside, write_json, write_text
from aetrig.train import environment

CONFIG, ENVIRONMENT, SCALING = "config.yaml", "environment.json", "scaling.json"
FEATURES, VECTORS = "features.json", vectors.FILE
TEST = "vectors/test.npz"  # where train.test_fraction asks for it


@dataclass(frozen=True)
class Prepared:
    """Training events with their scaling, and background as float32 tensors on the device.

    Tensors hold hardware integers, shape (events, features); float32 is exact for their 24 bits.
    """

    dataset: Dataset
    scaling: InputScaling
    training: torch.Tensor
    validation: torch.Tensor
    data_sha256: str
    warnings: tuple[str, ...]


def prepare(
    config: RunConfig,
    run: Run,
    base: Path,
    device: torch.device,
    threads: int,
    *,
    replace: bool = False,
) -> Prepared:
    """Load and split the data, fit the scaling, and write what is not in the run yet.

    ``replace``: a run that is there is set aside before anything is written.
    Raises UserError for bad data, fewer training events than a batch, or data other than those
    that the run began with.
    """
    dataset = load(config.data, base)
    training_rows, validation_rows, test_rows = parts(dataset, config)
    if config.net.batch_norm and len(training_rows) % config.train.batch_size == 1:
        raise UserError(
            f"the last batch of {len(training_rows)} training events would hold a single one, "
            f"which batch normalization has no variance of; set train.batch_size (now "
            f"{config.train.batch_size}) to another number"
        )
    if len(training_rows) < config.train.batch_size:
        raise UserError(
            f"{len(training_rows)} training events are fewer than a batch; set train.batch_size "
            f"(now {config.train.batch_size}) to {len(training_rows)} or less, or add data"
        )
    scaling = fit_scaling(dataset, training_rows, config.scaling)
    files = origin(config.data, base)
    here = environment.describe(dataset, config.seed, device.type, threads, files)
    if replace:
        set_aside(run.path)
    noted = _describe_run(config, run, here)
    if not (run / SCALING).exists():
        write_json(run / SCALING, scaling.to_json())
    if not (run / FEATURES).exists():
        features.save(run / FEATURES, dataset.features)
    if not (run / VECTORS).exists():
        vectors.save(run / VECTORS, dataset.select(validation_rows))
    if len(test_rows) and not (run / TEST).exists():
        vectors.save(run / TEST, dataset.select(test_rows))
    background = validation_rows[dataset.rows("background")[validation_rows]]
    training = dataset.select(training_rows)
    return Prepared(
        dataset=training,
        scaling=scaling,
        training=_tensor(training, device),
        validation=_tensor(dataset.select(background), device),
        data_sha256=here["data"]["sha256"],
        warnings=(*dataset.notes, *scaling.warnings, *_rounding_note(scaling), *noted),
    )


def parts(dataset: Dataset, config: RunConfig) -> tuple[Rows, Rows, Rows]:
    """Return the rows of training, validation and test events."""
    train = config.train
    if train.split == "hash":
        training, *others = hash_split(dataset, train.validation_fraction, train.test_fraction)
    else:
        training, *others = *split(dataset, train.validation_fraction, config.seed), np.arange(0)
    return share(training, train.fraction, config.seed), others[0], others[1]


def recorded_environment(run: Run) -> dict[str, Any] | None:
    """Return environment.json as the run began with it, or None where it has not begun."""
    path = run / ENVIRONMENT
    if not path.exists():
        return None
    return read_record(path)


def _describe_run(config: RunConfig, run: Run, here: dict[str, Any]) -> tuple[str, ...]:
    """Write config.yaml and environment.json, or hold a continued run's against what is here."""
    before = recorded_environment(run)
    if before is None:
        write_text(run / CONFIG, configuration.dump(config))
        write_json(run / ENVIRONMENT, here)
        return ()
    if before["data"]["sha256"] != here["data"]["sha256"]:
        raise UserError(
            f"the data are not those that {run.path} began with (another SHA-256 than in "
            f"{ENVIRONMENT}); restore them, or train into a new run"
        )
    return tuple(
        f"{package} {here['packages'][package]} continues what {before['packages'][package]} "
        "began: the weights may differ from an uninterrupted training"
        for package in environment.DECISIVE
        if before["packages"][package] != here["packages"][package]
    )


def _rounding_note(scaling: InputScaling) -> tuple[str, ...]:
    if scaling.kind == "shift":
        return ()
    worst = int(scaling.rounding_loss.argmax())
    note = (
        f"scaling '{scaling.kind}' is rounded to offset and shift at quantization: mean squared "
        f"difference {scaling.rounding_loss.mean():.3g}, most for '{scaling.names[worst]}' "
        f"({scaling.rounding_loss[worst]:.3g}); float and quantized loss are in different units"
    )
    return (note,)


def _tensor(dataset: Dataset, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(dataset.x).to(device=device, dtype=torch.float32)
