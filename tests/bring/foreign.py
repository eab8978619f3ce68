"""Networks as others write them: a Brevitas module with its own names, and ONNX made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from aetrig.config.load import load
from aetrig.config.model import RunConfig
from conftest import FEATURES, write_events

DOMAIN = "qonnx.custom_op.general"

MODULE = """
import brevitas.nn as qnn
import torch
from brevitas.inject.enum import FloatToIntImplType
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint, Int8WeightPerTensorFixedPoint, Uint8ActPerTensorFixedPoint,
)
from brevitas.quant.scaled_int import Int32Bias
from torch import nn

SIGNED = {"act_quant": Int8ActPerTensorFixedPoint, "return_quant_tensor": True}
POSITIVE = {"act_quant": Uint8ActPerTensorFixedPoint, "return_quant_tensor": True}
FLOOR = {"float_to_int_impl_type": FloatToIntImplType.FLOOR}


def linear(inputs, outputs, bits, bias=True):
    quantized = {"bias_quant": Int32Bias} if bias else {}
    return qnn.QuantLinear(
        inputs, outputs, bias=bias, weight_quant=Int8WeightPerTensorFixedPoint,
        weight_bit_width=bits, return_quant_tensor=True, **quantized,
    )


class Squeezer(nn.Module):
    def __init__(self):
        super().__init__()
        self.entrance = qnn.QuantIdentity(bit_width=8, **SIGNED)
        self.wide = linear(6, 9, 6)
        self.wide_act = qnn.QuantReLU(bit_width=7, **POSITIVE, **FLOOR)
        self.neck = linear(9, 2, 5, bias=False)
        self.neck_act = qnn.QuantIdentity(bit_width=6, **SIGNED)
        self.back = linear(2, 11, 4)
        self.back_act = qnn.QuantReLU(bit_width=5, **POSITIVE)
        self.out = linear(11, 6, 8)
        self.exit = qnn.QuantIdentity(
            bit_width=9, act_quant=Int8ActPerTensorFixedPoint, **FLOOR
        )

    def forward(self, x):
        x = self.wide_act(self.wide(self.entrance(x)))
        return self.exit(self.out(self.back_act(self.back(self.neck_act(self.neck(x))))))


def make():
    torch.manual_seed(3)
    net = Squeezer()
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(10):
        x = 2 * torch.randn(64, 6)
        loss = ((net(x) - x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def not_a_module():
    return 3


def fails():
    raise RuntimeError("no weights\\nhere")
"""


def config_file(folder: Path) -> Path:
    """Write events and a config of data, scaling and trigger; nothing in it is of the network."""
    write_events(folder / "events.csv")
    content = {
        "name": "mine",
        "data": {
            "source": "table",
            "files": ["events.csv"],
            "columns": [{"name": f"f{i}", "step": 1.0, "bits": 10} for i in range(FEATURES)],
            "label": "label",
            "background": ["qcd"],
        },
        "verify": {"adversarial_events": 300, "background_rate": 0.05},
    }
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def settings(folder: Path) -> RunConfig:
    return load(config_file(folder))


class Drawing:
    """An ONNX graph while it is drawn: each method adds nodes and returns their output."""

    def __init__(self, features: int = FEATURES) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.features, self.rng = features, np.random.default_rng(6)

    def constant(self, name: str, values: object) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def node(self, kind: str, name: str, inputs: list[str], **more: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}:0"], name=name, **more))
        return f"{name}:0"

    def quant(
        self, name: str, data: str, bits: int = 8, scale: object = 2.0**-4, *, signed: int = 1,
        zero: float = 0.0, rounding: str = "ROUND", kind: str = "Quant",
    ) -> str:  # fmt: skip
        parameters = [
            self.constant(f"{name}.{part}", value)
            for part, value in (("scale", scale), ("zero", zero), ("bits", bits))
        ]
        attributes = {"signed": signed, "narrow": 0, "rounding_mode": rounding}
        return self.node(kind, name, [data, *parameters], domain=DOMAIN, **attributes)

    def weight(self, name: str, rows: int, columns: int, scale: object = 2.0**-3) -> str:
        values = self.rng.normal(size=(rows, columns))
        return self.quant(f"{name}.q", self.constant(name, values), 6, scale)

    def dense(self, name: str, data: str, rows: int, columns: int, scale: object = 2.0**-3) -> str:
        return self.node("MatMul", name, [data, self.weight(f"{name}.w", rows, columns, scale)])

    def model(self, output: str, *, shape: list[Any] | None = None) -> onnx.ModelProto:
        form = [1, self.features] if shape is None else shape
        graph = helper.make_graph(
            self.nodes,
            "drawn",
            [helper.make_tensor_value_info("in", TensorProto.FLOAT, form)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def plain(change: Callable[[Drawing, str], str] = lambda _, data: data) -> onnx.ModelProto:
    """Two layers, 6-3-6, with ``change`` applied to what comes out of the first quantizer."""
    drawing = Drawing()
    data = change(drawing, drawing.quant("first", "in"))
    data = drawing.quant("middle", drawing.dense("inner", data, 6, 3))
    return drawing.model(drawing.quant("last", drawing.dense("outer", data, 3, 6)))


def save(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path
