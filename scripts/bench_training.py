"""Quantization-aware training beside plain Brevitas loops, in one run: `bench_training.py`.

Two plain loops, each with a DataLoader over a TensorDataset and Adam: the network as Brevitas'
tutorials write one, whose scales are learned; and aetrig's own network, its Brevitas modules called
one after another. All train 57-32-16-3-16-32-57 on the embedded level-1-like sample with the same
batches on one thread, in turns. Then aetrig and the second loop train from several seeds: the
losses on validation events, measured alike.

    python scripts/bench_training.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from aetrig.config.model import RunConfig
from aetrig.nets import FloatAutoencoder, QuantAutoencoder, folded_parameters
from aetrig.run import Run
from aetrig.train.calibrate import calibrate
from aetrig.train.loop import Task, Trainer
from aetrig.train.loss import evaluate
from aetrig.train.prepare import Prepared, prepare
from aetrig.train.qat import NO_PRUNING
from aetrig.train.together import epoch_of_all
from bench_emulator import processor

SETTINGS = ("net.encoder=[32,16,3]", "net.embedding=null", "trigger.score=mse")
WIDTHS, BATCH, EVENTS, GOAL = (57, 32, 16, 3, 16, 32, 57), 1024, 65_536, 5.0
SEEDS = 8
BITS = {"weight": 6, "activation": 8}
TUTORIAL, MODULES, OWN = "tutorial's network, DataLoader", "same network, DataLoader", "aetrig"
Epoch = Callable[[], None]


def tutorial_network() -> nn.Module:
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


def plain_epoch(net: nn.Module, x: torch.Tensor, target: torch.Tensor, rate: float) -> Epoch:
    """Return an epoch of a plain loop."""
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    loader = DataLoader(TensorDataset(x, target), batch_size=BATCH, shuffle=True)
    loss_of = nn.MSELoss()

    def epoch() -> None:
        net.train()
        for batch, wanted in loader:
            loss = loss_of(net(batch), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return epoch


class Bench:
    """The sample, and networks that have been calibrated on it."""

    def __init__(self, config: RunConfig, found: Prepared) -> None:
        self.config, self.found, self.x = config, found, found.training[:EVENTS]
        self.rate = config.train.qat_phase.learning_rate

    def network(self, seed: int) -> QuantAutoencoder:
        """Return a quantized network at the start of its training."""
        config, scaling, features = self.config, self.found.scaling, self.x.shape[1]
        torch.manual_seed(seed)
        start = FloatAutoencoder(features, config.net, scaling)
        exponents = calibrate(start, self.found.dataset, config.net, config.quant, scaling)
        net = QuantAutoencoder(features, config.net, config.quant, scaling, exponents)
        net.take(folded_parameters(start, scaling))
        return net

    def trainer(self, net: QuantAutoencoder, seed: int) -> Trainer:
        """Return aetrig's loop; its judgement on validation events is left out below."""
        phase = self.config.train.qat_phase.model_copy(update={"epochs": 1000})
        return Trainer(Task("qat", phase, BATCH, seed, self.x, self.x[:BATCH], NO_PRUNING), net)

    def own_epoch(self, net: QuantAutoencoder, seed: int) -> Epoch:
        """Return an epoch of aetrig's loop."""
        trainer = self.trainer(net, seed)

        def epoch() -> None:
            trainer.train_epoch()
            trainer.epoch += 1

        return epoch

    def modules_epoch(self, net: QuantAutoencoder) -> Epoch:
        """Return an epoch of a plain loop through the network's Brevitas modules."""
        with torch.no_grad():
            target = net.quantize_input(self.x).value
        return plain_epoch(net, self.x, target, self.rate)

    def tutorial_epoch(self) -> Epoch:
        """Return an epoch of the tutorial's network on normalised events."""
        with torch.no_grad():
            x = self.network(1).input_scale(self.x)
        return plain_epoch(tutorial_network(), x, x, self.rate)


def speeds(bench: Bench, rounds: int) -> dict[str, list[float]]:
    """Return events/s of each loop, round by round in turns."""
    epochs = {
        TUTORIAL: bench.tutorial_epoch(),
        MODULES: bench.modules_epoch(bench.network(1)),
        OWN: bench.own_epoch(bench.network(1), 1),
    }
    found: dict[str, list[float]] = {name: [] for name in epochs}
    for round_ in range(rounds + 1):
        for name, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            if round_:  # the first warms up
                found[name].append(len(bench.x) / (time.perf_counter() - start))
    return found


