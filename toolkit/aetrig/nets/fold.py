"""The float network's weights, re-expressed for the input scaling that firmware uses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aetrig.data.scaling import InputScaling
from aetrig.nets.float_net import FloatAutoencoder

Parameters = dict[str, tuple[Tensor, Tensor]]


def folded_parameters(net: FloatAutoencoder, scaling: InputScaling) -> Parameters:
    """Return (weight (outputs, inputs), bias (outputs,)) of each layer in float64.

    With u = (x - center) * factor and v = (x - offset) * 2**-shift, u = a * v + c. The first layer
    takes v in place of u, the last gives the reconstruction of v: the same network in other units,
    so that a standard or min-max scaling loses only what integer offset and shift lose. For kind
    shift, a = 1 and c = 0. Batch normalization is folded into its layer, at its running
    statistics. A variational network's head of log-variances is among the layers.
    """
    offset, shift = torch.tensor(scaling.offset), torch.tensor(scaling.shift)
    factor, center = torch.tensor(scaling.factor), torch.tensor(scaling.center)
    a = torch.ldexp(factor, shift)
    c = (offset - center) * factor
    layers = {name: net.layer(name) for name in (*net.layer_names, *net.heads)}
    folded = {name: _normalised(net, name, layer) for name, layer in layers.items()}
    for first in net.first_layers:
        weight, bias = folded[first]
        folded[first] = (weight * a, bias + weight @ c)
    last = net.decoder[-1]
    weight, bias = folded[last]
    folded[last] = (weight / a[:, None], (bias - c) / a)
    return folded


def _normalised(net: FloatAutoencoder, name: str, layer: nn.Linear) -> tuple[Tensor, Tensor]:
    """Return a layer's weight and bias with the batch normalization behind it, in float64."""
    weight, bias = layer.weight.detach().double().cpu(), layer.bias.detach().double().cpu()
    norm = net.norm(name)
    if norm is None:
        return weight, bias
    gain, offset, mean, variance = (
        tensor.detach().double().cpu()
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        if tensor is not None
    )
    factor = gain / torch.sqrt(variance + norm.eps)
    return weight * factor[:, None], (bias - mean) * factor + offset
