"""One network from a config to its Program, as `aetrig qat` and `aetrig export-onnx` make it.

Nothing is written. The same config gives the same weights bit for bit, and so the same QONNX file:
a test compares them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import onnx
import torch

from aetrig.config.model import Phase, RunConfig
from aetrig.export.qonnx import to_qonnx
from aetrig.files import workspace
from aetrig.nets import (
    FloatAutoencoder,
    QuantAutoencoder,
    SecondAutoencoder,
    folded_parameters,
)
from aetrig.program.model import Program
from aetrig.program.read import read
from aetrig.search.sample import Sample
from aetrig.train import prune
from aetrig.train.calibrate import calibrate
from aetrig.train.loop import Epoch, Task, Trainer
from aetrig.train.qat import NO_PRUNING
from aetrig.train.together import train_phases
from aetrig.trigger.score import scored


@dataclass(frozen=True)
class Candidate:
    """A config and its events, on the device that it is trained on."""

    config: RunConfig
    sample: Sample
    device: torch.device

    def trained_float(self) -> FloatAutoencoder:
        """Return the float network with its best weights."""
        config, features = self.config, len(self.sample.scaling.names)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            net = FloatAutoencoder(features, config.net, self.sample.scaling)
        net.to(self.device)
        phase = config.train.float_phase
        _train(Trainer(self._task("float", phase, NO_PRUNING), net))
        if net.embedding:
            _train(Trainer(self._task("embedding", phase, NO_PRUNING), SecondAutoencoder(net)))
        return net

    def calibrated(self, float_net: FloatAutoencoder) -> QuantAutoencoder:
        """Return the quantized network with the weights of the float one."""
        config, sample = self.config, self.sample
        scaling = sample.scaling
        exponents = calibrate(float_net, sample.dataset, config.net, config.quant, scaling)
        net = QuantAutoencoder(len(scaling.names), config.net, config.quant, scaling, exponents)
        net.take(folded_parameters(float_net, scaling))
        return net.to(self.device)

    def train_quantized(self, net: QuantAutoencoder, after: Callable[[Epoch], None]) -> None:
        """Train the quantized network; ``after`` each epoch it may raise to end that."""
        train = self.config.train
        plan = prune.plan(train.pruning, train.qat_phase)
        _train(Trainer(self._task("qat", train.qat_phase, plan), net), after)

    def sketch(self, net: QuantAutoencoder) -> Program:
        """Return the Program of a copy that is pruned to its final sparsity at once."""
        net = copy.deepcopy(net).eval()
        plan = prune.plan(self.config.train.pruning, self.config.train.qat_phase)
        layers = {name: net.layer(name) for name in net.layer_names}
        weights = {name: layer.weight for name, layer in layers.items()}
        prune.apply(layers, prune.masks(weights, plan.sparsity, plan.scope))
        return self.program(net)

    def program(self, net: QuantAutoencoder) -> Program:
        """Return the Program of the network with its score, without a working point."""
        layers = self.config.net.layer_names()
        with workspace() as folder:
            path = folder / "model.qonnx.onnx"
            net = copy.deepcopy(net).cpu().eval()
            onnx.save(to_qonnx(net, layers, self.sample.dataset.features), path)
            return scored(read(path), self.config)

    def _task(self, name: str, phase: Phase, pruning: prune.Plan) -> Task:
        train, seed, place = self.config.train, self.config.seed, self.device
        training, background = self.sample.training.to(place), self.sample.background.to(place)
        return Task(
            name, phase, train.batch_size, seed, training, background, pruning, train.kl_weight
        )


def _train(trainer: Trainer, after: Callable[[Epoch], None] = lambda _: None) -> None:
    train_phases([(trainer, after)])
