"""The autoencoder with Brevitas quantizers: integers behind every name that later stages use."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from aetrig.config.model import Network, Quantization
from aetrig.data.scaling import InputScaling
from aetrig.nets.activations import Activation, activation_of
from aetrig.nets.fixed_point import Affine, Quantizer, Steps
from aetrig.nets.fold import Parameters
from aetrig.nets.formats import TensorFormat, layer_widths, linear_layers, tensor_formats
from aetrig.nets.quantizers import activation, affine
from aetrig.nets.table import Table
from aetrig.nets.terms import Terms
from aetrig.nets.variational import HEAD, bounded, divergence, sampled
from aetrig.physics.score import ScoreKind

PARTS = ("_pre_quant", "_table", "_branch_quant", "_quant")  # behind an affine layer, in order


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
    (QuantReLU, or QuantIdentity after the latent and the last layers), with `L_pre_quant` and
    `L_table` between them for a tabulated activation, and `L_branch_quant` before the sum of a
    residual connection. `forward` goes through these modules; training and scores go through the
    same layers as integer arithmetic (`fixed_point`), with equal bits. ``exponents`` holds log2 of
    the scales of `input_quant`, `L_weight` and `L_quant`. ``layer_names`` are the layers that are
    trained, ``formats`` those of the deployed chain, which `forward` goes through. A variational
    network's head of log-variances serves training alone and is not quantized.
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
        self.layer_names, self._deployed = network.training_names(), network.layer_names()
        self.encoder, self.decoder = network.encoder_names, network.decoder_names
        self.embedding = network.embedding_names
        formats = tensor_formats(features, network, quant)
        self.exponents = {name: int(exponents[name]) for name in formats}
        self.formats = _only(formats, self._deployed)
        self.input_scale = Rescale(scaling)
        rectified = set()
        form = formats["input_quant"]
        self.input_quant = activation(form, self.exponents["input_quant"], relu=False, tensor=True)
        linear, outputs_of = linear_layers(network), {self.decoder[-1], *self.embedding[-1:]}
        widths = layer_widths(features, network)
        for name, (inputs, outputs) in widths.items():
            weight, behind = f"{name}_weight", f"{name}_quant"
            layer = affine(inputs, outputs, formats[weight], self.exponents[weight])
            self.add_module(name, layer)
            tabulated = f"{name}_pre_quant" in formats
            if tabulated:
                self._add_table(name, formats, activation_of(network))
            # an output is a plain tensor: nothing follows that would need its scale
            relu = name not in linear and not tabulated
            branch = f"{name}_branch_quant"
            if branch in formats:
                first = formats[branch], self.exponents[branch]
                self.add_module(branch, activation(*first, relu=relu, tensor=False))
                rectified |= {branch} if relu else set()
                relu = False
            last = formats[behind], self.exponents[behind]
            quantizer = activation(*last, relu=relu, tensor=name not in outputs_of)
            self.add_module(behind, quantizer)
            rectified |= {behind} if relu else set()
        self.quantizers = {
            name: Quantizer(form, self.exponents[name], relu=name in rectified)
            for name, form in formats.items()
        }
        self.variational = network.variational
        if network.variational:
            self.add_module(HEAD, nn.Linear(*widths[self.encoder[-1]]))

    def _add_table(
        self, name: str, formats: Mapping[str, TensorFormat], function: Activation
    ) -> None:
        """Add a layer's `L_pre_quant` and `L_table`."""
        branch = f"{name}_branch_quant"
        before, after = (
            (formats[tensor], self.exponents[tensor])
            for tensor in (f"{name}_pre_quant", branch if branch in formats else f"{name}_quant")
        )
        self.add_module(f"{name}_pre_quant", activation(*before, relu=False, tensor=False))
        self.add_module(f"{name}_table", Table(function, before, after))

    def deployed(self) -> QuantAutoencoder:
        """Return a copy without what serves training alone: head, or decoder of an embedding."""
        net = copy.deepcopy(self)
        for name in set(self.layer_names) - set(self._deployed):
            for module in self._modules_of(name):
                delattr(net, module)
        if self.variational:
            delattr(net, HEAD)
        net.layer_names = self._deployed
        return net

    @property
    def plain(self) -> bool:
        """Whether there is nothing but affine layers, with ReLU or without, and quantizers."""
        more = self.variational or self.embedding
        return not more and all(len(self._modules_of(name)) == 2 for name in self.layer_names)

    def _modules_of(self, name: str) -> list[str]:
        """Return the names of a layer's modules in the order in which they are applied."""
        return [name, *(f"{name}{part}" for part in PARTS if f"{name}{part}" in self._modules)]

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

    def forward(self, x: Tensor) -> Tensor:
        """Return the dequantized output of the deployed chain of ``x``, hardware integers.

        That is the reconstruction (events, features), or with an embedding that of the latent
        numbers (events, latent). Brevitas' modules compute it: what is exported and traced.
        """
        value = self.input_quant(self.input_scale(x))
        for name in self._deployed:
            *branch, last = self._modules_of(name)
            before = value
            for module in branch:
                value = self.get_submodule(module)(value)
            if branch[-1].endswith("_branch_quant"):
                value = value + before.value
            value = self.get_submodule(last)(value)
        return cast("Tensor", value)

    def quantize_input(self, x: Tensor) -> Steps:
        """Return the quantized hardware integers ``x`` (events, features)."""
        return self.quantizers["input_quant"].of(self.input_scale(x))

    def _through(self, names: Sequence[str], value: Steps) -> Steps:
        for name in names:
            value = self._layer(name, value)
        return value

    def _layer(self, name: str, before: Steps) -> Steps:
        """Return what `forward` does in a layer, as integers."""
        parts = self._modules_of(name)
        quantizers = [self.quantizers[part] for part in parts if part in self.quantizers]
        first = Affine(self.quantizers[f"{name}_weight"], quantizers.pop(0))
        value = first.of(before, self.layer(name))
        if f"{name}_table" in parts:
            table = self.get_submodule(f"{name}_table")
            value = quantizers.pop(0).of(table(value.value))
        if f"{name}_branch_quant" in parts:
            value = quantizers.pop(0).of(value.value + before.value)
        return value

    def compare(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the quantized input and its reconstruction, from the latent means.

        The target is the input quantizer's value and not the number before it, because the score
        in firmware compares the output with just these integers.
        """
        quantized = self.quantize_input(x)
        return quantized.value, self._through((*self.encoder, *self.decoder), quantized).value

    def latent(self, x: Tensor) -> Tensor:
        """Return the quantized latent numbers of ``x`` (hardware integers), (events, latent)."""
        return self._through(self.encoder, self.quantize_input(x)).value

    def score_pair(self, x: Tensor, kind: ScoreKind) -> tuple[Tensor | None, Tensor]:
        """Return (reference, output) of a score; the reference of latent means is zero: None."""
        if kind == "latent":
            return None, self.latent(x)
        if kind == "embedding":
            latent = self._through(self.encoder, self.quantize_input(x))
            return latent.value, self._through(self.embedding, latent).value
        return self.compare(x)

    def terms(self, x: Tensor, noise: torch.Generator | None = None) -> Terms:
        """Return the loss's terms; without ``noise`` the decoder gets the latent means."""
        if self.variational:
            return self._variational_terms(x, noise)
        if not self.embedding:
            return Terms(self.compare(x))
        quantized = self.quantize_input(x)
        latent = self._through(self.encoder, quantized)
        apart = latent.detach()  # the second autoencoder's loss moves no encoder
        return Terms(
            (quantized.value, self._through(self.decoder, latent).value),
            embedding=(apart.value, self._through(self.embedding, apart).value),
        )

    def _variational_terms(self, x: Tensor, noise: torch.Generator | None) -> Terms:
        quantized = self.quantize_input(x)
        hidden = self._through(self.encoder[:-1], quantized)
        mean = self._through(self.encoder[-1:], hidden)
        log_variance = bounded(self.layer(HEAD)(hidden.value))
        latent = mean
        if noise is not None:
            # through the latent quantizer once more, which at zero noise changes nothing
            again = self.quantizers[f"{self.encoder[-1]}_quant"]
            latent = again.of(sampled(mean.value, log_variance, noise))
        output = self._through(self.decoder, latent).value
        return Terms((quantized.value, output), divergence=divergence(mean.value, log_variance))


def _only(formats: Mapping[str, TensorFormat], layers: Sequence[str]) -> dict[str, TensorFormat]:
    """Return the formats of the input and of these layers' tensors."""
    parts = ("weight", "pre_quant", "branch_quant", "quant")
    tensors = [f"{layer}_{part}" for layer in layers for part in parts]
    return {name: formats[name] for name in ("input_quant", *tensors) if name in formats}
