"""The QONNX file: its names, its constants, and the integers that it stands for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from aetrig.config.model import LayerQuantization, Network, Quantization
from aetrig.data.dataset import Feature, Grid
from aetrig.export.qonnx import to_qonnx
from aetrig.nets import QuantAutoencoder, trace_integers
from aetrig.program import Affine, Program, read, trace
from aetrig.program.graph import INPUT_METADATA
from nets.networks import events, random_net

WIDTH = 4
NETWORK = Network(encoder=(5, 2))
LAYERS = NETWORK.layer_names()
GRIDS = (
    Grid(0.5, 11, True, "GeV"),
    Grid(0.01, 12, True, "1"),
    Grid(1.0, 24, True, "1"),
    Grid(2.0, 13, True, "ps"),
)
FEATURES = tuple(Feature(f"f{index}", grid) for index, grid in enumerate(GRIDS))
NODES = [
    "input_scale_sub", "input_scale", "input_quant",
    "encoder_0", "encoder_0_add", "encoder_0_relu", "encoder_0_quant",
    "encoder_1", "encoder_1_add", "encoder_1_quant",
    "decoder_0", "decoder_0_add", "decoder_0_relu", "decoder_0_quant",
    "decoder_1", "decoder_1_add", "decoder_1_quant",
]  # fmt: skip


def made(quant: Quantization, seed: int) -> QuantAutoencoder:
    return random_net(WIDTH, NETWORK, quant, seed).eval()


def exported(net: QuantAutoencoder) -> onnx.ModelProto:
    return to_qonnx(net, LAYERS, FEATURES)


def read_back(model: onnx.ModelProto, folder: Path) -> Program:
    onnx.save(model, folder / "model.qonnx.onnx")
    return read(folder / "model.qonnx.onnx")


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}


def affine(program: Program, layer: str) -> Affine:
    op = next(op for op in program.operations if op.name == layer)
    assert isinstance(op, Affine)
    return op


def assert_equal(net: QuantAutoencoder, program: Program, seed: int = 0) -> None:
    """Compare the integers of every quantizer on events that also saturate the input."""
    x = events(WIDTH, 500, seed)
    reference, found = trace_integers(net, x), trace(program, x)
    assert list(reference) == [name for name in found if name.endswith("_quant")]
    for name, values in reference.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        assert len(np.unique(values)) > 1, f"{name} is constant: nothing is compared"


KINDS = {
    "variational": Network(encoder=(5, 2), variational=True),
    "one layer": Network(encoder=(3,), variational=True),
    "embedding": Network(encoder=(8, 4), embedding=(8, 6)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_deployed_chain_is_exported(kind: str, tmp_path: Path) -> None:
    """No log-variances, no decoder that the score does not use; the mean head alone."""
    network = KINDS[kind]
    net = random_net(WIDTH, network, Quantization(), 7).eval()
    model = to_qonnx(net, network.layer_names(), FEATURES)
    program = read_back(model, tmp_path)
    assert_equal(net, program)
    affine_names = [op.name for op in program.operations if isinstance(op, Affine)]
    assert affine_names == list(network.layer_names())
    stored = constants(model)
    assert {name for name in stored if name.endswith("_weight")} == {
        f"{name}_weight" for name in network.layer_names()
    }
    assert b"log_variance" not in model.SerializeToString()
    assert program.outputs == (network.encoder[-1] if network.embedding else WIDTH)
    assert hasattr(net, "log_variance") == network.variational  # the network keeps its own


@pytest.mark.parametrize("kind", KINDS)
def test_bit_widths_by_layer_of_each_kind(kind: str, tmp_path: Path) -> None:
    network = KINDS[kind]
    last = network.layer_names()[-1]
    layers = {
        "encoder_0": LayerQuantization(weight_bits=4, activation_bits=9),
        last: LayerQuantization(weight_bits=3),
    }
    quant = Quantization(rounding="FLOOR", layers=layers)
    net = random_net(WIDTH, network, quant, 8).eval()
    program = read_back(to_qonnx(net, network.layer_names(), FEATURES), tmp_path)
    assert_equal(net, program, 8)


def test_nodes_and_tensors_have_the_names_that_later_stages_use() -> None:
    model = exported(made(Quantization(), 1))
    parameters = {f"{layer}_{kind}" for layer in LAYERS for kind in ("weight", "bias")}
    names = [node.name for node in model.graph.node]
    assert [name for name in names if name.removesuffix("_quant") not in parameters] == NODES
    assert {name.removesuffix("_quant") for name in names} >= parameters
    for node in model.graph.node:
        assert list(node.output) == (["y"] if node.name == NODES[-1] else [f"{node.name}_out0"])
    by_name = {node.name: node for node in model.graph.node}
    for layer in LAYERS:
        assert by_name[f"{layer}_weight_quant"].input[0] == f"{layer}_weight"
        assert by_name[f"{layer}_bias_quant"].input[0] == f"{layer}_bias"
        assert by_name[layer].input[1] == f"{layer}_weight_quant_out0"
        assert by_name[f"{layer}_add"].input[1] == f"{layer}_bias_quant_out0"
    assert [item.name for item in model.graph.input] == ["x"]
    assert [item.name for item in model.graph.output] == ["y"]
    assert parameters <= constants(model).keys()


def test_file_is_readable_by_old_runtimes_and_states_its_input() -> None:
    model = exported(made(Quantization(), 1))
    assert model.ir_version <= 13
    (entry,) = model.metadata_props
    assert entry.key == INPUT_METADATA
    assert json.loads(entry.value) == {
        "formats": [[11, True], [12, True], [24, True], [13, True]],
        "features": ["f0", "f1", "f2", "f3"],
        "steps": [0.5, 0.01, 1.0, 2.0],
        "units": ["GeV", "1", "1", "ps"],
    }


def test_input_formats_of_the_program_are_the_grids(tmp_path: Path) -> None:
    program = read_back(exported(made(Quantization(), 1)), tmp_path)
    found = [(form.bits, form.signed, form.exponent) for form in program.input_formats]
    assert found == [(grid.bits, grid.signed, 0) for grid in GRIDS]


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
@pytest.mark.parametrize("bits", [2, 8, 12])
def test_program_equals_the_network_bit_for_bit(bits: int, rounding: str, tmp_path: Path) -> None:
    quant = Quantization(
        weight_bits=bits,
        activation_bits=bits,
        input_bits=max(bits, 4),
        output_bits=max(bits, 4),
        rounding=rounding,
        input_rounding=rounding,
    )
    net = made(quant, bits)
    assert_equal(net, read_back(exported(net), tmp_path), bits)


@pytest.mark.parametrize("seed", range(2))
def test_mixed_widths_and_roundings(seed: int, tmp_path: Path) -> None:
    quant = Quantization(
        weight_bits=6,
        layers={
            "encoder_0": LayerQuantization(weight_bits=4, activation_bits=9, rounding="FLOOR"),
            "encoder_1": LayerQuantization(weight_bits=3, activation_bits=5),
            "decoder_0": LayerQuantization(weight_bits=11, activation_bits=7),
            "decoder_1": LayerQuantization(weight_bits=2, rounding="FLOOR"),
        },
    )
    net = made(quant, seed)
    assert_equal(net, read_back(exported(net), tmp_path), seed)


ONE_BIT = [
    {"weight_bits": 1},
    {"activation_bits": 1, "rounding": "FLOOR"},
    {"input_bits": 1, "input_rounding": "FLOOR"},
    {"output_bits": 1},
    {"weight_bits": 1, "activation_bits": 1, "input_bits": 1, "output_bits": 1},
]


@pytest.mark.parametrize("changes", ONE_BIT)
def test_one_bit_anywhere_is_twos_complement_or_unsigned(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    net = made(Quantization(**changes), 2)
    with torch.no_grad():
        # weights of one bit are 0 or -1: the bias keeps some neurons above the ReLU
        net.layer("encoder_0").bias.add_(2.0)
    model = exported(net)
    assert "BipolarQuant" not in {node.op_type for node in model.graph.node}
    program = read_back(model, tmp_path)
    x = events(WIDTH, 500)
    reference, found = trace_integers(net, x), trace(program, x)
    for name, values in reference.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert len(np.unique(reference["encoder_0_quant"])) > 1
    if "weight_bits" in changes:
        assert set(np.unique(affine(program, "encoder_0").weight)) == {-1, 0}


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("shift", [0, 2])
def test_a_scaling_that_changes_nothing_stays_in_the_file(
    offset: int, shift: int, tmp_path: Path
) -> None:
    net = made(Quantization(), 4)
    net.input_scale.offset.fill_(offset)
    net.input_scale.factor.fill_(2.0**-shift)
    model = exported(net)
    assert [node.name for node in model.graph.node if node.name in NODES] == NODES
    assert_equal(net, read_back(model, tmp_path))


@pytest.mark.parametrize("steps", [[202, 130, 255, 128, 7], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
def test_bias_without_a_negative_element_keeps_its_sign_bit(
    steps: list[int], tmp_path: Path
) -> None:
    net = made(Quantization(), 3)
    layer = net.layer("encoder_0")
    unit = 2.0 ** (net.exponents["input_quant"] + net.exponents["encoder_0_weight"])
    with torch.no_grad():
        layer.bias.copy_(torch.tensor(steps, dtype=torch.float32) * unit)
    model = exported(net)
    bits = int(constants(model)["encoder_0_bias_quant_bit_width"])
    # a signed number, and no wider than it must be; one signed bit would be read as -1 and 1
    assert bits == max(2, max(steps).bit_length() + 1)
    program = read_back(model, tmp_path)
    assert affine(program, "encoder_0").bias.tolist() == steps
    assert_equal(net, program)


def test_large_positive_biases_everywhere_are_exact(tmp_path: Path) -> None:
    net = made(Quantization(activation_bits=12, output_bits=12), 4)
    with torch.no_grad():
        for name in LAYERS:
            net.layer(name).bias.abs_().add_(0.5)
    program = read_back(exported(net), tmp_path)
    for name in LAYERS:
        assert (affine(program, name).bias > 0).all()
    assert_equal(net, program)


def test_weights_and_biases_are_stored_quantized() -> None:
    net = made(Quantization(weight_bits=3), 5)
    stored = constants(exported(net))
    for layer in LAYERS:
        form, exponent = net.formats[f"{layer}_weight"], net.exponents[f"{layer}_weight"]
        raw = net.layer(layer).weight.detach().numpy().T
        integers = np.ldexp(stored[f"{layer}_weight"].astype(np.float64), -exponent)
        expected = np.rint(np.ldexp(raw.astype(np.float64), -exponent)).clip(form.low, form.high)
        np.testing.assert_array_equal(integers, expected)
        assert (stored[f"{layer}_weight"] != raw).any()
        bias = stored[f"{layer}_bias"] / stored[f"{layer}_bias_quant_scale"]
        np.testing.assert_array_equal(bias, np.rint(bias))


def test_export_of_stored_weights_changes_nothing_more() -> None:
    net = made(Quantization(weight_bits=3), 6)
    first = exported(net)
    stored = constants(first)
    with torch.no_grad():
        for layer in LAYERS:
            net.layer(layer).weight.copy_(torch.tensor(stored[f"{layer}_weight"].T))
            net.layer(layer).bias.copy_(torch.tensor(stored[f"{layer}_bias"]))
    assert exported(net).SerializeToString() == first.SerializeToString()
