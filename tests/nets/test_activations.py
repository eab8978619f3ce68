"""Tabulated activations, batch normalization and dropout."""

from __future__ import annotations

from math import exp, tanh

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.config.model import ActivationName, Network, Quantization
from aetrig.nets import FloatAutoencoder, folded_parameters, tensor_formats, trace_integers
from aetrig.nets.activations import Activation
from aetrig.nets.float_net import dropped
from aetrig.nets.formats import TensorFormat
from aetrig.nets.table import Table
from nets.networks import events, random_net, shift_scaling

NAMES: list[ActivationName] = ["leaky_relu", "tanh", "sigmoid"]
DEFINED = {
    "leaky_relu": lambda x: x if x > 0 else 0.1 * x,
    "tanh": tanh,
    "sigmoid": lambda x: 1 / (1 + exp(-x)) if x > -700 else 0.0,
}


@settings(deadline=None)
@given(
    name=st.sampled_from(NAMES), bits=st.integers(2, 10), exponent=st.integers(-9, 2),
    result=st.integers(2, 12), step=st.integers(-12, 0),
)  # fmt: skip
def test_a_table_holds_the_rounded_function(
    name: ActivationName, bits: int, exponent: int, result: int, step: int
) -> None:
    activation = Activation(name, 0.1)
    after = TensorFormat(result, activation.signed, False, "ROUND")
    table = Table(activation, (TensorFormat(bits, True, False, "FLOOR"), exponent), (after, step))
    table.eval()
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    found = table(torch.arange(low, high + 1, dtype=torch.float32) * 2.0**exponent).numpy()
    for q, value in zip(range(low, high + 1), found, strict=True):
        exact = DEFINED[name](q * 2.0**exponent) / 2.0**step
        limited = min(max(exact, after.low), after.high)
        assert value / 2.0**step == int(value / 2.0**step)
        assert abs(value / 2.0**step - limited) <= 0.5 + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_training_sees_the_table_and_the_slope_of_the_function(name: ActivationName) -> None:
    activation = Activation(name, 0.125)
    form = TensorFormat(8, True, False, "ROUND"), -5
    table = Table(activation, form, (TensorFormat(8, activation.signed, False, "ROUND"), -7))
    x = (torch.arange(-90, 91) / 32).requires_grad_()
    table.train()
    in_training = table(x)
    in_training.sum().backward()
    table.eval()
    torch.testing.assert_close(in_training.detach(), table(x), rtol=0, atol=2**-20)
    again = x.detach().clone().requires_grad_()
    activation.of(again).sum().backward()
    torch.testing.assert_close(x.grad, again.grad)


@pytest.mark.parametrize("name", NAMES)
def test_a_quantized_network_stays_on_its_grids(name: ActivationName) -> None:
    network = Network(encoder=(9, 3), activation=name)
    quant = Quantization(preactivation_bits=7)
    net = random_net(5, network, quant, 3)
    found = trace_integers(net, events(5, 400))
    assert {"encoder_0_pre_quant", "encoder_0_quant", "decoder_0_pre_quant"} <= set(found)
    assert "encoder_1_pre_quant" not in found  # the latent layer is linear
    formats = tensor_formats(5, network, quant)
    assert formats["encoder_0_pre_quant"].bits == 7
    assert formats["encoder_0_quant"].signed == (name != "sigmoid")
    assert len(np.unique(found["encoder_0_quant"])) > 10


def test_folded_batch_normalization_is_the_same_network() -> None:
    network = Network(encoder=(9, 3), batch_norm=True, activation="tanh")
    torch.manual_seed(1)
    scaling = shift_scaling(5)
    net = FloatAutoencoder(5, network, scaling).double()
    x = torch.from_numpy(events(5, 500).astype(np.float64))
    for _ in range(5):  # statistics that are not those of a fresh layer
        net.train().terms(x)
    net.eval()
    value = net.normalise(x)
    folded = folded_parameters(net, scaling)
    for layer in net.layer_names:
        weight, bias = folded[layer]
        value = value @ weight.T + bias
        value = value if layer in ("encoder_1", "decoder_1") else torch.tanh(value)
    torch.testing.assert_close(value, net(x), rtol=1e-9, atol=1e-9)
    assert (folded["encoder_0"][0] != net.layer("encoder_0").weight).any()


def test_dropout_drops_its_share_keeps_the_mean_and_follows_its_generator() -> None:
    ones = torch.ones(400, 300)
    first, again = (dropped(ones, 0.3, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert abs(float((first == 0).double().mean()) - 0.3) < 5 * (0.21 / ones.numel()) ** 0.5
    torch.testing.assert_close(first[first != 0], torch.full_like(first[first != 0], 1 / 0.7))
    net = FloatAutoencoder(5, Network(encoder=(9, 3), dropout=0.5), shift_scaling(5))
    x = torch.from_numpy(events(5, 50).astype(np.float32))
    noise = torch.Generator().manual_seed(1)
    pairs = [net.terms(x, which).reconstruction for which in (None, None, noise)]
    outputs = [pair[1] for pair in pairs if pair is not None]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
