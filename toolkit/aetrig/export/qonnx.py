"""A trained Brevitas network to the QONNX file that is the contract for everything after it."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.gemm_to_matmul import GemmToMatMul
from qonnx.util.cleanup import cleanup_model

from aetrig.data.dataset import Feature
from aetrig.errors import AetrigError
from aetrig.files import workspace
from aetrig.nets import QuantAutoencoder, TensorFormat
from aetrig.program.graph import INPUT_METADATA
from aetrig.program.ranges import bits_for
from aetrig.program.read import TABLE

HIDDEN = "hidden:"  # before the names of constants for a while
OPSET = 13  # Brevitas' exporter to QONNX; torch's newer exporter needs 18 and refuses its graphs
IR_VERSION = 10  # what the oldest supported onnxruntime reads; onnx itself would write a newer one
INPUT, OUTPUT = "x", "y"
Formats = Mapping[str, TensorFormat]


def to_qonnx(
    net: QuantAutoencoder, layers: Sequence[str], features: Sequence[Feature]
) -> onnx.ModelProto:
    """Return the network as QONNX: hardware integers ``x`` (events, features) to ``y``.

    ``layers``: names of the deployed affine layers in order. Nodes are named after them:
    `encoder_0` (MatMul), `encoder_0_add`, `encoder_0_relu`, `encoder_0_quant`; the tensor behind
    node N is `N_out0`. Constants hold values that are quantized already, so that every reader
    sees the same integers, and the bias has as many bits as it needs.
    """
    model = _cleaned(net, len(features))
    single = _single_bits(model.graph)
    names = _node_names(model.graph, layers)
    _rename(model.graph, names)
    _settle_single_bits(single, net.formats)
    _settle_constants(model.graph)
    model.ir_version = IR_VERSION
    del model.metadata_props[:]
    formats = [[feature.grid.bits, feature.grid.signed] for feature in features]
    grid = {
        "formats": formats,
        "features": [feature.name for feature in features],
        "steps": [feature.grid.step for feature in features],
        "units": [feature.grid.unit for feature in features],
    }
    helper.set_model_props(model, {INPUT_METADATA: json.dumps(grid)})
    return model


def _cleaned(net: QuantAutoencoder, width: int) -> onnx.ModelProto:
    """Export the deployed chain, turn Gemm into MatMul and Add, fold constants."""
    with workspace() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates the exporter that Brevitas needs
        path = folder / "raw.onnx"
        with contextlib.redirect_stdout(io.StringIO()):
            export_qonnx(
                net.deployed(),
                torch.zeros(1, width),
                str(path),
                opset_version=OPSET,
                dynamo=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
            )
            raw = onnx.load(path)
            _hide_constants(raw.graph)
            split = ModelWrapper(raw).transform(GemmToMatMul())
            _show_constants(split.graph)
            return cleanup_model(split).model


def _hide_constants(graph: onnx.GraphProto) -> None:
    """Put a Cast behind the constants of Sub and Mul.

    GemmToMatMul removes what subtracts zeros or multiplies by ones, and our names count nodes.
    """
    constants = {tensor.name for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type in {"Sub", "Mul"}]:
        for index, name in enumerate(node.input):
            if name in constants:
                hidden = f"{HIDDEN}{name}"
                cast = helper.make_node("Cast", [name], [hidden], to=onnx.TensorProto.FLOAT)
                graph.node.insert(0, cast)
                node.input[index] = hidden


def _show_constants(graph: onnx.GraphProto) -> None:
    """Take away what `_hide_constants` put there."""
    for node in [node for node in graph.node if node.output[0].startswith(HIDDEN)]:
        for taker in graph.node:
            for index, name in enumerate(taker.input):
                if name == node.output[0]:
                    taker.input[index] = node.input[0]
        graph.node.remove(node)


def _single_bits(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Turn BipolarQuant into Quant of one bit, and return these nodes.

    Brevitas writes every quantizer of one bit as BipolarQuant, whose values are -1 and 1; what it
    trained with is two's complement, -1 and 0, or unsigned, 0 and 1.
    """
    found = [node for node in graph.node if node.op_type == "BipolarQuant"]
    for number, node in enumerate(found):
        node.op_type = "Quant"
        for suffix, value in (("zero_point", 0.0), ("bit_width", 1.0)):
            name = f"single_bit_{number}_{suffix}"
            graph.initializer.append(numpy_helper.from_array(np.float32(value).reshape(()), name))
            node.input.append(name)
    return found


def _settle_single_bits(nodes: Sequence[onnx.NodeProto], formats: Formats) -> None:
    """Give the quantizers of one bit the sign and rounding that they were trained with."""
    for node in nodes:
        form = formats[node.name.removesuffix("_quant") if "_weight" in node.name else node.name]
        node.attribute.extend(
            [
                helper.make_attribute("signed", int(form.signed)),
                helper.make_attribute("narrow", int(form.narrow)),
                helper.make_attribute("rounding_mode", form.rounding),
            ]
        )


