"""A Program as a plain ONNX model for onnxruntime, exact at every graph optimization level.

Input `x`: float32 (events, features), integers in hardware units. Output `y`: float32 (events,
outputs), the values that the output's integers stand for. The tensor behind each quantizer has
its name and holds its integers. With a trigger, `score` is int64 (events, 1), the integer itself,
and `accept` is bool (events, points).
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from aetrig.export.kernels import UINT8_ZERO, Kernel, biased_floor, choose_kernel, weight_bytes
from aetrig.export.layers import Layer, Residual, layers
from aetrig.export.plain_graph import PlainGraph
from aetrig.export.plain_trigger import add_trigger, trigger_metadata
from aetrig.program.graph import INPUT_METADATA
from aetrig.program.model import ACCEPT, SCORE, Affine, Format, Integers, Program, Rescale, Table
from aetrig.program.read_trigger import TRIGGER_METADATA

OPSET = 17
IR_VERSION = 8
KERNEL_METADATA, DIGEST_METADATA = "aetrig.kernel", "aetrig.program"
ZERO_POINTS_METADATA = "aetrig.zero_points"  # to take off a quantizer's tensor; none: 0
SIGNED_ZERO = 128


def to_plain(program: Program, kernel: Kernel | None = None) -> onnx.ModelProto:
    """Lower a Program with the fastest exact kernel, or with a given one.

    Raises UserError where no kernel of onnxruntime is exact.
    """
    graph = PlainGraph(kernel or choose_kernel(program))
    quantized = _input(graph, program)
    lower = _int8_layer if graph.kernel == "int8" else _float_layer
    for layer in layers(program):
        quantized = lower(graph, quantized, layer)
    _output(graph, quantized, program.output_format)
    outputs = [("y", TensorProto.FLOAT, program.outputs)]
    properties = {DIGEST_METADATA: program.digest, KERNEL_METADATA: graph.kernel}
    if program.trigger is not None:
        add_trigger(graph, program, quantized)
        outputs += [(SCORE, TensorProto.INT64, 1)]
        outputs += [(ACCEPT, TensorProto.BOOL, len(program.trigger.points))]
        properties[TRIGGER_METADATA] = trigger_metadata(program)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "aetrig",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["events", program.features])],
            [
                helper.make_tensor_value_info(name, kind, ["events", width])
                for name, kind, width in outputs
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="aetrig",
    )
    grid = [[form.bits, form.signed] for form in program.input_formats]
    properties |= {
        INPUT_METADATA: json.dumps({"formats": grid}),
        ZERO_POINTS_METADATA: json.dumps(graph.zero_points),
    }
    helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    return model


def _input(graph: PlainGraph, program: Program) -> str:
    """Scale, round and saturate the hardware integers: exact, as factors are powers of two."""
    rescale = next(op for op in program.operations if isinstance(op, Rescale))
    quantizer = program.input_quantizer
    tensor = "x"
    if graph.kernel == "float64":
        tensor = graph.node("Cast", [tensor], "x_double", to=TensorProto.DOUBLE)
    offset = graph.constant("input_offset", rescale.offset)
    factor = np.ldexp(1.0, -rescale.shift - quantizer.format.exponent)
    tensor = graph.node("Sub", [tensor, offset], "input_scale_sub")
    tensor = graph.node("Mul", [tensor, graph.constant("input_factor", factor)], rescale.name)
    rounding = "Round" if quantizer.rounding == "ROUND" else "Floor"
    tensor = graph.node(rounding, [tensor], f"{quantizer.name}_rounded")
    form = quantizer.format
    limits = (form.low, form.high)
    if graph.kernel != "int8":
        return graph.clip(tensor, limits, quantizer.name)
    graph.zero_points[quantizer.name] = _zero(form)
    clipped = graph.clip(tensor, limits, f"{quantizer.name}_clipped")
    return _quantize_linear(graph, clipped, form, quantizer.name)


def _float_layer(graph: PlainGraph, tensor: str, layer: Layer) -> str:
    """Integer-valued floating point."""
    affine, quantizer = layer.affine, layer.quantizer
    weight = graph.constant(f"{affine.name}_weight", affine.weight)
    bias = graph.constant(f"{affine.name}_bias", affine.bias)
    factor = graph.constant(f"{affine.name}_factor", 2.0**-layer.shift)
    tensor = graph.node("MatMul", [tensor, weight], f"{affine.name}_product")
    tensor = graph.node("Add", [tensor, bias], affine.name)
    tensor = graph.node("Mul", [tensor, factor], f"{affine.name}_scaled")
    rounding = "Round" if quantizer.rounding == "ROUND" else "Floor"
    tensor = graph.node(rounding, [tensor], f"{quantizer.name}_rounded")
    tensor = graph.clip(tensor, (layer.low, layer.high), quantizer.name)
    if layer.table is not None:
        table, behind = layer.table
        index = _index(graph, tensor, table, layer.quantizer.format, 0)
        entries = graph.constant(f"{table.name}_values", table.values)
        tensor = graph.node("Gather", [entries, index], behind.name)
    return tensor if layer.residual is None else _sum(graph, tensor, layer.residual)


def _sum(graph: PlainGraph, tensor: str, residual: Residual) -> str:
    """Add an earlier result, in units of the sum's quantizer: exact, as factors are powers of 2."""
    name, quantizer = residual.add.name, residual.quantizer
    summands = []
    for i, (part, left) in enumerate(
        zip((tensor, residual.add.source), residual.left, strict=True)
    ):
        factor = graph.constant(f"{name}_factor_{i}", 2.0 ** (left - residual.shift))
        summands.append(graph.node("Mul", [part, factor], f"{name}_summand_{i}"))
    total = graph.node("Add", summands, name)
    rounding = "Round" if quantizer.rounding == "ROUND" else "Floor"
    rounded = graph.node(rounding, [total], f"{quantizer.name}_rounded")
    return graph.clip(rounded, (quantizer.format.low, quantizer.format.high), quantizer.name)


