"""The plain ONNX model in a real onnxruntime: equal to the Program on every bit, at every level."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aetrig.errors import UserError
from aetrig.export.kernels import MAX_INT8_WEIGHT, biased_floor, choose_kernel, weight_bytes
from aetrig.export.plain import to_plain
from aetrig.export.session import Level, open_session, output_integers, trigger_integers
from aetrig.program import Affine, Format, Program, Quantize, Relu, Rescale, evaluate
from aetrig.program.evaluate import shift_right_floor, shift_right_round, trace
from aetrig.program.model import Score, Trigger
from program.strategies import programs, triggers, vectors

MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def differing(program: Program, model: onnx.ModelProto, level: Level = "all") -> int:
    x = vectors(program, 200)
    session = open_session(model, level)
    found = output_integers(session, x, program.output_format.exponent)
    return int((found != evaluate(program, x)).sum())


def two_layers(weight_bits: int, bits: int, rounding: str, width: int = 24) -> Program:
    """A network of one shape whose formats decide which kernel is exact."""
    rng = np.random.default_rng(weight_bits * 100 + bits)
    weight = Format(weight_bits, True, -2, weight_bits > 1)
    # as many bits dropped as the sums grow by, so that the results rarely saturate
    hidden = Format(bits, False, weight_bits - 1)
    last = Format(bits, True, hidden.exponent + weight_bits)

    def affine(name: str) -> Affine:
        values = rng.integers(weight.low, weight.high + 1, (width, width))
        return Affine(name, values, weight, rng.integers(-50, 50, width))

    return Program(
        (Format(12, True, 0),) * width,
        (
            Rescale("input_scale", np.arange(width), np.arange(width) % 5),
            Quantize("input_quant", Format(bits, True, -1), rounding),  # type: ignore[arg-type]
            affine("encoder_0"),
            Relu("encoder_0_relu"),
            Quantize("encoder_0_quant", hidden, rounding),  # type: ignore[arg-type]
            affine("decoder_0"),
            Quantize("decoder_0_quant", last, rounding),  # type: ignore[arg-type]
        ),
        digest="",
    )


@MANY
@given(programs())
def test_random_networks_are_exact_at_every_level(program: Program) -> None:
    model = to_plain(program)
    for level in get_args(Level):
        assert differing(program, model, level) == 0, level


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
@pytest.mark.parametrize("bits", range(1, 13))
def test_every_bit_width_is_exact_at_every_level(bits: int, rounding: str) -> None:
    program = two_layers(bits, bits, rounding)
    model = to_plain(program)
    for level in get_args(Level):
        assert differing(program, model, level) == 0, level


@pytest.mark.parametrize(
    ("weight_bits", "bits", "rounding", "kernel"),
    [
        (6, 8, "ROUND", "int8"),
        (6, 8, "FLOOR", "int8"),
        (7, 8, "FLOOR", "int8"),  # FLOOR doubles the weights: unsigned bytes
        (8, 8, "ROUND", "int8"),
        (8, 8, "FLOOR", "float32"),  # doubled, they need 9 bits
        (6, 9, "ROUND", "float32"),  # activations do not fit a byte
        (8, 10, "ROUND", "float32"),
        (12, 12, "ROUND", "float64"),
        (12, 12, "FLOOR", "float64"),
    ],
)
def test_kernel_is_the_fastest_that_is_exact(
    weight_bits: int, bits: int, rounding: str, kernel: str
) -> None:
    program = two_layers(weight_bits, bits, rounding)
    assert choose_kernel(program) == kernel
    assert {item.key: item.value for item in to_plain(program).metadata_props}[
        "aetrig.kernel"
    ] == kernel


def test_widths_from_1_to_12_need_all_kernels() -> None:
    chosen = {choose_kernel(two_layers(b, b, "ROUND")) for b in range(1, 13)}
    assert chosen == {"int8", "float32", "float64"}


@pytest.mark.parametrize("weight_bits", [4, 6, 8])
def test_the_int8_kernel_is_fused_to_integers(weight_bits: int, tmp_path: Path) -> None:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    rounding = "ROUND" if weight_bits == 8 else "FLOOR"
    model = to_plain(two_layers(weight_bits, 6, rounding))  # below 8 bits: a Clip in between
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert kinds.count("QGemm") == 2
    assert "Gemm" not in kinds


def test_float32_where_it_is_not_exact_would_be_wrong() -> None:
    """The proof matters: the kernel that it refuses gives other numbers."""
    width = 64
    weight = np.random.default_rng(3).integers(1024, 2048, (width, width))  # sums near 2**28
    program = Program(
        (Format(12, False, 0),) * width,
        (
            Rescale("input_scale", np.zeros(width, int), np.zeros(width, int)),
            Quantize("input_quant", Format(13, True, 0), "ROUND"),
            Affine("encoder_0", weight, Format(12, True, 0), np.zeros(width, int)),
            Quantize("encoder_0_quant", Format(16, True, 13), "ROUND"),
        ),
        digest="",
    )
    assert choose_kernel(program) == "float64"
    assert differing(program, to_plain(program, "float32")) > 0
    assert differing(program, to_plain(program, "float64")) == 0


@pytest.mark.parametrize("kernel", ["int8", "float32", "float64"])
def test_a_swapped_rounding_is_seen(kernel: str) -> None:
    floors = two_layers(6, 8, "FLOOR")
    rounds = two_layers(6, 8, "ROUND")
    assert differing(floors, to_plain(floors, kernel)) == 0  # type: ignore[arg-type]
    assert differing(floors, to_plain(rounds, kernel)) > 0  # type: ignore[arg-type]


def one_input(shift: int, rounding: str, bits: int = 8) -> Program:
    """The identity of a 12-bit integer, with ``shift`` bits rounded off behind it."""
    return Program(
        (Format(12, True, 0),),
        (
            Rescale("input_scale", np.zeros(1, int), np.zeros(1, int)),
            Quantize("input_quant", Format(bits, True, 0), rounding),  # type: ignore[arg-type]
            Affine("encoder_0", np.ones((1, 1), int), Format(2, True, 0), np.zeros(1, int)),
            Quantize("encoder_0_quant", Format(bits, True, shift), rounding),  # type: ignore[arg-type]
        ),
        digest="",
    )


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
@pytest.mark.parametrize("shift", [-9, -1, 0, 1, 2, 7, 12])
@pytest.mark.parametrize("kernel", ["int8", "float32", "float64"])
def test_every_tie_and_every_saturation(kernel: str, shift: int, rounding: str) -> None:
    """All inputs there are, so all ties of the rounding, positive and negative, odd and even."""
    program = one_input(shift, rounding)
    model = to_plain(program, kernel)  # type: ignore[arg-type]
    x = np.arange(-2048, 2048, dtype=np.int32)[:, None]
    for level in get_args(Level):
        np.testing.assert_array_equal(
            output_integers(open_session(model, level), x, shift), evaluate(program, x)
        )


def test_a_wrong_weight_is_seen() -> None:
    program = two_layers(6, 8, "ROUND")
    changed = two_layers(6, 8, "ROUND")
    affine = next(op for op in changed.operations if isinstance(op, Affine))
    affine.weight[0, 0] += 1 if affine.weight[0, 0] < 0 else -1
    assert differing(program, to_plain(changed)) > 0


def test_more_than_float64_holds_is_refused_by_name() -> None:
    wide = Format(32, True, 0)
    program = Program(
        (Format(24, True, 0),) * 2,
        (
            Rescale("input_scale", np.zeros(2, int), np.zeros(2, int)),
            Quantize("input_quant", Format(24, True, 0), "ROUND"),
            Affine("encoder_0", np.full((2, 2), wide.high), wide, np.zeros(2, int)),
            Quantize("encoder_0_quant", Format(8, True, 40), "ROUND"),
        ),
        digest="",
    )
    with pytest.raises(UserError, match=r"'encoder_0' needs 56 bits, more than the 53"):
        to_plain(program)


def test_more_output_bits_than_float32_holds_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"'encoder_0_quant' has 26 bits, more than the 24"):
        to_plain(one_input(0, "ROUND", bits=26))


def test_quantizer_wider_than_float32_takes_float64() -> None:
    program = one_input(0, "ROUND", bits=16)
    wide = replace(program.input_quantizer, format=Format(26, True, -12))
    operations = (program.operations[0], wide, *program.operations[2:])
    program = replace(program, operations=operations)
    assert choose_kernel(program) == "float64"
    assert differing(program, to_plain(program)) == 0


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (1, r"'encoder_0' \(Affine\) stands behind 'input_scale', where .* needs Quantize"),
        (4, r"'decoder_0' \(Affine\) stands behind 'encoder_0_relu', where .* needs Quantize"),
    ],
)
def test_a_layer_that_is_not_quantized_is_refused_by_name(left_out: int, message: str) -> None:
    program = two_layers(6, 8, "ROUND")
    operations = tuple(op for i, op in enumerate(program.operations) if i != left_out)
    with pytest.raises(UserError, match=message):
        to_plain(replace(program, operations=operations))


def test_metadata_say_what_the_model_is() -> None:
    program = replace(two_layers(6, 8, "ROUND"), digest="abc")
    found = {item.key: item.value for item in to_plain(program).metadata_props}
    assert found["aetrig.kernel"] == "int8"
    assert found["aetrig.program"] == "abc"
    assert json.loads(found["aetrig.input"]) == {"formats": [[12, True]] * 24}


@given(st.integers(-(2**30), 2**30), st.integers(1, 20))
def test_biased_rounding_is_floor(accumulator: int, shift: int) -> None:
    form = Format(8, True, 0)
    affine = Affine("a", np.array([[1]]), form, np.array([accumulator]))
    biased = biased_floor(affine, shift)
    rounded = shift_right_round(biased.bias, shift + 1)
    assert rounded == shift_right_floor(affine.bias, shift)


def test_largest_int8_weight_cannot_saturate_a_pair_of_products() -> None:
    assert np.iinfo(np.int16).max >= 2 * 255 * MAX_INT8_WEIGHT
    assert np.iinfo(np.int16).max < 2 * 255 * (MAX_INT8_WEIGHT + 1)


@pytest.mark.parametrize(
    ("weights", "kind"),
    [([-64, 64], "int8"), ([65], "uint8"), ([-128, 127], "uint8"), ([128], None), ([-129], None)],
)
def test_weights_that_might_saturate_are_unsigned_bytes(
    weights: list[int], kind: str | None
) -> None:
    assert weight_bytes(np.array(weights)) == kind


@MANY
@given(program=triggers(), level=st.sampled_from(get_args(Level)))
def test_score_and_accept_equal_the_program(program: Program, level: Level) -> None:
    x = vectors(program, 100)
    reference = trace(program, x)
    session = open_session(to_plain(program), level)
    found = trigger_integers(session, x)
    np.testing.assert_array_equal(found["score"], reference["score"])
    np.testing.assert_array_equal(found["accept"], reference["accept"])
    found_y = output_integers(session, x, program.output_format.exponent)
    np.testing.assert_array_equal(found_y, reference[program.operations[-1].name])


def test_a_score_beyond_float64_is_refused() -> None:
    wide = two_layers(16, 16, "ROUND")
    last = replace(wide.operations[-1], format=Format(20, True, 12))
    trigger = Trigger(Score("square", "input_quant"), (), "1" * 64)
    program = replace(wide, operations=(*wide.operations[:-1], last), trigger=trigger)
    with pytest.raises(UserError, match="the score needs"):
        to_plain(program)
