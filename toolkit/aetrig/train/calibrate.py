"""Binary exponents of all quantizers, found before quantization-aware training and then fixed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from aetrig.config.model import Network, Quantization
from aetrig.data.dataset import Dataset
from aetrig.data.scaling import InputScaling
from aetrig.nets.activations import activation_of
from aetrig.nets.float_net import FloatAutoencoder
from aetrig.nets.fold import folded_parameters
from aetrig.nets.formats import (
    TensorFormat,
    latent_quantizer,
    linear_layers,
    tensor_formats,
)

Reals = npt.NDArray[np.float64]
EVENTS = 20_000  # for activations: an exponent is one of a dozen, more events do not move it
CHUNK = 262_144
SEARCHED = 12  # clipping below 2**-12 of the largest value is never the least error in practice
NOT_ZERO = -(2**20)  # the exponent that a zero needs: below any other


def calibrate(
    net: FloatAutoencoder,
    dataset: Dataset,
    network: Network,
    quant: Quantization,
    scaling: InputScaling,
) -> dict[str, int]:
    """Return log2 of the scale of `input_quant`, and of `L_weight` and `L_quant` for each layer.

    ``dataset``: training events. The input takes the finest scale at which at most
    `quant.input_saturation` of the present entries saturate; weights and activations that of the
    least mean squared error, layer by layer, behind quantized layers.
    """
    formats = tensor_formats(dataset.x.shape[1], network, quant)
    exponents = {
        "input_quant": input_exponent(
            dataset, scaling, formats["input_quant"], quant.input_saturation
        )
    }
    rows = np.unique(np.linspace(0, len(dataset.x) - 1, EVENTS).astype(np.int64))
    value = _rescaled(dataset.x[rows], scaling)
    value = dequantized(value, formats["input_quant"], exponents["input_quant"])
    parameters, linear = folded_parameters(net, scaling), linear_layers(network)
    activation = activation_of(network)

    def settled(name: str, value: Reals) -> Reals:
        exponents[name] = best_exponent(value, formats[name])
        return dequantized(value, formats[name], exponents[name])

    def through(layers: tuple[str, ...], value: Reals) -> Reals:
        for name in layers:
            before = value
            weight, bias = (tensor.numpy() for tensor in parameters[name])
            form = formats[f"{name}_weight"]
            exponents[f"{name}_weight"] = best_exponent(weight, form)
            value = value @ dequantized(weight, form, exponents[f"{name}_weight"]).T + bias
            if f"{name}_pre_quant" in formats:
                # what counts is the error behind the function: where it is flat there is none
                form = formats[f"{name}_pre_quant"]
                exponent = best_exponent(value, form, activation.values)
                exponents[f"{name}_pre_quant"] = exponent
                value = dequantized(value, form, exponent)
            value = value if name in linear else activation.values(value)
            if f"{name}_branch_quant" in formats:
                value = settled(f"{name}_branch_quant", value) + before
            value = settled(f"{name}_quant", value)
        return value

    latent = through(network.encoder_names, value)
    through(network.decoder_names, latent)
    if network.embedding is not None:
        through(network.embedding_names, latent)
        # compared with the latent numbers, and so on their grid
        output = f"{network.embedding_names[-1]}_quant"
        exponents[output] = exponents[latent_quantizer(network)]
    return exponents


def dequantized(values: Reals, form: TensorFormat, exponent: int) -> Reals:
    """Return values rounded to multiples of 2**exponent and saturated to the format's range."""
    steps = np.ldexp(values, -exponent)
    rounded = np.rint(steps) if form.rounding == "ROUND" else np.floor(steps)
    result: Reals = np.ldexp(rounded.clip(form.low, form.high), exponent)
    return result


def best_exponent(
    values: Reals, form: TensorFormat, function: Callable[[Reals], Reals] = np.asarray
) -> int:
    """Return the exponent of least mean squared error; the coarsest where several are equal.

    The error is that of ``function`` of the values, by default of the values themselves.
    """
    # values on a side where the format has no numbers saturate at any scale
    low, high = (-np.inf if form.low < 0 else 0.0), (np.inf if form.high > 0 else 0.0)
    largest = float(np.abs(values.clip(low, high)).max(initial=0.0))
    if largest == 0:
        return 1 - form.bits  # any scale will do: a range of about one
    _, top = np.frexp(largest)  # |values| < 2**top
    # at 2**(top + 1) even a single step overshoots; that is no use
    candidates = range(int(top) + 1, int(top) - form.bits - SEARCHED, -1)
    errors = [
        float(np.mean((function(dequantized(values, form, exponent)) - function(values)) ** 2))
        for exponent in candidates
    ]
    return candidates[int(np.argmin(errors))]


def input_exponent(
    dataset: Dataset, scaling: InputScaling, form: TensorFormat, saturation: float
) -> int:
    """Return the smallest exponent at which at most this share of present entries saturates."""
    if form.bits == 1:
        # -1 and 0: no scale keeps positive numbers, so the least error decides
        return best_exponent(_rescaled(dataset.x[:EVENTS], scaling), form)
    present = dataset.present()
    parts = []
    for start in range(0, len(dataset.x), CHUNK):
        rows = slice(start, start + CHUNK)
        parts.append(_least_exponents(_rescaled(dataset.x[rows], scaling)[present[rows]], form))
    needed = np.concatenate(parts)
    exponents, counts = np.unique(needed, return_counts=True)
    saturating = len(needed) - np.cumsum(counts)  # at each exponent, those that need a larger one
    allowed = np.flatnonzero(saturating <= saturation * len(needed))
    chosen = int(exponents[allowed[0]]) if len(allowed) else NOT_ZERO
    return chosen if chosen != NOT_ZERO else 1 - form.bits


def _least_exponents(values: Reals, form: TensorFormat) -> npt.NDArray[np.int32]:
    """Return for each value the smallest exponent at which it does not saturate."""
    _, top = np.frexp(values)
    # 2**top is out of reach of the largest integer: with top - bits the value always saturates,
    # except a negative power of two; with one more it may, by rounding up; with two it never does
    least: npt.NDArray[np.int32] = (top - form.bits).astype(np.int32)
    for _ in range(2):
        least += _saturates(values, form, least)
    least[values == 0] = NOT_ZERO
    return least


def _saturates(
    values: Reals, form: TensorFormat, exponent: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    steps = np.ldexp(values, -exponent)
    rounded = np.rint(steps) if form.rounding == "ROUND" else np.floor(steps)
    return (rounded < form.low) | (rounded > form.high)


def _rescaled(x: npt.NDArray[np.int32], scaling: InputScaling) -> Reals:
    result: Reals = np.ldexp((x - scaling.offset).astype(np.float64), -scaling.shift)
    return result
