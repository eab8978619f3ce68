"""What cannot be brought is refused in one line that names the layer or the tensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from aetrig.bring.source import load_source
from aetrig.bring.walk import walk
from aetrig.errors import UserError
from bring.foreign import Drawing, plain, save

Change = Callable[[Drawing, str], str]


def brought(model: onnx.ModelProto, folder: Path) -> None:
    walk(load_source(save(model, folder / "net.onnx")).graph, 6)


def refused(model: onnx.ModelProto, folder: Path, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        brought(model, folder)
    assert "\n" not in str(caught.value)
    assert str(folder / "net.onnx") in str(caught.value)


def operator(kind: str, **attributes: object) -> Change:
    return lambda d, data: d.node(kind, f"my_{kind}", [data], **attributes)


def recurrent(kind: str) -> Change:
    return lambda d, data: d.node(kind, f"my_{kind}", [data, data, data], hidden_size=3)


OPERATORS: list[tuple[Change, str]] = [
    (lambda d, x: d.node("Conv", "my_conv", [x, x]), "'Conv' at node 'my_conv': convolutions"),
    (lambda d, x: d.node("ConvTranspose", "up", [x, x]), "'ConvTranspose' at node 'up': convol"),
    (recurrent("LSTM"), "'LSTM' at node 'my_LSTM': recurrent"),
    (recurrent("GRU"), "'GRU' at node 'my_GRU': recurrent"),
    (recurrent("RNN"), "'RNN' at node 'my_RNN': recurrent"),
    (operator("Softmax"), "'Softmax' at node 'my_Softmax': attention and softmax"),
    (lambda d, x: d.node("MultiHeadAttention", "heads", [x, x, x], domain="com.microsoft"), "'heads': attention"),
    (lambda d, x: d.node("BatchNormalization", "bn", [x, x, x, x, x]), "'bn': a normalization must be merged"),
    (lambda d, x: d.node("QuantizeLinear", "ql", [x, x]), "'ql': QCDQ"),
    (lambda d, x: d.node("Trunc", "cut", [x], domain="qonnx.custom_op.general"), "'cut': numbers are fixed-point"),
    (operator("Relus"), "'my_Relus': it is not supported; did you mean 'Relu'"),
    (operator("Relu", domain="os"), "'my_Relu': its domain is 'os'"),
    (lambda d, x: d.node("Quant", "odd", [x], domain="subprocess"), "'odd': its domain is 'subprocess'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), OPERATORS, ids=[words for _, words in OPERATORS])
def test_operators_are_refused_by_node(change: Change, words: str, tmp_path: Path) -> None:
    refused(plain(change), tmp_path, words)


def again(**options: object) -> Change:
    return lambda d, data: d.quant("again", data, **options)  # type: ignore[arg-type]


def layer(scale: object) -> Change:
    return lambda d, data: d.quant("mid", d.dense("extra", data, 6, 6, scale))


def unquantized(d: Drawing, data: str) -> str:
    return d.quant("mid", d.node("MatMul", "bare", [data, d.constant("bare.w", np.eye(6))]))


def biased(d: Drawing, data: str) -> str:
    data = d.node("Add", "plus", [d.dense("extra", data, 6, 6), d.constant("plus.b", np.ones(6))])
    return d.quant("mid", data)


def fine_bias(d: Drawing, data: str) -> str:
    bias = d.quant("plus.q", d.constant("plus.b", np.ones(6)), scale=2.0**-9)
    return d.quant("mid", d.node("Add", "plus", [d.dense("extra", data, 6, 6), bias]))


def branched(d: Drawing, data: str) -> str:
    left, right = d.dense("left", data, 6, 6), d.dense("right", data, 6, 6)
    return d.quant("mid", d.node("Add", "join", [left, right]))


FORMATS: list[tuple[Change, str]] = [
    (again(scale=0.3), "scale 'again.scale' is 0.3.*not a power of two.*'again'"),
    (again(scale=[0.5] * 5 + [0.25]), r"'again.scale' has 6 elements; expected 1 \(per-tensor"),
    (again(zero=3.0), "zero point 'again.zero' is not 0"),
    (again(rounding="CEIL"), "rounding mode 'CEIL' of 'again'"),
    (again(bits=40), "bit width 'again.bits' is 40"),
    (again(bits=2), "quantizer 'again' follows 'first' directly and changes"),
    (again(bits=1), "'again' has one signed bit"),
    (layer(0.3), "scale 'extra.w.q.scale' is 0.3.*weight of 'extra'"),
    (layer([[0.5] * 5 + [0.25]]), "'extra.w.q.scale' has 6 elements.*weight of 'extra'"),
    (unquantized, "weight 'bare.w' of 'bare' is not quantized"),
    (biased, "bias 'plus.b' of 'plus' is not quantized"),
    (fine_bias, r"bias 'plus.q:0' of 'plus' has scale 2\*\*-9, finer than"),
    (lambda d, x: d.dense("extra", x, 6, 6), "the result of 'extra' is not quantized before 'inner'"),
    (lambda d, x: d.node("Relu", "r", [d.dense("extra", x, 6, 6)]), "the result of 'r' is not quantized before 'inner'"),
    (lambda d, x: d.node("Tanh", "t", [d.dense("extra", x, 6, 6)]), "Tanh 't' acts on unquantized numbers"),
    (lambda d, x: d.quant("t.q", d.node("Tanh", "t", [d.quant("q12", d.dense("extra", x, 6, 6), 12)])), "Tanh 't' behind a quantizer of 12 bits"),
    (lambda d, x: d.node("Mul", "m", [x, d.constant("c", 0.5)]), "Mul 'm' stands where only"),
    (lambda d, x: d.node("Reshape", "flat", [x, d.constant("to", [2, 3])]), r"Reshape 'flat' to \[2, 3\]"),
    (lambda d, x: d.dense("extra", x, 5, 6), r"weight of 'extra' has shape \(5, 6\); 6 rows"),
    (branched, "tensor 'first:0' feeds node 'right'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), FORMATS, ids=[words for _, words in FORMATS])
def test_formats_are_refused_by_layer_or_tensor(change: Change, words: str, tmp_path: Path) -> None:
    refused(plain(change), tmp_path, words)


def test_the_ends_of_the_chain(tmp_path: Path) -> None:
    drawing = Drawing()
    refused(
        drawing.model(drawing.dense("only", "in", 6, 6)),
        tmp_path,
        "the input is not quantized before 'only'",
    )
    drawing = Drawing()
    data = drawing.dense("only", drawing.quant("first", "in"), 6, 6)
    refused(drawing.model(data), tmp_path, "result of 'only' is not quantized: the output 'only:0'")
    drawing = Drawing()
    data = drawing.node("Mul", "normalize", ["in", drawing.constant("third", 1 / 3)])
    refused(
        drawing.model(drawing.quant("first", data)),
        tmp_path,
        "factor 'third' of 'normalize'.*powers of two",
    )
    drawing = Drawing()
    refused(drawing.model(drawing.quant("first", "in")), tmp_path, "no fully-connected layer")


def test_float_network_is_told_what_to_do(tmp_path: Path) -> None:
    drawing = Drawing()
    weight = drawing.constant("w", np.eye(6))
    model = drawing.model(
        drawing.node("Sigmoid", "s", [drawing.node("MatMul", "m", ["in", weight])])
    )
    refused(
        model, tmp_path, "floating point; train it with aetrig qat, or quantize it with Brevitas"
    )


def test_images_and_other_types_are_refused(tmp_path: Path) -> None:
    drawing = Drawing()
    model = drawing.model(drawing.quant("first", "in"), shape=[1, 1, 28, 28])
    refused(model, tmp_path, r"input 'in' has shape \(1, 1, 28, 28\)")
    model = plain()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    refused(model, tmp_path, "input 'in' is INT64")


def test_constants_that_would_fill_the_memory(tmp_path: Path) -> None:
    drawing = Drawing()
    sides = [
        drawing.constant(f"side{i}", np.zeros(shape))
        for i, shape in enumerate(((9000, 1), (1, 9000)))
    ]
    scale = drawing.node("Add", "huge", sides)
    drawing.quant("first", "in")
    drawing.nodes[-1].input[1] = scale
    refused(drawing.model("first:0"), tmp_path, "constants of node 'huge' are too large")


def test_several_inputs_or_outputs(tmp_path: Path) -> None:
    model = plain()
    model.graph.output.append(helper.make_tensor_value_info("middle:0", TensorProto.FLOAT, None))
    refused(model, tmp_path, "expected one output, found 2: 'last:0', 'middle:0'")
    model = plain()
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 2]))
    refused(model, tmp_path, "expected one input, found 2: 'in', 'more'")


def test_a_circle_a_missing_and_a_doubled_tensor(tmp_path: Path) -> None:
    model = plain()
    model.graph.node[0].input[0] = "last:0"
    refused(model, tmp_path, "runs in a circle through node")
    model = plain()
    model.graph.node[0].input[0] = "nowhere"
    refused(model, tmp_path, "nothing makes tensor 'nowhere' of node 'first'")
    model = plain()
    model.graph.node.append(model.graph.node[0])
    refused(model, tmp_path, "tensor 'first:0' is made more than once")


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", ""])
def test_data_outside_the_folder_is_never_opened(location: str, tmp_path: Path) -> None:
    model = plain()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=r"'first\.scale' lies in .*outside the model's folder"):
        load_source(tmp_path / "net.onnx")


def test_a_link_out_of_the_folder_and_an_absent_file(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 64)
    (folder / "link").symlink_to(tmp_path / "secret")
    for location, words in (("link", "outside the model's folder"), ("gone", "which is absent")):
        model = plain()
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        (folder / "net.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(UserError, match=words):
            load_source(folder / "net.onnx")


@pytest.mark.parametrize("content", [b"", b"no onnx at all", b"\x08\x07", b"\xff" * 200])
def test_files_that_are_no_onnx(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_source(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        load_source(tmp_path / "none.onnx")
