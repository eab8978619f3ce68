"""A network as PyTorch users run it: float32 layers, eager, made from a Program's numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aetrig.config.load import load
from aetrig.nets.activations import activation_of
from aetrig.program.model import Affine, Program, Rescale, Table


@dataclass(frozen=True)
class Eager:
    """Steps of one half of an autoencoder, without quantizers."""

    steps: tuple[Callable[[Tensor], Tensor], ...]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the half's output of (events, features), float32."""
        with torch.inference_mode():
            for step in self.steps:
                x = step(x)
            return x


def eager(half: Program, config: Path) -> Eager:
    """Return the float32 network of a half; ``config``: names its activation."""
    activation = activation_of(load(config).net)
    steps: list[Callable[[Tensor], Tensor]] = []
    exponent = 0
    for op in half.operations:
        match op:
            case Rescale():
                offset = torch.from_numpy(op.offset.astype(np.float32))
                factor = torch.from_numpy(np.ldexp(1.0, -op.shift).astype(np.float32))
                steps.append(lambda x, offset=offset, factor=factor: (x - offset) * factor)
            case Affine():
                exponent += op.weight_format.exponent
                steps.append(_linear(op, exponent))
            case Table():
                steps.append(activation.of)
                exponent = op.exponent
            case _ if type(op).__name__ == "Relu":
                steps.append(torch.relu)
            case _:
                exponent = op.format.exponent
    return Eager(tuple(steps))


def _linear(op: Affine, exponent: int) -> Callable[[Tensor], Tensor]:
    weight = np.ldexp(op.weight.astype(np.float64), op.weight_format.exponent)
    bias = np.ldexp(op.bias.astype(np.float64), exponent)
    layer = torch.nn.Linear(*weight.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.T))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer
