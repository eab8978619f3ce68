"""A Program as the QONNX file that its export would have written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from aetrig.data.dataset import Feature
from aetrig.program.graph import INPUT_METADATA
from aetrig.program.model import (
    Add,
    Affine,
    Format,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Rounding,
    Table,
)
from aetrig.program.ranges import bits_for, ranges

OPSET, IR_VERSION = 13, 10
DOMAIN = "qonnx.custom_op.general"
INPUT, OUTPUT = "x", "y"


def to_qonnx(program: Program, features: Sequence[Feature]) -> onnx.ModelProto:
    """Return the contract: hardware integers ``x`` (events, features) to ``y``.

    Nodes have the names of the operations, constants hold values that are quantized already, and
    the bias has as many bits as it needs.
    """
    graph = _Graph(program)
    for op in program.operations:
        graph.add(op)
    graph.nodes[-1].output[0] = OUTPUT
    made = helper.make_graph(
        graph.nodes,
        "aetrig",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, program.features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, program.outputs])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)
    grid = {
        "formats": [[feature.grid.bits, feature.grid.signed] for feature in features],
        "features": [feature.name for feature in features],
        "steps": [feature.grid.step for feature in features],
        "units": [feature.grid.unit for feature in features],
    }
    helper.set_model_props(model, {INPUT_METADATA: json.dumps(grid)})
    return model


class _Graph:
    """Nodes and constants as they are added, in the order of the operations."""

    def __init__(self, program: Program) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.exponents = {name: found.exponent for name, found in ranges(program).items()}
        self.tensors: dict[str, str] = {}
        self.tensor = INPUT
        self.exponent = 0

    def add(self, op: Operation) -> None:
        """Append an operation's nodes."""
        match op:
            case Rescale():
                self._behind("Sub", "input_scale_sub", "input_scale_sub_value", op.offset)
                self._behind("Mul", op.name, "input_scale_value", np.ldexp(1.0, -op.shift))
            case Affine():
                self._affine(op)
            case Relu():
                self.tensor = self._node("Relu", op.name, [self.tensor])
            case Add():
                self.tensor = self._node("Add", op.name, [self.tensor, self.tensors[op.source]])
            case Table():
                self._table(op)
            case Quantize():
                self.tensor = self._quant(op.name, self.tensor, op.format, op.rounding)
                self.tensors[op.name] = self.tensor
        self.exponent = self.exponents[op.name]

    def _affine(self, op: Affine) -> None:
        exponent = self.exponents[op.name]
        weight = np.ldexp(op.weight.astype(np.float64), op.weight_format.exponent)
        bias = np.ldexp(op.bias.astype(np.float64), exponent)
        # one signed bit is -1 and 1 to QONNX's programs
        bits = max(2, bits_for(min(-1, int(op.bias.min())), int(op.bias.max())))
        tensors = [
            self._quant(f"{name}_quant", self._constant(name, values), form, "ROUND")
            for name, values, form in (
                (f"{op.name}_weight", weight, op.weight_format),
                (f"{op.name}_bias", bias, Format(bits, True, exponent)),
            )
        ]
        self.tensor = self._node("MatMul", op.name, [self.tensor, tensors[0]])
        self.tensor = self._node("Add", f"{op.name}_add", [self.tensor, tensors[1]])

    def _table(self, op: Table) -> None:
        """Index = x * 2**-exponent - low, then the entry."""
        step, low, index = (f"{op.name}_{part}" for part in ("step", "low", "index"))
        self._behind("Mul", step, f"{step}_value", 2.0**-self.exponent)
        self._behind("Sub", low, f"{low}_value", op.low)
        self.tensor = self._node("Cast", index, [self.tensor], to=TensorProto.INT64)
        values = np.ldexp(op.values.astype(np.float64), op.exponent)
        entries = self._constant(f"{op.name}_values", values)
        self.tensor = self._node("Gather", op.name, [entries, self.tensor], axis=0)

    def _quant(self, name: str, data: str, form: Format, rounding: Rounding) -> str:
        parameters = [
            self._constant(f"{name}_scale", 2.0**form.exponent),
            self._constant(f"{name}_zero_point", 0.0),
            self._constant(f"{name}_bit_width", form.bits),
        ]
        attributes = {
            "narrow": int(form.narrow),
            "signed": int(form.signed),
            "rounding_mode": rounding,
        }
        return self._node("Quant", name, [data, *parameters], domain=DOMAIN, **attributes)

    def _behind(self, kind: str, name: str, constant: str, values: object) -> None:
        self.tensor = self._node(kind, name, [self.tensor, self._constant(constant, values)])

    def _constant(self, name: str, values: object) -> str:
        array = np.asarray(values, dtype=np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def _node(self, kind: str, name: str, inputs: list[str], **attributes: Any) -> str:
        output = f"{name}_out0"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output
