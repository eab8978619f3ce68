"""Random networks as a config describes them, quantized as training quantizes them.

From a seed alone: the config, a float network with random weights and running statistics, its
calibration, pruning, and the quantized network. Nothing is trained: it makes no other arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch

from aetrig.config.model import (
    LayerQuantization,
    Network,
    Quantization,
    RunConfig,
    TriggerOptions,
)
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.scaling import InputScaling
from aetrig.export.qonnx import to_qonnx
from aetrig.export.trigger import to_trigger
from aetrig.nets import FloatAutoencoder, QuantAutoencoder
from aetrig.nets.fold import folded_parameters
from aetrig.nets.formats import residual_layers, tensor_formats
from aetrig.program.evaluate import results
from aetrig.program.model import SCORE, Program, Trigger, WorkingPoint
from aetrig.program.read import read
from aetrig.train.calibrate import calibrate
from aetrig.train.prune import masks
from aetrig.trigger.score import scored
from fuzz.architectures import Size

EVENTS = 1500  # that the calibration sees
SINGLE = 0.15  # share of networks with weights of one bit
Generator = np.random.Generator


@dataclass(frozen=True)
class Drawn:
    """A network and what kinds it is of. ``inputs``: events as its calibration saw them."""

    seed: int
    net: QuantAutoencoder
    network: Network
    score: str
    features: tuple[Feature, ...]
    kinds: tuple[str, ...]
    inputs: np.ndarray


def draw(seed: int, size: Size) -> Drawn:
    """Return the network of a seed."""
    rng = np.random.default_rng([seed, size.layers, size.width])
    network, score = _network(rng, size)
    quant = _quantization(rng, size, network)
    features = tuple(_feature(rng, i) for i in range(_width(rng, size)))
    data = _events(rng, features)
    scaling = _scaling(rng, data, features)
    torch.manual_seed(seed)
    plain = _randomized(FloatAutoencoder(len(features), network, scaling), rng)
    exponents = calibrate(plain, data, network, quant, scaling)
    net = QuantAutoencoder(len(features), network, quant, scaling, exponents)
    net.take(folded_parameters(plain, scaling))
    sparsity = float(rng.choice([0.0, 0.0, 0.5, 0.9]))
    _prune(net, sparsity, str(rng.choice(["layer", "global"])))
    kinds = _kinds(network, quant, score, scaling, len(features))
    kinds += ("pruned",) if sparsity else ()
    return Drawn(seed, net.eval(), network, score, features, kinds, data.x)


def written(drawn: Drawn, folder: Path) -> tuple[Path, Program]:
    """Write the network and its trigger as QONNX; return the trigger's file and the network alone.

    The thresholds are scores that half and a tenth of the drawn events exceed.
    """
    model = to_qonnx(drawn.net, drawn.network.layer_names(), drawn.features)
    onnx.save(model, folder / "model.qonnx.onnx")
    alone = read(folder / "model.qonnx.onnx")
    options = TriggerOptions(score=drawn.score)  # type: ignore[arg-type]
    program = scored(alone, RunConfig.model_construct(net=drawn.network, trigger=options))
    trigger = cast("Trigger", program.trigger)
    scores = results(program, drawn.inputs)[SCORE][:, 0]
    points = tuple(
        WorkingPoint(name, int(np.quantile(scores, share)))
        for name, share in (("loose", 0.5), ("tight", 0.9))
    )
    program = replace(program, trigger=replace(trigger, points=points))
    onnx.save(to_trigger(model, program), folder / "trigger.qonnx.onnx")
    return folder / "trigger.qonnx.onnx", alone


def _network(rng: Generator, size: Size) -> tuple[Network, str]:
    kind = str(rng.choice(["plain", "plain", "variational", "embedding"]))
    residual = bool(rng.random() < 0.3)
    depth = int(rng.integers(1, size.layers // 2 + 2))
    encoder = [_width(rng, size) for _ in range(depth)]
    if residual:  # neighbours as wide as one another, or there is nothing to add
        encoder = [encoder[0]] * depth + encoder[-1:]
    decoder = [_width(rng, size) for _ in range(int(rng.integers(0, depth + 1)))]
    scores = {
        "plain": ["mse", "mae", "latent"],
        "variational": ["latent", "latent", "mse"],
        "embedding": ["embedding"],
    }
    return Network(
        encoder=tuple(encoder),
        decoder=None if rng.random() < 0.7 else tuple(decoder),
        activation=str(rng.choice(["relu", "relu", "leaky_relu", "tanh", "sigmoid"])),  # type: ignore[arg-type]
        negative_slope=float(rng.choice([0.125, 0.25, 0.1, 0.01])),
        residual=residual,
        batch_norm=bool(rng.random() < 0.3),
        variational=kind == "variational",
        embedding=(_width(rng, size),) if kind == "embedding" else None,
    ), str(rng.choice(scores[kind]))


def _quantization(rng: Generator, size: Size, network: Network) -> Quantization:
    def bits(low: int = 1, high: int = size.bits) -> int:
        return int(rng.integers(low, high + 1))

    def rounding() -> Any:
        return str(rng.choice(["ROUND", "FLOOR"]))

    layers = {
        name: LayerQuantization(
            weight_bits=bits() if rng.random() < 0.5 else None,
            activation_bits=bits() if rng.random() < 0.5 else None,
            rounding=rounding() if rng.random() < 0.5 else None,
        )
        for name in network.training_names()
        if rng.random() < 0.3
    }
    return Quantization(
        weight_bits=1 if rng.random() < SINGLE else bits(),
        activation_bits=bits(2),
        preactivation_bits=bits(2, min(10, size.bits)),
        input_bits=bits(2),
        output_bits=bits(2),
        rounding=rounding(),
        input_rounding=rounding(),
        input_saturation=float(rng.choice([0.0, 1e-3, 0.1])),
        layers=layers,
    )


def _feature(rng: Generator, index: int) -> Feature:
    grid = Grid(float(np.ldexp(1.0, -int(rng.integers(0, 4)))), int(rng.integers(4, 15)),
                bool(rng.integers(2)), "1")  # fmt: skip
    return Feature(f"f{index}", grid)


def _events(rng: Generator, features: tuple[Feature, ...]) -> Dataset:
    """Return events of a few hidden directions, as wide as a part of each grid, and its tails."""
    hidden = rng.normal(size=(EVENTS, 3)) @ rng.normal(size=(3, len(features)))
    low = np.array([feature.grid.low for feature in features])
    high = np.array([feature.grid.high for feature in features])
    reach = (high - low) * rng.uniform(0.02, 0.4, len(features))
    center = rng.uniform(low, high)
    x = np.rint(center + reach * hidden).clip(low, high).astype(np.int32)
    zeros = np.zeros(EVENTS)
    return Dataset(
        x, features, (Process("all", "background"),), zeros.astype(np.int16), zeros + 1.0,
        zeros.astype(np.int8),
    )  # fmt: skip


def _scaling(rng: Generator, data: Dataset, features: tuple[Feature, ...]) -> InputScaling:
    """Return a scaling to about one; of kind standard it has centers and factors between grids."""
    spread = np.maximum(data.x.std(axis=0), 1.0)
    center, factor = data.x.mean(axis=0), 1 / spread
    offset = np.rint(center).astype(np.int64)
    shift = np.rint(np.log2(spread)).astype(np.int64) + rng.integers(-1, 2, len(features))
    standard = bool(rng.integers(2))
    if not standard:
        center, factor = offset.astype(np.float64), np.ldexp(1.0, -shift)
    names = tuple(feature.name for feature in features)
    flags = np.zeros(len(features))
    kind = "standard" if standard else "shift"
    return InputScaling(kind, names, offset, shift, center, factor, flags.astype(bool), flags)


def _randomized(net: FloatAutoencoder, rng: Generator) -> FloatAutoencoder:
    """Give batch normalization the running statistics of some training."""
    with torch.no_grad():
        for name in net.layer_names:
            norm = net.norm(name)
            if norm is not None and norm.running_mean is not None and norm.running_var is not None:
                size = norm.num_features
                norm.running_mean.copy_(torch.from_numpy(rng.normal(0, 0.3, size)))
                norm.running_var.copy_(torch.from_numpy(rng.uniform(0.1, 2.0, size)))
                norm.weight.copy_(torch.from_numpy(rng.uniform(-1.5, 1.5, size)))
                norm.bias.copy_(torch.from_numpy(rng.normal(0, 0.3, size)))
    return net.eval()


def _prune(net: QuantAutoencoder, sparsity: float, scope: str) -> None:
    with torch.no_grad():
        weights = {name: net.layer(name).weight for name in net.layer_names}
        for name, mask in masks(weights, sparsity, scope).items():
            weights[name][mask] = 0.0


def _kinds(
    network: Network, quant: Quantization, score: str, scaling: InputScaling, features: int
) -> tuple[str, ...]:
    formats = tensor_formats(features, network, quant)
    roundings = {form.rounding for name, form in formats.items() if name.endswith("_quant")}
    flags = {
        "residual": bool(residual_layers(features, network)),
        "batch norm": network.batch_norm,
        "variational": network.variational,
        "embedding": network.embedding is not None,
        "encoder alone": score == "latent",
        "per-layer precision": bool(quant.layers),
        "1-bit weights": any(
            form.bits == 1 for name, form in formats.items() if name.endswith("_weight")
        ),
        "ROUND": "ROUND" in roundings,
        "FLOOR": "FLOOR" in roundings,
    }
    found = [f"activation {network.activation}", f"score {score}", f"scaling {scaling.kind}"]
    return (*found, *(name for name, value in flags.items() if value))


def _width(rng: Generator, size: Size) -> int:
    return int(rng.integers(1, size.width + 1))
