"""What others write is read as what it computes: every form against QONNX's own executor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from onnx import TensorProto, helper

from aetrig.bring.execute import reference
from aetrig.bring.names import layer_names, renamed
from aetrig.bring.scaling import Scaled, composed
from aetrig.bring.source import load_source
from aetrig.bring.walk import walk
from aetrig.bring.write import to_qonnx
from aetrig.data.dataset import Feature, Grid
from aetrig.errors import UserError
from aetrig.program import Affine, Format, Program, Table, read, trace
from aetrig.program.compare import first_difference
from aetrig.program.model import Quantize
from bring.foreign import Drawing, plain, save
from program.qonnx_files import to_model
from program.strategies import programs, vectors

BITS = 10
FORMAT = Format(BITS, True, 0)


def brought(model: onnx.ModelProto, folder: Path, features: int = 6) -> Program:
    """Return the Program of a drawn network, written and read again, equal to QONNX's executor."""
    source = load_source(save(model, folder / "net.onnx"))
    found = walk(source.graph, features)
    outer = Scaled(np.arange(features), np.full(features, 5), "here")
    rescale = composed(outer, found.offset, found.factor, "net.onnx")
    widths = [len(op.bias) for op in found.operations if isinstance(op, Affine)]
    encoder, decoder = layer_names(features, widths)
    operations, final = renamed(found.operations, (*encoder, *decoder))
    grid = tuple(Feature(f"f{i}", Grid(1.0, BITS, True, "1")) for i in range(features))
    written = to_qonnx(Program((FORMAT,) * features, (rescale, *operations), ""), grid)
    program = read(save(written, folder / "made.onnx"))
    tensors = {final[name]: tensor for name, tensor in found.tensors.items()}
    x = vectors(program, 600)
    expected = reference(source.model, program, tensors, outer.offset, outer.shift).trace(x)
    assert first_difference(expected, trace(program, x)) is None
    assert program.operations[-1].name in expected
    return program


def relu_behind(d: Drawing, data: str) -> str:
    return d.node("Relu", "r", [d.quant("q", d.dense("extra", data, 6, 6), rounding="FLOOR")])


def swapped(d: Drawing, data: str) -> str:
    bias = d.quant("b.q", d.constant("b", d.rng.normal(size=6)), 9, 2.0**-6)
    return d.quant("q", d.node("Add", "plus", [bias, d.dense("extra", data, 6, 6)]))


def gemm(d: Drawing, data: str) -> str:
    bias = d.quant("b.q", d.constant("b", d.rng.normal(size=6)), 9, 2.0**-5)
    inputs = [data, d.weight("w", 6, 6), bias]
    return d.quant(
        "q", d.node("Gemm", "g", inputs, transB=1, alpha=1.0, beta=1.0), rounding="FLOOR"
    )


def transposed(d: Drawing, data: str) -> str:
    turned = d.node("Transpose", "turn", [d.weight("w", 6, 6)], perm=[1, 0])
    return d.quant("q", d.node("MatMul", "m", [data, turned]))


def looked_up(kind: str, **more: float) -> Callable[[Drawing, str], str]:
    def change(d: Drawing, data: str) -> str:
        before = d.quant("before", d.dense("extra", data, 6, 6), 6, 2.0**-3)
        return d.quant("after", d.node(kind, "act", [before], **more), 7, 2.0**-5)

    return change


def residual(d: Drawing, data: str) -> str:
    shortcut = d.quant("same", data, 9)
    branch = d.quant("branch", d.dense("extra", data, 6, 6), 7, 2.0**-3)
    total = d.node("Relu", "r", [d.node("Add", "sum", [shortcut, branch])])
    return d.quant("q", total, 7, 2.0**-3, signed=0)


def bipolar(d: Drawing, data: str) -> str:
    scale = d.constant("w.scale", 0.5)
    weight = d.node(
        "BipolarQuant",
        "w.q",
        [d.constant("w", d.rng.normal(size=(6, 6))), scale],
        domain="qonnx.custom_op.general",
    )
    return d.quant("q", d.node("MatMul", "m", [data, weight]))


def computed_scale(d: Drawing, data: str) -> str:
    d.nodes.append(
        helper.make_node(
            "Constant", [], ["two"], value=helper.make_tensor("v", TensorProto.FLOAT, [], [2.0])
        )
    )
    scale = d.node("Pow", "power", ["two", d.constant("e", -3.0)])
    rest = [d.constant(f"q.{i}", value) for i, value in enumerate((0.0, 7.0))]
    attributes = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
    return d.node(
        "Quant",
        "q",
        [d.dense("extra", data, 6, 6), scale, *rest],
        domain="onnx.brevitas",
        **attributes,
    )


