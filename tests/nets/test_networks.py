"""Formats of the quantized tensors, the float twin, and the fold between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from aetrig.config.model import LayerQuantization, Network, Quantization
from aetrig.data.scaling import InputScaling
from aetrig.nets import FloatAutoencoder, QuantAutoencoder, folded_parameters, tensor_formats
from aetrig.nets.formats import layer_widths
from nets.networks import events, random_exponents, random_net, shift_scaling


def test_formats_follow_the_config() -> None:
    quant = Quantization(
        weight_bits=5,
        activation_bits=7,
        input_bits=9,
        output_bits=10,
        rounding="FLOOR",
        layers={"decoder_0": LayerQuantization(weight_bits=1, rounding="ROUND")},
    )
    formats = tensor_formats(4, Network(encoder=(6, 2)), quant)
    assert (formats["input_quant"].low, formats["input_quant"].high) == (-256, 255)
    assert formats["input_quant"].rounding == "ROUND"
    assert (formats["encoder_0_weight"].low, formats["encoder_0_weight"].high) == (-15, 15)
    assert (formats["decoder_0_weight"].low, formats["decoder_0_weight"].high) == (-1, 0)
    assert (formats["encoder_0_quant"].low, formats["encoder_0_quant"].high) == (0, 127)
    assert (formats["encoder_1_quant"].low, formats["encoder_1_quant"].high) == (-64, 63)
    assert (formats["decoder_1_quant"].low, formats["decoder_1_quant"].high) == (-512, 511)
    assert formats["decoder_1_quant"].rounding == "FLOOR"
    assert formats["decoder_0_quant"].rounding == "ROUND"


@pytest.mark.parametrize(
    ("encoder", "decoder", "expected"),
    [
        ((32, 3), None, [(9, 32), (32, 3), (3, 32), (32, 9)]),
        ((3,), None, [(9, 3), (3, 9)]),
        ((3,), (5, 6), [(9, 3), (3, 5), (5, 6), (6, 9)]),
    ],
)
def test_widths(encoder, decoder, expected) -> None:  # type: ignore[no-untyped-def]
    network = Network(encoder=encoder, decoder=decoder)
    assert list(layer_widths(9, network).values()) == expected
    net = FloatAutoencoder(9, network, shift_scaling(9))
    assert net(torch.zeros(2, 9)).shape == (2, 9)


def test_relu_stands_behind_hidden_layers_only() -> None:
    net = random_net(4, Network(encoder=(8, 3)), Quantization(), seed=2)
    kinds = [type(net.get_submodule(f"{name}_quant")).__name__ for name in net.layer_names]
    assert kinds == ["QuantReLU", "QuantIdentity", "QuantReLU", "QuantIdentity"]


def test_clipped_weights_still_learn() -> None:
    net = random_net(4, Network(encoder=(8, 3)), Quantization(), seed=2)
    weight = net.layer("encoder_0").weight
    with torch.no_grad():
        weight.fill_(100.0)  # far outside the range of its integers
    target, output = net.compare(torch.from_numpy(events(4, 64).astype(np.float32)))
    torch.nn.functional.mse_loss(
        output + net.layer("encoder_0").quant_weight().value.sum(), target
    ).backward()
    assert weight.grad is not None
    assert (weight.grad != 0).all()


def standard_scaling(features: int) -> InputScaling:
    shift = shift_scaling(features, seed=3)
    rng = np.random.default_rng(7)
    return dataclasses.replace(
        shift,
        kind="standard",
        center=shift.offset + rng.uniform(-0.5, 0.5, features),
        factor=np.ldexp(rng.uniform(0.7, 1.4, features), -shift.shift),
    )


@pytest.mark.parametrize(
    "scaling", [shift_scaling(6), standard_scaling(6)], ids=["shift", "standard"]
)
def test_folding_keeps_the_network_and_changes_its_units(scaling: InputScaling) -> None:
    torch.manual_seed(0)
    net = FloatAutoencoder(6, Network(encoder=(8, 3)), scaling).double()
    x = torch.from_numpy(events(6, 30)).double()
    physical = net(x) / net.factor + net.center  # hardware units
    value = (x - torch.tensor(scaling.offset)) * torch.tensor(np.ldexp(1.0, -scaling.shift))
    for name, (weight, bias) in folded_parameters(net, scaling).items():
        value = torch.nn.functional.linear(value, weight, bias)
        if name not in ("encoder_1", "decoder_1"):
            value = torch.relu(value)
    folded = value * torch.tensor(np.ldexp(1.0, scaling.shift)) + torch.tensor(scaling.offset)
    torch.testing.assert_close(folded, physical, rtol=1e-12, atol=1e-9)


def test_many_bits_approach_the_float_network() -> None:
    network, scaling = Network(encoder=(8, 3)), shift_scaling(6)
    torch.manual_seed(0)
    float_net = FloatAutoencoder(6, network, scaling)
    quant = Quantization(weight_bits=16, activation_bits=16, input_bits=16, output_bits=16)
    exponents = {
        name: (1 if name.endswith("_weight") else 11) - 15
        for name in random_exponents(4, network, quant)
    }
    net = QuantAutoencoder(6, network, quant, scaling, exponents)
    net.take(folded_parameters(float_net, scaling))
    x = torch.from_numpy(events(6, 100).astype(np.float32))
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(x), float_net(x), rtol=0.01, atol=0.5)