def _node_names(graph: onnx.GraphProto, layers: Sequence[str]) -> list[str]:
    """Return a name for each node of the data path, in order, parameters' quantizers apart."""
    kinds = [node.op_type for node in _data_path(graph)]
    names, expected = ["input_scale_sub", "input_scale", "input_quant"], ["Sub", "Mul", "Quant"]
    remaining = kinds[3:]
    for layer in layers:
        steps = [("MatMul", layer), ("Add", f"{layer}_add")]
        if remaining[2:3] == ["Relu"]:
            steps.append(("Relu", f"{layer}_relu"))
        if remaining[3:4] == ["Mul"]:
            steps += [("Quant", f"{layer}_pre_quant"), *zip(TABLE, _table(layer), strict=True)]
        if remaining[len(steps) + 1 : len(steps) + 2] == ["Add"]:
            steps += [("Quant", f"{layer}_branch_quant"), ("Add", f"{layer}_residual")]
        steps.append(("Quant", f"{layer}_quant"))
        expected += [kind for kind, _ in steps]
        names += [name for _, name in steps]
        remaining = remaining[len(steps) :]
    if kinds != expected:
        raise AetrigError(f"the exporter wrote {kinds}, expected {expected}; see aetrig doctor")
    return names


def _table(layer: str) -> list[str]:
    """Return the names of the nodes that look a layer's activation up."""
    return [f"{layer}_table_{part}" for part in ("step", "low", "index")] + [f"{layer}_table"]


def _data_path(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    made_from_data = {graph.input[0].name}
    path = []
    for node in graph.node:
        if made_from_data.intersection(node.input):
            path.append(node)
            made_from_data.update(node.output)
    return path


def _rename(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """Give nodes and tensors the names that every later stage and report uses."""
    makers = {output: node for node in graph.node for output in node.output}
    tensors = {graph.input[0].name: INPUT}
    for node, name in zip(_data_path(graph), names, strict=True):
        for index, parameter in enumerate(node.input):
            quantized = parameter in makers and makers[parameter].op_type == "Quant"
            if quantized and index == 1 and not name.endswith("_residual"):
                kind = "weight" if node.op_type == "MatMul" else "bias"
                layer = name.removesuffix("_add")
                _name_quant(makers[parameter], f"{layer}_{kind}", tensors)
        if node.op_type == "Quant":
            tensors.update(_quant_tensors(node, name))
        elif node.op_type in {"Sub", "Mul"}:
            tensors[node.input[1]] = f"{name}_value"
        elif node.op_type == "Gather":
            tensors[node.input[0]] = f"{name}_values"
        node.name = name
        tensors[node.output[0]] = f"{name}_out0"
    tensors[graph.output[0].name] = OUTPUT
    _apply_names(graph, tensors)


def _name_quant(node: onnx.NodeProto, parameter: str, tensors: dict[str, str]) -> None:
    """Name the quantizer of a weight or bias: `encoder_0_weight_quant`."""
    node.name = f"{parameter}_quant"
    tensors[node.input[0]] = parameter
    tensors[node.output[0]] = f"{node.name}_out0"
    tensors.update(_quant_tensors(node, node.name))


def _quant_tensors(node: onnx.NodeProto, name: str) -> dict[str, str]:
    suffixes = ("scale", "zero_point", "bit_width")
    return {
        tensor: f"{name}_{suffix}" for tensor, suffix in zip(node.input[1:], suffixes, strict=True)
    }


def _apply_names(graph: onnx.GraphProto, tensors: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [tensors.get(name, name) for name in node.input]
        node.output[:] = [tensors.get(name, name) for name in node.output]
    for values in (graph.input, graph.output, graph.value_info, graph.initializer):
        for value in values:
            value.name = tensors.get(value.name, value.name)
    for annotation in graph.quantization_annotation:
        annotation.tensor_name = tensors.get(annotation.tensor_name, annotation.tensor_name)


def _settle_constants(graph: onnx.GraphProto) -> None:
    """Replace weights and biases by their quantized values; give each bias its least width."""
    constants = {item.name: item for item in graph.initializer}
    for node in graph.node:
        if node.op_type != "Quant" or node.input[0] not in constants:
            continue
        value, scale, _, bit_width = (constants[name] for name in node.input)
        step = numpy_helper.to_array(scale).astype(np.float64)
        bits = int(numpy_helper.to_array(bit_width))
        narrow = next(item.i for item in node.attribute if item.name == "narrow")
        low, high = -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
        integers = np.rint(numpy_helper.to_array(value).astype(np.float64) / step).clip(low, high)
        _replace(value, integers * step)
        if node.name.endswith("_bias_quant"):
            # the bias is signed, also where no element is negative
            # and has two bits at least: programs that read QONNX take a signed bit for -1 and 1
            least = max(2, bits_for(min(-1, int(integers.min())), int(integers.max())))
            _replace(bit_width, np.array(least))


def _replace(tensor: onnx.TensorProto, values: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
