"""Which tensors of the network are quantized, with how many bits, and how they are rounded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from aetrig.config.model import Network, Quantization, Rounding
from aetrig.nets.activations import activation_of


@dataclass(frozen=True)
class TensorFormat:
    """Integers of a quantized tensor, low <= q <= high; the exponent comes from calibration."""

    bits: int
    signed: bool
    narrow: bool
    rounding: Rounding

    @property
    def low(self) -> int:
        """Smallest integer; a narrow range is symmetric."""
        return -(1 << (self.bits - 1)) + int(self.narrow) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest integer."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1


def linear_layers(network: Network) -> frozenset[str]:
    """Return the layers without ReLU: the latent one and the outputs of both autoencoders."""
    chains = (network.encoder_names, network.decoder_names, network.embedding_names)
    return frozenset(names[-1] for names in chains if names)


def latent_quantizer(network: Network) -> str:
    """Return the name of the quantizer behind the latent layer."""
    return f"{network.encoder_names[-1]}_quant"


def layer_widths(features: int, network: Network) -> dict[str, tuple[int, int]]:
    """Return (inputs, outputs) of every affine layer that is trained by its name, in order."""
    widths = (features, *network.encoder, *network.hidden_decoder, features)
    names = network.encoder_names + network.decoder_names
    found = dict(zip(names, pairwise(widths), strict=True))
    if network.embedding is not None:
        latent = network.encoder[-1]
        widths = (latent, *network.embedding, latent)
        found |= zip(network.embedding_names, pairwise(widths), strict=True)
    return found


def residual_layers(features: int, network: Network) -> dict[str, str]:
    """Return the layers that add their input to their output, each with that input's quantizer.

    Not the first: its input is scaled otherwise in float training.
    """
    if not network.residual:
        return {}
    encoder, decoder = network.encoder_names, network.decoder_names
    chains = (encoder, (encoder[-1], *decoder), (encoder[-1], *network.embedding_names))
    before = {name: f"{last}_quant" for chain in chains for last, name in pairwise(chain)}
    widths, linear = layer_widths(features, network), linear_layers(network)
    return {
        name: before[name]
        for name, (inputs, outputs) in widths.items()
        if inputs == outputs and name not in linear and name in before
    }


def tensor_formats(features: int, network: Network, quant: Quantization) -> dict[str, TensorFormat]:
    """Return the format of `input_quant`, and of `L_weight` and `L_quant` for each layer L.

    A layer with a residual connection has `L_branch_quant` before the sum. A tabulated activation
    has `L_pre_quant` before it, and what it gives is rounded to nearest:
    its entries are. What ReLU and sigmoid leave is unsigned. Weights are rounded to nearest and
    symmetric, except those of one bit, which would then be all zero: theirs are -1 and 0. The
    second autoencoder ends with the bits of the latent space, which its output is compared with.
    """
    formats = {"input_quant": TensorFormat(quant.input_bits, True, False, quant.input_rounding)}
    linear, last = linear_layers(network), network.decoder_names[-1]
    activation, residual = activation_of(network), residual_layers(features, network)
    for layer in network.training_names():
        own = quant.layers.get(layer)
        weight_bits = own.weight_bits if own and own.weight_bits else quant.weight_bits
        bits = quant.output_bits if layer == last else quant.activation_bits
        bits = own.activation_bits if own and own.activation_bits else bits
        if layer in network.embedding_names[-1:]:
            bits = formats[latent_quantizer(network)].bits
        rounding = own.rounding if own and own.rounding else quant.rounding
        formats[f"{layer}_weight"] = TensorFormat(weight_bits, True, weight_bits > 1, "ROUND")
        signed = layer in linear or activation.signed
        if layer not in linear and activation.tabulated:
            before = own.preactivation_bits if own and own.preactivation_bits else None
            before = before or quant.preactivation_bits
            formats[f"{layer}_pre_quant"] = TensorFormat(before, True, False, rounding)
        behind = "ROUND" if f"{layer}_pre_quant" in formats else rounding
        if layer in residual:
            formats[f"{layer}_branch_quant"] = TensorFormat(bits, signed, False, behind)
            signed, behind = signed or formats[residual[layer]].signed, rounding
        formats[f"{layer}_quant"] = TensorFormat(bits, signed, False, behind)
    return formats