FORMS: dict[str, Callable[[Drawing, str], str]] = {
    "relu behind the quantizer": relu_behind,
    "bias first": swapped,
    "gemm": gemm,
    "transposed weight": transposed,
    "tanh": looked_up("Tanh"),
    "leaky": looked_up("LeakyRelu", alpha=0.125),
    "residual": residual,
    "weights of -1 and 1": bipolar,
    "computed scale, old domain": computed_scale,
    "quantized twice": lambda d, data: d.quant("again", data, 9),
    "no work": lambda d, data: d.node("Flatten", "f", [d.node("Identity", "i", [data])]),
    "reshaped": lambda d, data: d.node("Reshape", "f", [data, d.constant("to", [-1, 6])]),
    "one scale a channel, all equal": lambda d, data: d.quant("q", d.dense("extra", data, 6, 6, [[0.25] * 6])),
    "IntQuant": lambda d, data: d.quant("q", d.dense("extra", data, 6, 6), rounding="half_even", kind="IntQuant"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_others_write(form: str, tmp_path: Path) -> None:
    model = plain(FORMS[form])
    for tensor in model.graph.initializer:
        if tensor.name == "to":  # the one constant of integers
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.array([-1, 6]), "to"))
    program = brought(model, tmp_path)
    tabulated = any(isinstance(op, Table) for op in program.operations)
    assert tabulated == (form in ("tanh", "leaky"))


def test_arithmetic_before_the_first_quantizer_joins_the_scaling(tmp_path: Path) -> None:
    drawing = Drawing()
    data = drawing.node("Div", "d", ["in", drawing.constant("two", [2.0] * 6)])
    data = drawing.node("Add", "a", [drawing.constant("offset", -0.25), data])
    data = drawing.node("Mul", "m", [data, drawing.constant("four", [1, 2, 4, 1, 2, 4])])
    data = drawing.quant("middle", drawing.dense("inner", drawing.quant("first", data), 6, 3))
    model = drawing.model(drawing.quant("last", drawing.dense("outer", data, 3, 6)))
    rescale = brought(model, tmp_path).operations[0]
    # ((x - i) / 32) / 2 - 0.25, times 1, 2 or 4: the offset is 16 hardware units larger
    assert rescale.offset.tolist() == [16 + i for i in range(6)]
    assert rescale.shift.tolist() == [6, 5, 4, 6, 5, 4]


def test_an_offset_between_two_hardware_units_is_refused() -> None:
    outer = Scaled(np.zeros(2, np.int64), np.zeros(2, np.int64), "")
    with pytest.raises(UserError, match=r"net: the offset .* is 0\.5 hardware units for feature 1"):
        composed(outer, np.array([1.0, 0.5]), np.ones(1), "net")


def test_accumulators_beyond_float32_are_compared_in_float64(tmp_path: Path) -> None:
    drawing = Drawing()
    data = drawing.quant("first", "in", 16, 2.0**-14)
    weight = drawing.quant(
        "w.q", drawing.constant("w", drawing.rng.normal(size=(6, 6))), 16, 2.0**-14
    )
    bias = drawing.quant("b.q", drawing.constant("b", drawing.rng.normal(size=6)), 32, 2.0**-28)
    data = drawing.node("Gemm", "g", [data, weight, bias])
    program = brought(drawing.model(drawing.quant("last", data, 24, 2.0**-20)), tmp_path)
    assert isinstance(program.operations[-1], Quantize)


@settings(max_examples=30, deadline=None)
@given(program=programs(bits=(2, 8)))
def test_any_program_is_read_back_from_a_file_without_our_names(
    program: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if any(isinstance(op, Table) for op in program.operations):
        return  # our own layout of tables is for our own files
    biases = [op.bias for op in program.operations if isinstance(op, Affine)]
    if any(bias.min() >= -1 and bias.max() <= 0 for bias in biases):
        return  # written with one signed bit, which others read as -1 and 1
    model = to_model(program)
    del model.metadata_props[:]
    for node in model.graph.node:
        node.name = ""
    path = save(model, tmp_path_factory.mktemp("any") / "net.onnx")
    found = walk(load_source(path).graph, program.features)
    zero = np.zeros(program.features, np.int64)
    rescale = composed(Scaled(zero, zero, ""), found.offset, found.factor, "net")
    again = Program(program.input_formats, (rescale, *found.operations), "")
    x = vectors(program, 200)
    for mine, theirs in zip(trace(again, x).values(), trace(program, x).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("features", "widths", "expected"),
    [
        (6, [9, 2, 11, 6], (2, 2)),
        (6, [4, 2, 2, 6], (2, 2)),
        (6, [6, 6], (2, 0)),
        (6, [4, 3], (2, 0)),
        (6, [2], (1, 0)),
    ],
)
def test_encoder_ends_at_the_narrowest_layer(
    features: int, widths: list[int], expected: tuple[int, int]
) -> None:
    encoder, decoder = layer_names(features, widths)
    assert (len(encoder), len(decoder)) == expected
