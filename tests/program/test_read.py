"""Reading QONNX: what was written comes back, and what is not understood is refused by name."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from onnx import helper, numpy_helper

from aetrig.errors import UserError
from aetrig.export.trigger import to_trigger
from aetrig.program import Affine, Format, Program, Quantize, Relu, Rescale, read
from aetrig.program.model import Score, Trigger, WorkingPoint
from program.qonnx_files import to_model, write_qonnx
from program.strategies import triggers

RNG = np.random.default_rng(7)
PROGRAM = Program(
    (Format(12, True, 0), Format(8, False, 0), Format(6, True, 0)),
    (
        Rescale("input_scale", np.array([3, -2, 0]), np.array([4, 0, -1])),
        Quantize("input_quant", Format(8, True, -4), "ROUND"),
        Affine("encoder_0", RNG.integers(-7, 8, (3, 5)), Format(4, True, -2, True), RNG.integers(-90, 90, 5)),
        Relu("encoder_0_relu"),
        Quantize("encoder_0_quant", Format(6, False, -3), "FLOOR"),
        Affine("decoder_0", RNG.integers(-8, 8, (5, 3)), Format(4, True, -3), RNG.integers(-90, 90, 3)),
        Quantize("decoder_0_quant", Format(8, True, -4, True), "ROUND"),
    ),
    digest="",
)  # fmt: skip


def test_program_comes_back_as_it_was_written(tmp_path: Path) -> None:
    program = read(write_qonnx(PROGRAM, tmp_path / "net.onnx"))
    assert program.input_formats == PROGRAM.input_formats
    assert len(program.digest) == 64
    for found, written in zip(program.operations, PROGRAM.operations, strict=True):
        assert type(found) is type(written)
        for key, value in vars(written).items():
            np.testing.assert_array_equal(getattr(found, key), value)
            assert np.all(getattr(found, key) == value)


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(item for item in model.graph.node if item.name == name)


def set_constant(model: onnx.ModelProto, name: str, values: object) -> None:
    tensor = next(item for item in model.graph.initializer if item.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))


def rename_operator(model: onnx.ModelProto) -> None:
    node(model, "encoder_0_relu").op_type = "Softmax"


def remove_input_scaling(model: onnx.ModelProto) -> None:
    node(model, "input_scale_sub").op_type = "Relu"


def unquantize_weight(model: onnx.ModelProto) -> None:
    node(model, "encoder_0").input[1] = "encoder_0_weight"


def cut_the_bias(model: onnx.ModelProto) -> None:
    node(model, "encoder_0_add").op_type = "Mul"


def loop(model: onnx.ModelProto) -> None:
    node(model, "decoder_0_quant").output[0] = "input_scale_out0"


def branch(model: onnx.ModelProto) -> None:
    taker = helper.make_node("Relu", ["encoder_0_quant_out0"], ["side"], name="side")
    model.graph.node.append(taker)


def rounding(model: onnx.ModelProto) -> None:
    attribute = next(a for a in node(model, "input_quant").attribute if a.name == "rounding_mode")
    attribute.s = b"CEIL"


def no_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def bad_metadata(model: onnx.ModelProto) -> None:
    model.metadata_props[0].value = '{"formats": "wide"}'


def external_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../elsewhere"


def constant_of(name: str, values: object) -> Callable[[onnx.ModelProto], None]:
    return lambda model: set_constant(model, name, values)


BAD = {
    "scale": (constant_of("encoder_0_quant_scale", 0.3), "'encoder_0_quant_scale' is 0.3.*power of two"),
    "zero scale": (constant_of("encoder_0_quant_scale", 0.0), "not a power of two"),
    "negative scale": (constant_of("encoder_0_quant_scale", -0.5), "not a power of two"),
    "weight scale": (constant_of("decoder_0_weight_quant_scale", 0.1), "decoder_0_weight_quant_scale"),
    "per channel": (constant_of("encoder_0_weight_quant_scale", [0.5] * 5), "5 elements; expected 1"),
    "zero point": (constant_of("input_quant_zero_point", 3), "zero point 'input_quant_zero_point' is not 0"),
    "bit width 0": (constant_of("input_quant_bit_width", 0), "is 0; expected an integer from 1"),
    "bit width 40": (constant_of("input_quant_bit_width", 40), "is 40; expected"),
    "bit width 2.5": (constant_of("input_quant_bit_width", 2.5), "is 2.5; expected"),
    "offset": (constant_of("input_scale_sub_value", [0.5, 0, 0]), "must hold integers"),
    "factor": (constant_of("input_scale_value", [0.3, 1, 1]), "must hold powers of two"),
    "features": (constant_of("input_scale_value", [1, 1]), "has 2 elements, expected 3"),
    "NaN": (constant_of("encoder_0_weight", np.full((3, 5), np.nan)), "'encoder_0_weight' holds NaN"),
    "shape": (constant_of("encoder_0_weight", np.zeros((4, 5))), r"shape \(4, 5\); 3 rows"),
    "bias shape": (constant_of("encoder_0_bias", np.zeros(4)), "has 4 elements, expected 5"),
    "fine bias": (constant_of("encoder_0_bias_quant_scale", 2.0**-20), "finer than the accumulator"),
    "operator": (rename_operator, "operator 'Softmax' at node 'encoder_0_relu' is not supported"),
    "no scaling": (remove_input_scaling, "must begin with Sub and Mul"),
    "plain weight": (unquantize_weight, "'encoder_0_weight' is not quantized"),
    "no bias": (cut_the_bias, "MatMul 'encoder_0' must be followed by Add"),
    "loop": (loop, "feeds 2 nodes|circle|made more than once"),
    "branch": (branch, "'encoder_0_quant_out0' feeds 2 nodes"),
    "rounding": (rounding, "'CEIL' of 'input_quant' is not supported"),
    "no metadata": (no_metadata, "no metadata 'aetrig.input'"),
    "bad metadata": (bad_metadata, "metadata 'aetrig.input'"),
    "external data": (external_data, "lies in another file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_understood_is_refused_by_name(case: str, tmp_path: Path) -> None:
    change, message = BAD[case]
    model = to_model(PROGRAM)
    change(model)
    path = tmp_path / "bad.onnx"
    onnx.save(model, path) if case != "external data" else path.write_bytes(
        model.SerializeToString()
    )
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not onnx", b"\x08\x0d" + b"\xff" * 40])
def test_file_that_is_not_onnx(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"not an ONNX file|found 0 inputs"):
        read(path)


def test_truncated_file_is_refused_at_every_length(tmp_path: Path) -> None:
    whole = to_model(PROGRAM).SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError):
            read(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.onnx")


@settings(max_examples=60, deadline=None)
@given(program=triggers())
def test_a_trigger_comes_back_as_it_was_written(program: Program) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = read(write_qonnx(program, Path(folder) / "trigger.onnx"))
    assert found.trigger == program.trigger
    assert found.operations[-1].name == program.operations[-1].name


SCORED = replace(
    PROGRAM,
    trigger=Trigger(Score("square", "input_quant"), (WorkingPoint("tight", 77),), "1" * 64),
)


def test_a_cut_holds_nothing_behind_it(tmp_path: Path) -> None:
    cut = replace(
        PROGRAM,
        operations=PROGRAM.operations[:5],
        trigger=Trigger(Score("square", None), (WorkingPoint("tight", 77),), "1" * 64),
    )
    model = to_trigger(to_model(PROGRAM), cut)
    onnx.checker.check_model(model, full_check=False)
    assert not [item.name for item in model.graph.initializer if "decoder" in item.name]
    path = tmp_path / "cut.onnx"
    onnx.save(model, path)
    found = read(path)
    assert [op.name for op in found.operations] == [op.name for op in cut.operations]
    assert found.trigger == cut.trigger


def off_grid(model: onnx.ModelProto) -> None:
    constant = next(item for item in model.graph.initializer if item.name == "thresholds")
    values = numpy_helper.to_array(constant) * (1 + 2**-20)
    constant.CopyFrom(numpy_helper.from_array(values, "thresholds"))


def other_sum(model: onnx.ModelProto) -> None:
    node(model, "score").op_type = "ReduceMean"


def other_reference(model: onnx.ModelProto) -> None:
    node(model, "score_reference").input[0] = "encoder_0_quant_out0"


def no_names(model: onnx.ModelProto) -> None:
    del model.metadata_props[1:]


def another_name(model: onnx.ModelProto) -> None:
    properties = {item.key: item.value for item in model.metadata_props}
    properties["aetrig.trigger"] = json.dumps({"network": "", "points": ["a", "b"]})
    helper.set_model_props(model, properties)


def product(model: onnx.ModelProto) -> None:
    node(model, "score_square").input[1] = "score_output"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (off_grid, "thresholds 'thresholds' must be integers in units of 2**-8"),
        (other_sum, "made by ReduceMean 'score', not ReduceSum"),
        (other_reference, "must be an earlier quantizer as wide as the output (3)"),
        (no_names, "set the trigger again"),
        (another_name, "1 thresholds, but 2 working points are named"),
        (product, "must multiply the difference with itself"),
    ],
)
def test_another_trigger_is_refused(
    damage: Callable[[onnx.ModelProto], None], said: str, tmp_path: Path
) -> None:
    model = to_model(SCORED)
    damage(model)
    path = tmp_path / "trigger.onnx"
    onnx.save(model, path)
    with pytest.raises(UserError, match=re.escape(said)):
        read(path)
