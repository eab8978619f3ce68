"""QONNX files made from Programs, so that tests of reading need no training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from aetrig.export.trigger import to_trigger
from aetrig.program.graph import INPUT_METADATA
from aetrig.program.model import Add, Affine, Format, Program, Quantize, Relu, Rescale, Table
from aetrig.program.ranges import bits_for, ranges


def write_qonnx(program: Program, path: Path) -> Path:
    """Write a Program as the QONNX file that export would have written for it."""
    onnx.save(to_model(program), path)
    return path


def to_model(program: Program) -> onnx.ModelProto:
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: object) -> str:
        array = np.asarray(values, dtype=np.float32)
        constants.append(numpy_helper.from_array(array, name))
        return name

    def quant(name: str, data: str, form: Format, rounding: str) -> str:
        parameters = [
            constant(f"{name}_scale", 2.0**form.exponent),
            constant(f"{name}_zero_point", 0.0),
            constant(f"{name}_bit_width", form.bits),
        ]
        attributes = {
            "narrow": int(form.narrow),
            "signed": int(form.signed),
            "rounding_mode": rounding,
        }
        return node(
            "Quant", name, [data, *parameters], domain="qonnx.custom_op.general", **attributes
        )

    def node(kind: str, name: str, inputs: list[str], **more: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"{name}_out0"], name=name, **more))
        return f"{name}_out0"

    exponents = {name: value.exponent for name, value in ranges(program).items()}
    tensor = "x"
    tensors: dict[str, str] = {}
    for op in program.operations:
        match op:
            case Rescale():
                offset = constant("input_scale_sub_value", op.offset)
                factor = constant("input_scale_value", np.ldexp(1.0, -op.shift))
                tensor = node("Sub", "input_scale_sub", [tensor, offset])
                tensor = node("Mul", op.name, [tensor, factor])
            case Affine():
                step = 2.0**op.weight_format.exponent
                weight = constant(f"{op.name}_weight", op.weight * step)
                exponent = exponents[op.name]
                bits = max(2, bits_for(min(-1, int(op.bias.min())), int(op.bias.max())))
                bias = constant(f"{op.name}_bias", np.ldexp(op.bias.astype(float), exponent))
                weight = quant(f"{op.name}_weight_quant", weight, op.weight_format, "ROUND")
                form = Format(bits, True, exponent)
                bias = quant(f"{op.name}_bias_quant", bias, form, "ROUND")
                tensor = node("MatMul", op.name, [tensor, weight])
                tensor = node("Add", f"{op.name}_add", [tensor, bias])
            case Relu():
                tensor = node("Relu", op.name, [tensor])
            case Add():
                tensor = node("Add", op.name, [tensor, tensors[op.source]])
            case Table():
                before = exponents[f"{op.name.removesuffix('_table')}_pre_quant"]
                step = constant(f"{op.name}_step_value", 2.0**-before)
                low = constant(f"{op.name}_low_value", op.low)
                entries = constant(f"{op.name}_values", op.values * 2.0**op.exponent)
                tensor = node("Mul", f"{op.name}_step", [tensor, step])
                tensor = node("Sub", f"{op.name}_low", [tensor, low])
                tensor = node("Cast", f"{op.name}_index", [tensor], to=TensorProto.INT64)
                tensor = node("Gather", op.name, [entries, tensor], axis=0)
            case Quantize():
                tensor = tensors[op.name] = quant(op.name, tensor, op.format, op.rounding)
    nodes[-1].output[0] = "y"
    graph = helper.make_graph(
        nodes,
        "program",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, program.features])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, program.outputs])],
        constants,
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    formats = [[form.bits, form.signed] for form in program.input_formats]
    helper.set_model_props(model, {INPUT_METADATA: json.dumps({"formats": formats})})
    return model if program.trigger is None else to_trigger(model, program)
