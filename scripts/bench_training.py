"""Quantization-aware training beside a plain Brevitas loop, in one run: `bench_training.py`.

The plain loop is what a tutorial shows: Brevitas' layers with fixed-point quantizers, a DataLoader
over a TensorDataset, Adam. Both train 57-32-16-3-16-32-57 on the embedded level-1-like sample with
the same batches on one thread, in turns.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from brevitas.nn import QuantIdentity, QuantLinear, QuantReLU
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8BiasPerTensorFixedPointInternalScaling,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from aetrig.config.load import load
from aetrig.nets import FloatAutoencoder, QuantAutoencoder, folded_parameters
from aetrig.run import Run
from aetrig.train.calibrate import calibrate
from aetrig.train.loop import Task, Trainer
from aetrig.train.prepare import prepare
from aetrig.train.qat import NO_PRUNING
from bench_emulator import processor

SETTINGS = ("net.encoder=[32,16,3]", "net.embedding=null", "trigger.score=mse")
WIDTHS, BATCH, ROUNDS, EVENTS = (57, 32, 16, 3, 16, 32, 57), 1024, 5, 65_536
BITS = {"weight": 6, "activation": 8}


def plain_network() -> nn.Module:
    """Return the network as Brevitas' tutorials write one."""
    layers: list[nn.Module] = [QuantIdentity(act_quant=Int8ActPerTensorFixedPoint)]
    for i, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
        layers.append(
            QuantLinear(
                inputs, outputs, bias=True, weight_quant=Int8WeightPerTensorFixedPoint,
                weight_bit_width=BITS["weight"],
                bias_quant=Int8BiasPerTensorFixedPointInternalScaling,
            )
        )  # fmt: skip
        hidden = i not in (2, len(WIDTHS) - 2)
        layers.append(
            QuantReLU(act_quant=Uint8ActPerTensorFixedPoint, bit_width=BITS["activation"])
            if hidden
            else QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, bit_width=BITS["activation"])
        )
    return nn.Sequential(*layers)


def plain_epoch(x: torch.Tensor) -> Callable[[], None]:
    """Return an epoch of the plain loop; ``x``: normalised events."""
    net = plain_network().train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(x), batch_size=BATCH, shuffle=True)
    loss_of = nn.MSELoss()

    def epoch() -> None:
        for (batch,) in loader:
            loss = loss_of(net(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return epoch


def own_epoch(trainer: Trainer) -> Callable[[], None]:
    """Return an epoch of aetrig's loop, its judgement on the validation events left out."""

    def epoch() -> None:
        trainer._train()  # noqa: SLF001
        trainer.epoch += 1

    return epoch


def main() -> None:
    """Measure in turns and print."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    config = load(None, list(SETTINGS))
    with tempfile.TemporaryDirectory() as folder:
        found = prepare(config, Run(Path(folder)), Path.cwd(), torch.device("cpu"), 1)
    x = found.training[:EVENTS]
    float_net = FloatAutoencoder(x.shape[1], config.net, found.scaling)
    exponents = calibrate(float_net, found.dataset, config.net, config.quant, found.scaling)
    net = QuantAutoencoder(x.shape[1], config.net, config.quant, found.scaling, exponents)
    net.take(folded_parameters(float_net, found.scaling))
    phase = config.train.qat_phase.model_copy(update={"epochs": ROUNDS + 2})
    task = Task("qat", phase, BATCH, 1, x, found.validation[:BATCH], NO_PRUNING)
    epochs = {
        "plain Brevitas, DataLoader": plain_epoch(float_net.normalise(x)),
        "aetrig": own_epoch(Trainer(task, net)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for round_ in range(ROUNDS + 1):
        for name, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            if round_:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
    first, second = (statistics.median(found) for found in seconds.values())
    print(f"{EVENTS:,} events an epoch, batches of {BATCH}, one thread of {processor()},")
    print(f"load {os.getloadavg()[0]:.1f}, torch {torch.__version__}; medians of {ROUNDS} epochs\n")
    for name, found_seconds in seconds.items():
        print(f"{name:28s}{EVENTS / statistics.median(found_seconds):12,.0f} events/s")
    ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
    print(f"{'ratio':28s}{statistics.median(ratios):12.2f}   (of medians {first / second:.2f})")


if __name__ == "__main__":
    main()