def _index(graph: PlainGraph, tensor: str, table: Table, form: Format, zero: int) -> str:
    """Return the entries' places in the table: integers less the lowest."""
    if graph.kernel == "int8":
        wide = graph.node("Cast", [tensor], f"{table.name}_wide", to=TensorProto.INT32)
        low = graph.constant(f"{table.name}_low", form.low + zero, np.int32)
        return graph.node("Sub", [wide, low], f"{table.name}_index")
    low = graph.constant(f"{table.name}_low", form.low)
    place = graph.node("Sub", [tensor, low], f"{table.name}_place")
    return graph.node("Cast", [place], f"{table.name}_index", to=TensorProto.INT32)


def _int8_layer(graph: PlainGraph, tensor: str, layer: Layer) -> str:
    """DequantizeLinear, Gemm, QuantizeLinear: onnxruntime fuses them to one integer QGemm.

    Activations have scale 1; weights and bias carry the scale 2**-shift of the accumulator in
    units of the result, so that the bias has the scale that the fused kernel assumes. Signed
    activations are unsigned bytes with zero point 128: onnxruntime fuses only layers whose input
    and output have one type.
    """
    affine, name, scale = layer.affine, layer.affine.name, 2.0**-layer.shift
    if layer.rounds_down:
        affine, scale = biased_floor(affine, layer.shift), scale / 2
    step = graph.constant(f"{name}_scale", scale)
    inputs = [
        _dequantize_linear(graph, tensor, layer.before, f"{name}_input"),
        _weight(graph, affine, step),
        _parameter(graph, f"{name}_bias", affine.bias, step, np.int32),
    ]
    result = graph.node("Gemm", inputs, name)
    form = layer.quantizer.format
    name, zero = layer.quantizer.name, _zero(form)
    graph.zero_points[name] = zero
    limits = (layer.low + zero, layer.high + zero)
    if limits == (0, 255):
        tensor = _quantize_linear(graph, result, form, name)
    else:
        wide = _quantize_linear(graph, result, form, f"{name}_wide")
        tensor = graph.clip(wide, limits, name, np.uint8)
    if layer.table is None:
        return tensor
    table, behind = layer.table
    index = _index(graph, tensor, table, form, zero)
    graph.zero_points[behind.name] = _zero(behind.format)
    values = table.values + _zero(behind.format)
    entries = graph.constant(f"{table.name}_values", values, np.uint8)
    return graph.node("Gather", [entries, index], behind.name)


def _zero(form: Format) -> int:
    return SIGNED_ZERO if form.signed else 0


def _quantize_linear(graph: PlainGraph, tensor: str, form: Format, output: str) -> str:
    zero = graph.constant(f"{output}_zero", _zero(form), np.uint8)
    one = graph.constant(f"{output}_one", 1.0)
    return graph.node("QuantizeLinear", [tensor, one, zero], output)


def _dequantize_linear(graph: PlainGraph, tensor: str, form: Format, output: str) -> str:
    zero = graph.constant(f"{output}_zero", _zero(form), np.uint8)
    one = graph.constant(f"{output}_one", 1.0)
    return graph.node("DequantizeLinear", [tensor, one, zero], output)


def _weight(graph: PlainGraph, affine: Affine, step: str) -> str:
    name = f"{affine.name}_weight"
    if weight_bytes(affine.weight) == "int8":
        return _parameter(graph, name, affine.weight, step, np.int8)
    return _parameter(graph, name, affine.weight, step, np.uint8, UINT8_ZERO)


def _parameter(
    graph: PlainGraph,
    name: str,
    values: Integers,
    step: str,
    dtype: npt.DTypeLike,
    zero_point: int = 0,
) -> str:
    zero = graph.constant(f"{name}_zero", zero_point, dtype)
    constant = graph.constant(name, values + zero_point, dtype)
    return graph.node("DequantizeLinear", [constant, step, zero], f"{name}_value")


def _output(graph: PlainGraph, tensor: str, form: Format) -> None:
    if graph.kernel == "int8":
        zero = graph.constant("y_zero", _zero(form), np.uint8)
        step = graph.constant("y_scale", 2.0**form.exponent)
        graph.node("DequantizeLinear", [tensor, step, zero], "y")
        return
    step = graph.constant("y_scale", 2.0**form.exponent)
    if graph.kernel == "float32":
        graph.node("Mul", [tensor, step], "y")
        return
    value = graph.node("Mul", [tensor, step], "y_double")
    graph.node("Cast", [value], "y", to=TensorProto.FLOAT)
