"""The autoencoder with Brevitas quantizers: integers behind every name that later stages use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from aetrig.config.model import Network, Quantization
from aetrig.data.scaling import InputScaling
from aetrig.nets.fold import Parameters
from aetrig.nets.formats import layer_widths, linear_layers, tensor_formats
from aetrig.nets.quantizers import activation, affine


class Rescale(nn.Module):
    """(x - offset) * 2**-shift; exports as one Sub and one Mul."""

    offset: Tensor
    factor: Tensor

    def __init__(self, scaling: InputScaling) -> None:
        super().__init__()
        # Both are exact in float32: integers of at most 24 bits, and powers of two.
        self.register_buffer("offset", torch.tensor(scaling.offset, dtype=torch.float32))
        factor = torch.ldexp(torch.ones(len(scaling.names)), -torch.tensor(scaling.shift))
        self.register_buffer("factor", factor)

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's numbers of ``x``: hardware integers, shape (events, features)."""
        return (x - self.offset) * self.factor


class QuantAutoencoder(nn.Module):
    """The quantized twin of FloatAutoencoder.

    Submodules: `input_scale`, `input_quant`, and for each layer L `L` (QuantLinear) and `L_quant`
    (QuantReLU, or QuantIdentity after the latent and the last layer). ``exponents`` holds log2 of
    the scales of `input_quant`, `L_weight` and `L_quant`.
    """

    def __init__(
        self,
        features: int,
        network: Network,
        quant: Quantization,
        scaling: InputScaling,
        exponents: Mapping[str, int],
    ) -> None:
        super().__init__()
        self.layer_names = network.layer_names()
        self.formats = tensor_formats(network, quant)
        self.exponents = {name: int(exponents[name]) for name in self.formats}
        self.input_scale = Rescale(scaling)
        self.input_quant = self._activation("input_quant", relu=False, tensor=True)
        linear, last = linear_layers(network), self.layer_names[-1]
        for name, (inputs, outputs) in layer_widths(features, network).items():
            weight = f"{name}_weight"
            layer = affine(inputs, outputs, self.formats[weight], self.exponents[weight])
            self.add_module(name, layer)
            # the output is a plain tensor: nothing follows that would need its scale
            behind = self._activation(f"{name}_quant", relu=name not in linear, tensor=name != last)
            self.add_module(f"{name}_quant", behind)

    def _activation(self, name: str, *, relu: bool, tensor: bool) -> Any:
        return activation(self.formats[name], self.exponents[name], relu=relu, tensor=tensor)

    def layer(self, name: str) -> nn.Linear:
        """Return a Brevitas QuantLinear; its weight has shape (outputs, inputs)."""
        return cast("nn.Linear", self.get_submodule(name))

    def take(self, parameters: Parameters) -> None:
        """Copy weights and biases, as of `folded_parameters`, into the layers."""
        with torch.no_grad():
            for name, (weight, bias) in parameters.items():
                layer = self.layer(name)
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)

    def quantize_input(self, x: Tensor) -> Any:
        """Return the input quantizer's QuantTensor of hardware integers (events, features)."""
        return self.input_quant(self.input_scale(x))

    def reconstruct(self, value: Any) -> Tensor:
        """Return the quantized reconstruction of what `quantize_input` gave."""
        for name in self.layer_names:
            value = self.layer(name)(value)
            value = self.get_submodule(f"{name}_quant")(value)
        return value  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Return the dequantized reconstruction of ``x``, hardware integers (events, features)."""
        return self.reconstruct(self.quantize_input(x))

    def compare(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (target, output) of the loss: the quantized input and its reconstruction.

        The target is the input quantizer's value and not the number before it, because the score
        in firmware compares the output with just these integers.
        """
        quantized = self.quantize_input(x)
        return quantized.value, self.reconstruct(quantized)
