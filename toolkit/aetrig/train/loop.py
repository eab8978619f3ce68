"""Training of one phase, epoch by epoch; float and quantized networks alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from aetrig.config.model import Phase
from aetrig.errors import UserError
from aetrig.train import prune
from aetrig.train.schedule import Schedule
from aetrig.train.stopping import Stopping

EVALUATION_BATCH = 16384
PHASES = ("float", "qat")  # in order; the position enters the shuffle's seed


class Autoencoder(Protocol):
    """What the loop needs of a network, beside being a torch Module."""

    layer_names: tuple[str, ...]

    def compare(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (target, output), each (events, features), of hardware integers."""

    def layer(self, name: str) -> nn.Linear:
        """Return an affine layer."""


@dataclass(frozen=True)
class Task:
    """What stays the same during a phase.

    ``training``, ``validation``: float32 hardware integers (events, features) on the network's
    device, background only. Padded entries count like others: their target is what zero becomes.
    """

    name: str
    phase: Phase
    batch_size: int
    seed: int
    training: Tensor
    validation: Tensor
    pruning: prune.Plan


@dataclass(frozen=True)
class Epoch:
    """A line of metrics.jsonl. ``sparsity``: share of weights that are zero when quantized."""

    phase: str
    epoch: int
    train_loss: float
    val_loss: float
    learning_rate: float
    sparsity: float
    seconds: float


class Trainer:
    """A network in training: everything that a checkpoint has to hold."""

    def __init__(self, task: Task, net: Autoencoder) -> None:
        self.task, self.net = task, net
        self.module = _module(net)
        self.layers = {name: net.layer(name) for name in net.layer_names}
        # fused: one kernel for all parameters, elementwise and so repeatable
        self.optimizer = torch.optim.Adam(
            self.module.parameters(), lr=task.phase.learning_rate, fused=True
        )
        self.schedule = Schedule(task.phase.learning_rate)
        self.stopping = Stopping()
        self.epoch = 0
        self.pruned: prune.Masks = {}
        self.best = _copy(self.module)

    @property
    def finished(self) -> bool:
        """Whether the phase has run its epochs or its patience out."""
        return self.epoch >= self.task.phase.epochs or self.stopping.exhausted(self.task.phase)

    def run_epoch(self) -> Epoch:
        """Train one epoch and judge it; raise UserError where the loss is no longer finite."""
        start = time.perf_counter()
        task, number, rate = self.task, self.epoch, self.schedule.rate
        self._prune(number)
        train_loss = self._train()
        val_loss = evaluate(self.net, task.validation)
        if not math.isfinite(train_loss) or not math.isfinite(val_loss):
            raise UserError(
                f"training diverged: the loss is {train_loss} in epoch {number} of the {task.name} "
                f"phase; lower train.{task.name}_phase.learning_rate ({task.phase.learning_rate:g})"
            )
        settled = number >= task.pruning.end or task.pruning.sparsity == 0
        if self.stopping.better(task.phase, number, val_loss, settled=settled):
            self.best = _copy(self.module)
        self.epoch += 1
        self.schedule.step(task.phase, self.epoch, val_loss)
        seconds = time.perf_counter() - start
        return Epoch(task.name, number, train_loss, val_loss, rate, zero_share(self.net), seconds)

    def _prune(self, number: int) -> None:
        sparsity = self.task.pruning.at(number)
        if sparsity > 0:
            weights = {name: layer.weight for name, layer in self.layers.items()}
            self.pruned = prune.masks(weights, sparsity, self.task.pruning.scope)
            prune.apply(self.layers, self.pruned)

    def _train(self) -> float:
        """Return the mean loss over the epoch's events, as they came."""
        task = self.task
        self.module.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate
        order = permutation(len(task.training), task, self.epoch).to(task.training.device)
        total = torch.zeros((), dtype=torch.float64, device=task.training.device)
        for rows in torch.split(order, task.batch_size):
            target, output = self.net.compare(task.training[rows])
            loss = mse_loss(output, target)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            prune.apply(self.layers, self.pruned)
            total += loss.detach() * len(rows)  # stays on the device: no waiting for it every step
        return float(total) / len(task.training)

    def restore_best(self) -> None:
        """Put the best epoch's weights into the network."""
        self.module.load_state_dict(self.best)
        self.module.eval()

    def state(self) -> dict[str, Any]:
        """Return tensors and plain numbers from which `load` continues bit for bit."""
        return {
            "phase": self.task.name,
            "epoch": self.epoch,
            "model": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state(),
            "stopping": self.stopping.state(),
            "best": self.best,
            "pruned": self.pruned,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.module.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule = Schedule(**state["schedule"])
        self.stopping = Stopping(**state["stopping"])
        self.epoch = state["epoch"]
        device = self.task.training.device
        self.best = {name: value.to(device) for name, value in state["best"].items()}
        self.pruned = {name: value.to(device) for name, value in state["pruned"].items()}


def train_phase(trainer: Trainer, after_epoch: Callable[[Epoch], None]) -> None:
    """Run a phase to its end, then put its best weights into the network."""
    while not trainer.finished:
        after_epoch(trainer.run_epoch())
    trainer.restore_best()


def permutation(events: int, task: Task, epoch: int) -> Tensor:
    """Return the order of an epoch's events; it follows from seed, phase and epoch alone."""
    generator = torch.Generator()
    generator.manual_seed((task.seed * len(PHASES) + PHASES.index(task.name)) * 2**20 + epoch)
    return torch.randperm(events, generator=generator)


@torch.no_grad()
def evaluate(net: Autoencoder, x: Tensor) -> float:
    """Return the mean squared error over events and features; the sum is kept in float64."""
    _module(net).eval()
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part in torch.split(x, EVALUATION_BATCH):
        target, output = net.compare(part)
        total += (output - target).double().square().sum()
    return float(total) / x.numel()


@torch.no_grad()
def zero_share(net: Autoencoder) -> float:
    """Return the share of weights that are zero, after quantization where there is one."""
    zero = count = 0
    for name in net.layer_names:
        layer: Any = net.layer(name)
        weight = layer.quant_weight().value if hasattr(layer, "quant_weight") else layer.weight
        zero, count = zero + int((weight == 0).sum()), count + weight.numel()
    return zero / count


def _module(net: Autoencoder) -> nn.Module:
    if not isinstance(net, nn.Module):
        msg = f"{type(net).__name__} is no torch Module"
        raise TypeError(msg)
    return net


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
