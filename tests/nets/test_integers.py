"""Brevitas' network against the same network written in Python integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.config.model import LayerQuantization, Network, Quantization
from aetrig.errors import CheckFailedError
from aetrig.nets import QuantAutoencoder, TensorFormat, trace_integers
from nets.networks import events, random_net, shift_scaling

NETWORK = Network(encoder=(5, 2))


def quantize(value: Fraction, form: TensorFormat, exponent: int) -> int:
    steps = value / Fraction(2) ** exponent
    # Python's round() of a Fraction is half to even
    rounded = round(steps) if form.rounding == "ROUND" else steps.__floor__()
    return min(max(rounded, form.low), form.high)


def reference(net: QuantAutoencoder, x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The whole network in exact rationals: slow, and nothing shared with Brevitas."""
    scaling = shift_scaling(x.shape[1], seed)
    found: dict[str, list[list[int]]] = {}
    for event in x.tolist():
        values = [
            (Fraction(value) - int(o)) / Fraction(2) ** int(s)
            for value, o, s in zip(event, scaling.offset, scaling.shift, strict=True)
        ]
        values = step(net, "input_quant", values, found)
        for layer in net.layer_names:
            values = affine(net, layer, values)
            if layer not in ("encoder_1", "decoder_1"):
                values = [max(value, Fraction(0)) for value in values]
            values = step(net, f"{layer}_quant", values, found)
    return {name: np.array(rows) for name, rows in found.items()}


def step(
    net: QuantAutoencoder, name: str, values: list[Fraction], found: dict[str, list[list[int]]]
) -> list[Fraction]:
    form, exponent = net.formats[name], net.exponents[name]
    integers = [quantize(value, form, exponent) for value in values]
    found.setdefault(name, []).append(integers)
    return [integer * Fraction(2) ** exponent for integer in integers]


def affine(net: QuantAutoencoder, layer: str, values: list[Fraction]) -> list[Fraction]:
    form, exponent = net.formats[f"{layer}_weight"], net.exponents[f"{layer}_weight"]
    before = net.layer_names[net.layer_names.index(layer) - 1]
    source = "input_quant" if layer == net.layer_names[0] else f"{before}_quant"
    unit = Fraction(2) ** (exponent + net.exponents[source])
    weight = net.layer(layer).weight.tolist()
    bias = net.layer(layer).bias.tolist()
    scale = Fraction(2) ** exponent
    return [
        sum(
            (
                quantize(Fraction(w), form, exponent) * scale * v
                for w, v in zip(row, values, strict=True)
            ),
            start=round(Fraction(b) / unit) * unit,
        )
        for row, b in zip(weight, bias, strict=True)
    ]


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
@pytest.mark.parametrize("bits", range(1, 13))
def test_every_bit_width_and_rounding_equals_rational_arithmetic(bits: int, rounding: str) -> None:
    quant = Quantization(
        weight_bits=bits,
        activation_bits=bits,
        input_bits=bits,
        output_bits=bits,
        rounding=rounding,  # type: ignore[arg-type]
        input_rounding=rounding,  # type: ignore[arg-type]
    )
    net = random_net(4, NETWORK, quant, seed=bits)
    x = events(4, 40, seed=bits)
    expected = reference(net, x, seed=bits)
    found = trace_integers(net, x)
    assert list(found) == ["input_quant", *(f"{name}_quant" for name in net.layer_names)]
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert any(values.any() for values in found.values())


@settings(max_examples=10, deadline=None)
@given(
    bits=st.tuples(*[st.integers(1, 16)] * 4),
    layer=st.sampled_from(["encoder_0", "encoder_1", "decoder_0", "decoder_1"]),
    own=st.integers(1, 16),
    roundings=st.tuples(*[st.sampled_from(["ROUND", "FLOOR"])] * 3),
    seed=st.integers(0, 1000),
)
def test_mixed_widths_equal_rational_arithmetic(bits, layer, own, roundings, seed) -> None:  # type: ignore[no-untyped-def]
    quant = Quantization(
        weight_bits=bits[0],
        activation_bits=bits[1],
        input_bits=bits[2],
        output_bits=bits[3],
        rounding=roundings[0],
        input_rounding=roundings[1],
        layers={
            layer: LayerQuantization(weight_bits=own, activation_bits=own, rounding=roundings[2])
        },
    )
    net = random_net(3, NETWORK, quant, seed)
    x = events(3, 10, seed)
    found = trace_integers(net, x)
    for name, values in reference(net, x, seed).items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_exact_where_float32_is_not() -> None:
    quant = Quantization(weight_bits=16, activation_bits=16, input_bits=16, output_bits=16)
    network = Network(encoder=(64, 48))
    net = random_net(40, network, quant, seed=5)
    x = events(40, 200, seed=5)
    found = trace_integers(net, x)
    with torch.no_grad():
        single = net.eval()(torch.from_numpy(x.astype(np.float32))).numpy()
    scaled = np.ldexp(single.astype(np.float64), -net.exponents["decoder_1_quant"])
    assert (scaled != found["decoder_1_quant"]).any()  # float32 is no reference here
    current = found["input_quant"].astype(object)
    for name, before in zip(net.layer_names, ["input", *net.layer_names], strict=False):
        weight = np.array(net.layer(name).quant_weight().int().tolist(), dtype=object)
        exponent = net.exponents[f"{name}_weight"] + net.exponents[f"{before}_quant"]
        bias = np.array(
            [round(Fraction(b) / Fraction(2) ** exponent) for b in net.layer(name).bias.tolist()],
            dtype=object,
        )
        total = current @ weight.T + bias
        if not net.formats[f"{name}_quant"].signed:
            total = np.maximum(total, 0)
        form, own = net.formats[f"{name}_quant"], net.exponents[f"{name}_quant"]
        current = np.vectorize(
            lambda v, e=exponent, f=form, o=own: quantize(Fraction(v) * Fraction(2) ** e, f, o),
            otypes=[object],
        )(total)
        np.testing.assert_array_equal(found[f"{name}_quant"], current.astype(np.int64))


def test_tracing_leaves_the_network_as_it_was() -> None:
    net = random_net(4, NETWORK, Quantization(), seed=1).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    trace_integers(net, events(4, 5))
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())
    for name, value in net.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])


def test_a_value_off_its_grid_is_named() -> None:
    net = random_net(4, NETWORK, Quantization(), seed=1)
    net.exponents["encoder_1_quant"] += 3  # the trace now expects a coarser grid
    with pytest.raises(CheckFailedError, match="'encoder_1_quant' event"):
        trace_integers(net, events(4, 50))
