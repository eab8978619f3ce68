"""Trainings that differ in their seeds alone, one step of all at a time.

Each ends with the weights that it would have alone, bit for bit: see `nets.stacked`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import torch
from torch.nn.functional import mse_loss

from aetrig.nets.stacked import Stacked, stackable
from aetrig.train.loop import Epoch, Trainer

After = Callable[[Epoch], None]
Result = TypeVar("Result")
# asks for one phase after the other to be trained, with what is to be done after each epoch
Training = Generator[tuple[Trainer, After], None, Result]


def drive(trainings: Sequence[Training[Result]]) -> list[Result]:
    """Run trainings to their ends, phase by phase; return their results in the same order."""
    results: dict[int, Result] = {}
    waiting = dict(enumerate(trainings))
    while waiting:
        asked: list[tuple[Trainer, After]] = []
        for number, training in list(waiting.items()):
            try:
                asked.append(next(training))
            except StopIteration as done:
                results[number] = done.value
                del waiting[number]
        train_phases(asked)
    return [results[number] for number in range(len(trainings))]


def train_phases(phases: Sequence[tuple[Trainer, After]]) -> None:
    """Run one phase of each training to its end, then put the best weights into the networks."""
    while active := [pair for pair in phases if not pair[0].finished]:
        start = time.perf_counter()
        losses = epoch_of_all([trainer for trainer, _ in active])
        for (trainer, after), loss in zip(active, losses, strict=True):
            after(trainer.judge(loss, start))
    for trainer, _ in phases:
        trainer.restore_best()


def epoch_of_all(trainers: Sequence[Trainer]) -> list[float]:
    """Train one epoch of each; return the mean losses."""
    shapes = {(trainer.task.training.shape, trainer.task.batch_size) for trainer in trainers}
    if len(shapes) > 1 or not stackable([trainer.net for trainer in trainers]):
        return [trainer.train_epoch() for trainer in trainers]
    stacked = Stacked([trainer.net for trainer in trainers])  # type: ignore[misc]
    for trainer in trainers:
        trainer.begin_epoch()
    totals = [torch.zeros((), dtype=torch.float64, device=t.task.training.device) for t in trainers]
    for batches in zip(*(trainer.batches() for trainer in trainers), strict=True):
        values = [mse_loss(output, target) for target, output in stacked.pairs(batches)]
        for trainer in trainers:
            trainer.optimizer.zero_grad()
        torch.stack(values).sum().backward()  # type: ignore[no-untyped-call]
        for trainer in trainers:
            trainer.step()
        counted = zip(totals, values, batches, strict=True)
        totals = [total + value.detach() * len(x) for total, value, x in counted]
    return [float(total) / len(t.task.training) for total, t in zip(totals, trainers, strict=True)]
