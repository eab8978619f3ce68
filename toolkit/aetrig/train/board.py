"""TensorBoard event files: a live view of the training, of its AUC and of its latent space."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.tensorboard import SummaryWriter

from aetrig.data.vectors import Vectors
from aetrig.files import naming
from aetrig.physics.roc import auc
from aetrig.physics.score import ScoreKind, score_floats
from aetrig.train.loop import Epoch, Trainer
from aetrig.train.loss import Autoencoder

EVERY = 10  # epochs between histograms
FOLDER = "tensorboard"
MOST = 2000  # validation events of a process that are looked at
BINS, PIXELS = 48, 4  # of a latent image, a side; pixels a bin
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Some validation events of each process. ``x``: hardware integers (events, features)."""

    background: npt.NDArray[np.int32]
    signals: Mapping[str, npt.NDArray[np.int32]]
    score: ScoreKind

    @classmethod
    def of(cls, vectors: Vectors, score: ScoreKind) -> Self:
        """Take the first events of the background and of each signal."""
        signals = {
            process.name: vectors.x[vectors.process == index][:MOST]
            for index, process in enumerate(vectors.processes)
            if process.role == "signal"
        }
        found = {name: x for name, x in signals.items() if len(x)}
        return cls(vectors.x[vectors.rows("background")][:MOST], found, score)

    @torch.no_grad()
    def areas(self, net: Autoencoder) -> Iterator[tuple[str, float]]:
        """Yield each signal's AUC."""
        background = self._scores(net, self.background)
        for name, x in self.signals.items():
            yield name, auc(background, self._scores(net, x)).value

    @torch.no_grad()
    def latent(self, net: Autoencoder) -> Floats:
        """Return the latent numbers of the background, (events, latent)."""
        return net.latent(_tensor(net, self.background)).double().cpu().numpy()

    def _scores(self, net: Autoencoder, x: npt.NDArray[np.int32]) -> Floats:
        reference, output = net.score_pair(_tensor(net, x), self.score)
        against = None if reference is None else reference.double().cpu().numpy()
        return score_floats(self.score, against, output.double().cpu().numpy())


class Board:
    """Writes each phase's curves under its name; histograms and latent space now and then."""

    def __init__(self, folder: Path, sample: Sample) -> None:
        self._folder, self._sample = folder, sample
        self._writer = SummaryWriter(str(folder), flush_secs=10)
        self._told = threading.excepthook

    def __enter__(self) -> Self:
        # its thread's failure is raised here by the next call: nobody needs the thread's traceback
        threading.excepthook = self._pass_by
        return self

    def _pass_by(self, failed: threading.ExceptHookArgs) -> None:
        if not isinstance(failed.exc_value, OSError):
            self._told(failed)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with naming(self._folder):
                self._writer.close()
        except OSError:
            if error is None:
                raise
        finally:
            threading.excepthook = self._told

    def add(self, epoch: Epoch, trainer: Trainer) -> None:
        """Enter one epoch; epochs that a resumed training repeats appear again at their place."""
        values = {
            "loss/train": epoch.train_loss,
            "loss/validation": epoch.val_loss,
            "learning_rate": epoch.learning_rate,
            "sparsity": epoch.sparsity,
            "loss/kl": epoch.kl,
            "loss/embedding": epoch.embedding,
        }
        with naming(self._folder):
            for tag, value in values.items():
                if value is not None:
                    self._writer.add_scalar(f"{epoch.phase}/{tag}", value, epoch.epoch)
            if epoch.epoch % EVERY == 0 or trainer.finished:
                self._look(epoch, trainer)

    def _look(self, epoch: Epoch, trainer: Trainer) -> None:
        phase, step = epoch.phase, epoch.epoch
        for name, area in self._sample.areas(trainer.net):
            self._writer.add_scalar(f"{phase}/auc/{name}", area, step)
        for name, layer in trainer.layers.items():
            self._writer.add_histogram(f"{phase}/{name}", layer.weight.detach().cpu(), step)
        latent = self._sample.latent(trainer.net)
        for i, values in enumerate(latent.T):
            self._writer.add_histogram(f"{phase}/latent/{i}", values, step)
        for i, j in pairwise(range(latent.shape[1])):
            drawn = picture(latent[:, i], latent[:, j])
            self._writer.add_image(f"{phase}/latent/{i}-{j}", drawn, step, dataformats="HWC")


def picture(x: Floats, y: Floats) -> npt.NDArray[np.uint8]:
    """Return counts of pairs in logarithmic colour, (pixels, pixels, 3), y upwards."""
    counts = np.histogram2d(y, x, BINS)[0][::-1]
    share = np.log1p(counts) / np.log1p(max(counts.max(), 1.0))
    coloured = (mpl.colormaps["viridis"](share)[..., :3] * 255).astype(np.uint8)
    return np.asarray(coloured.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1))


def _tensor(net: Autoencoder, x: npt.NDArray[np.int32]) -> torch.Tensor:
    device = net.layer(net.layer_names[0]).weight.device
    return torch.from_numpy(x).to(device=device, dtype=torch.float32)
