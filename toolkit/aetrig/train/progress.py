"""A progress bar for a phase's epochs, on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aetrig.train.loop import Epoch, Trainer


@contextlib.contextmanager
def epoch_bar(trainer: Trainer, *, shown: bool) -> Iterator[Callable[[Epoch], None]]:
    """Give a function to call after each epoch; it does nothing where no bar is shown."""
    if not shown:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description:>5} training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("validation loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(
            trainer.task.name,
            total=trainer.task.phase.epochs,
            completed=trainer.epoch,
            loss="-",
        )

        def show(epoch: Epoch) -> None:
            bar.update(task, completed=epoch.epoch + 1, loss=f"{epoch.val_loss:.4g}")

        yield show
