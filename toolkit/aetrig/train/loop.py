"""Training of one phase, epoch by epoch; float and quantized networks alike."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from aetrig.config.model import Phase
from aetrig.errors import UserError
from aetrig.records import PhaseName
from aetrig.train import prune
from aetrig.train.loss import Autoencoder, loss, measure, module
from aetrig.train.schedule import Schedule
from aetrig.train.stopping import Stopping

PHASES: tuple[str, ...] = get_args(PhaseName)  # in order
SHUFFLES = {"float": 0, "embedding": 0, "qat": 1}  # enters the shuffle's seed
EPOCHS = 2**20  # of seeds to a phase: half for shuffles, half for noise


@dataclass(frozen=True)
class Task:
    """What stays the same during a phase.

    ``training``, ``validation``: float32 hardware integers (events, features) on the network's
    device, background only. Padded entries count like others: their target is what zero becomes.
    ``kl_weight``: of a variational network's KL term. ``removal``: of latent dimensions.
    """

    name: str
    phase: Phase
    batch_size: int
    seed: int
    training: Tensor
    validation: Tensor
    pruning: prune.Plan
    kl_weight: float = 0.0
    removal: prune.Removal | None = None

    def settled(self, epoch: int) -> bool:
        """Whether an epoch's loss can be compared with those of later ones: nothing is removed."""
        pruned = epoch >= self.pruning.end or self.pruning.sparsity == 0
        return pruned and (self.removal is None or epoch >= self.removal.epoch)


@dataclass(frozen=True)
class Epoch:
    """A line of metrics.jsonl. ``sparsity``: share of weights that are zero when quantized.

    Losses are those that training lowers, all terms together. ``kl``, ``embedding``: terms of the
    validation loss, the first before its weight; None, and not in the line, for other networks.
    """

    phase: str
    epoch: int
    train_loss: float
    val_loss: float
    learning_rate: float
    sparsity: float
    seconds: float
    kl: float | None = None
    embedding: float | None = None

    def line(self) -> dict[str, Any]:
        """Return what there is, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Trainer:
    """A network in training: everything that a checkpoint has to hold."""

    def __init__(self, task: Task, net: Autoencoder) -> None:
        self.task, self.net = task, net
        self.module = module(net)
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
        return self.judge(self.train_epoch(), start)

    def judge(self, train_loss: float, start: float) -> Epoch:
        """End an epoch that began at ``start`` (perf_counter): validate, keep the best weights."""
        task, number, rate = self.task, self.epoch, self.schedule.rate
        measured = measure(self.net, task.validation)
        val_loss = measured.total(task.kl_weight)
        if not math.isfinite(train_loss) or not math.isfinite(val_loss):
            raise UserError(
                f"training diverged: the loss is {train_loss} in epoch {number} of the {task.name} "
                f"phase; lower train.{_settings(task.name)}.learning_rate "
                f"({task.phase.learning_rate:g})"
            )
        if self.stopping.better(task.phase, number, val_loss, settled=task.settled(number)):
            self.best = _copy(self.module)
        self.epoch += 1
        self.schedule.step(task.phase, self.epoch, val_loss)
        return Epoch(
            task.name,
            number,
            train_loss,
            val_loss,
            rate,
            zero_share(self.net),
            time.perf_counter() - start,
            measured.divergence,
            measured.embedding,
        )

    def _prune(self, number: int) -> None:
        sparsity = self.task.pruning.at(number)
        if sparsity > 0:
            weights = {name: layer.weight for name, layer in self.layers.items()}
            self.pruned = prune.masks(weights, sparsity, self.task.pruning.scope)
            prune.apply(self.layers, self.pruned)

    def train_epoch(self) -> float:
        """Train on every event once; return the mean loss over them, as they came."""
        task = self.task
        self.begin_epoch()
        noise = noise_generator(task, self.epoch)
        total = torch.zeros((), dtype=torch.float64, device=task.training.device)
        for batch in self.batches():
            value = loss(self.net.terms(batch, noise), task.kl_weight)
            self.optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            self.step()
            total += value.detach() * len(batch)  # stays on the device: no waiting every step
        return float(total) / len(task.training)

    def begin_epoch(self) -> None:
        """Prune, set the learning rate, and put the network into training."""
        self._prune(self.epoch)
        self.module.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate
        self._zero()

    def batches(self) -> Iterator[Tensor]:
        """Yield the epoch's batches, (events, features), in an order of the epoch's own."""
        training = self.task.training
        order = permutation(len(training), self.task, self.epoch).to(training.device)
        for rows in torch.split(order, self.task.batch_size):
            # index_select copies rows whole, indexing [rows] number by number
            yield training.index_select(0, rows)

    def step(self) -> None:
        """Change the weights by the gradients."""
        self.optimizer.step()
        self._zero()

    def _zero(self) -> None:
        prune.apply(self.layers, self.pruned)
        if self.task.removal is not None:
            self.task.removal.apply(self.layers, self.epoch)

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


def permutation(events: int, task: Task, epoch: int) -> Tensor:
    """Return the order of an epoch's events; it follows from seed, phase and epoch alone."""
    generator = torch.Generator()
    generator.manual_seed(_seed(task) + epoch)
    return torch.randperm(events, generator=generator)


def noise_generator(task: Task, epoch: int) -> torch.Generator:
    """Return the source of an epoch's noise, on the task's device, for a variational network.

    Like the shuffle it follows from seed, phase and epoch alone, so that a checkpoint between
    epochs has no state of it to hold.
    """
    generator = torch.Generator(task.training.device)
    generator.manual_seed(_seed(task) + EPOCHS // 2 + epoch)
    return generator


def _seed(task: Task) -> int:
    return (task.seed * 2 + SHUFFLES[task.name]) * EPOCHS


def _settings(phase: str) -> str:
    """Return the config's group for a phase; the second autoencoder has that of the first."""
    return "qat_phase" if phase == "qat" else "float_phase"


@torch.no_grad()
def zero_share(net: Autoencoder) -> float:
    """Return the share of weights that are zero, after quantization where there is one."""
    zero = count = 0
    for name in net.layer_names:
        layer: Any = net.layer(name)
        weight = layer.quant_weight().value if hasattr(layer, "quant_weight") else layer.weight
        zero, count = zero + int((weight == 0).sum()), count + weight.numel()
    return zero / count


def _copy(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