def together(bench: Bench, rounds: int) -> dict[str, object]:
    """Return the speed of several seeds as one network beside one seed after the other."""
    one, other = (
        [bench.trainer(bench.network(seed), seed) for seed in range(SEEDS)] for _ in range(2)
    )
    rates: list[tuple[float, float]] = []
    for round_ in range(rounds + 1):
        times = [time.perf_counter()]
        first = epoch_of_all(one)
        times.append(time.perf_counter())
        second = [trainer.train_epoch() for trainer in other]
        times.append(time.perf_counter())
        if first != second:
            sys.exit("bench_training: seeds trained together differ from seeds trained alone")
        for trainer in (*one, *other):
            trainer.epoch += 1
        if round_:
            events = SEEDS * len(bench.x)
            rates.append((events / (times[1] - times[0]), events / (times[2] - times[1])))
    ratios = [ours / theirs for ours, theirs in rates]
    return {
        "name": f"{SEEDS} seeds as one network",
        "other_name": "one seed after the other",
        "ours": statistics.median(ours for ours, _ in rates),
        "other": statistics.median(theirs for _, theirs in rates),
        "unit": "events/s",
        "ratio": statistics.median(ratios),
        "spread": (max(ratios) - min(ratios)) / statistics.median(ratios),
        "goal": None,
    }


def losses(bench: Bench, seeds: int, epochs: int) -> dict[str, list[float]]:
    """Return validation losses after some epochs, of one seed after the other."""
    found: dict[str, list[float]] = {MODULES: [], OWN: []}
    for seed in range(1, seeds + 1):
        for name, values in found.items():
            net = bench.network(seed)
            epoch = bench.own_epoch(net, seed) if name == OWN else bench.modules_epoch(net)
            for _ in range(epochs):
                epoch()
            values.append(evaluate(net, bench.found.validation))
    return found


def rows(found: dict[str, list[float]]) -> Iterator[dict[str, object]]:
    """Yield aetrig's speed beside each other's."""
    for name in (TUTORIAL, MODULES):
        ratios = [ours / theirs for ours, theirs in zip(found[OWN], found[name], strict=True)]
        yield {
            "name": "quantization-aware training",
            "other_name": f"plain Brevitas loop, {name}",
            "ours": statistics.median(found[OWN]),
            "other": statistics.median(found[name]),
            "unit": "events/s",
            "ratio": statistics.median(ratios),
            "spread": (max(ratios) - min(ratios)) / statistics.median(ratios),
            "goal": GOAL,
        }


def prepared() -> Bench:
    """Return the sample as `aetrig qat` prepares it."""
    config = load(None, list(SETTINGS))
    with tempfile.TemporaryDirectory() as folder:
        found = prepare(config, Run(Path(folder)), Path.cwd(), torch.device("cpu"), 1)
    return Bench(config, replace(found, validation=found.validation[:EVENTS]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="QAT beside plain Brevitas loops.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no losses")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = prepared()
    found = speeds(bench, 2 if options.quick else 5)
    print(f"57-32-16-3-16-32-57, {len(bench.x):,} events an epoch, batches of {BATCH}, one thread")
    print(f"of {processor()}, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}\n")
    for name, values in found.items():
        print(f"{name:32s}{statistics.median(values):10,.0f} events/s")
    table = list(rows(found))
    for row in table:
        print(f"aetrig over {row['other_name']}: {row['ratio']:.1f}  (goal {GOAL:g})")
    table.append(seeds := together(bench, 2 if options.quick else 5))
    print(f"{seeds['name']} over {seeds['other_name']}: {seeds['ratio']:.2f}, equal losses")
    content: dict[str, object] = {"rows": table}
    if not options.quick:
        content["losses"] = trained = losses(bench, seeds=5, epochs=4)
        print("\nvalidation loss after 4 epochs, 5 seeds: mean and standard deviation")
        for name, values in trained.items():
            spread = statistics.stdev(values)
            print(f"{name:32s}{statistics.mean(values):10.6f} +- {spread:.6f}")
    if options.json:
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
