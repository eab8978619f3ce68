"""TensorBoard event files: a live view of what metrics.jsonl records."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from aetrig.train.loop import Epoch, Trainer

HISTOGRAM_EPOCHS = 10
FOLDER = "tensorboard"


class Board:
    """Writes each phase's curves under its name; histograms of weights now and then."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder), flush_secs=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

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
        for tag, value in values.items():
            if value is None:
                continue
            self._writer.add_scalar(f"{epoch.phase}/{tag}", value, epoch.epoch)
        if epoch.epoch % HISTOGRAM_EPOCHS == 0 or trainer.finished:
            for name, layer in trainer.layers.items():
                self._writer.add_histogram(
                    f"{epoch.phase}/{name}", layer.weight.detach().cpu(), epoch.epoch
                )
