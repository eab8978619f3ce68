from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.config.model import Hls
from aetrig.errors import MissingToolError, UserError
from aetrig.hls import generate
from aetrig.hls.generate import plan
from aetrig.hls.precision import layers
from aetrig.hls.reuse import valid_reuse_factors
from aetrig.hls.types import FixedType, parse_type
from aetrig.program import Affine, Format, Program, Quantize, Rescale, trace
from fuzz.architectures import SMALL, architecture
from hls.programs import random_inputs, small_program


@given(
    st.integers(1, 64), st.integers(-40, 80), st.booleans(), st.sampled_from(["TRN", "RND_CONV"])
)
def test_types_survive_writing_and_reading(
    bits: int, integer: int, signed: bool, mode: str
) -> None:
    kind = FixedType(bits, integer, signed, mode, "SAT_SYM")
    assert parse_type(str(kind)) == parse_type("ap_" + str(kind)) == kind


def test_vendors_notations() -> None:
    assert parse_type("ap_fixed<12,12>") == FixedType(12, 12)
    assert parse_type("ac_fixed<9,-1,true>") == FixedType(9, -1)
    ac = parse_type("ac_fixed<8,2,false,AC_RND_CONV,AC_SAT>")
    assert ac == FixedType(8, 2, signed=False, rounding="RND_CONV", overflow="SAT")
    assert parse_type("ap_uint<1>") == FixedType(1, 1, signed=False)
    assert parse_type("float") is None
    assert parse_type("ap_fixed<12>") is None


def test_accumulators_are_as_wide_as_their_range_and_no_wider() -> None:
    weight = np.array([[3, -4], [1, 0]])
    program = Program(
        (Format(4, False, 0), Format(4, False, 0)),
        (
            Rescale("input_scale", np.array([0, 0]), np.array([0, 0])),
            Quantize("input_quant", Format(4, False, 0), "ROUND"),
            Affine("encoder_0", weight, Format(3, True, -2), np.array([2, -4])),
            Quantize("encoder_0_quant", Format(4, True, 0, narrow=True), "FLOOR"),
        ),
        "",
    )
    *_, dense = layers(program)
    # -4 * 15 - 4 = -64 and 4 * 15 + 2 = 62: 7 bits, 2 of them behind the point
    assert dense.accumulator == FixedType(7, 5)
    assert dense.result == FixedType(4, 4, rounding="TRN", overflow="SAT_SYM")
    assert dense.constants["bias"].type == FixedType(3, 1)


@given(st.integers(0, 50))
def test_every_value_fits_its_type(seed: int) -> None:
    program = small_program(seed=seed)
    values = trace(program, random_inputs(program, 50, seed))
    for layer in layers(program)[1:]:
        low = -(1 << (layer.result.bits - 1)) if layer.result.signed else 0
        assert values[layer.output].min() >= low
        assert values[layer.output].max() < low + (1 << layer.result.bits)
        for constant in layer.constants.values():
            low = -(1 << (constant.type.bits - 1)) if constant.type.signed else 0
            assert low <= constant.values.min()
            assert constant.values.max() < low + (1 << constant.type.bits)


def test_every_quantizer_is_the_output_of_a_layer() -> None:
    program = small_program()
    quantizers = [op.name for op in program.operations if isinstance(op, Quantize)]
    assert [layer.output for layer in layers(program) if layer.output in quantizers] == quantizers


def test_a_format_without_firmware_type_is_refused() -> None:
    program = small_program()
    *rest, last = program.operations
    bad = Quantize(last.name, Format(4, False, 0, narrow=True), "ROUND")
    with pytest.raises(UserError, match="'decoder_1_quant' is unsigned narrow"):
        layers(Program(program.input_formats, (*rest, bad), ""))


def test_a_reuse_factor_becomes_the_nearest_valid_one_and_is_told() -> None:
    planned = plan(small_program(), Hls(strategy="resource", reuse_factor=5))
    for before, layer in pairwise(planned.layers):
        if layer.kind == "dense":
            valid = valid_reuse_factors(before.width, layer.width)
            assert planned.reuse[layer.name] == min(valid, key=lambda item: abs(item - 5))
    assert planned.adjusted_reuse()
    assert not plan(small_program(), Hls(reuse_factor=5)).adjusted_reuse()


def test_reuse_factors_are_hls4mls() -> None:
    pytest.importorskip("hls4ml")
    from hls4ml.backends import get_backend

    backend = get_backend("Vitis")
    for shape in [(57, 32), (3, 16), (16, 3), (1, 7), (8, 8)]:
        assert valid_reuse_factors(*shape) == backend.get_valid_reuse_factors(*shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "distributed_arithmetic", "reuse_factor": 2}, "no multipliers to reuse"),
        ({"strategy": "distributed_arithmetic", "backend": "Catapult"}, "not Catapult"),
        ({"backend": "Quartus"}, "do not fit: use an Intel part"),
        ({"backend": "Quartus", "part": "arria10"}, "use --strategy resource"),
        ({"backend": "Catapult"}, "one signed bit, which backend Catapult"),
        ({"part": "arria10"}, "do not fit: use backend Quartus"),
        ({"backend": "VivadoAccelerator"}, "no board with xcvu9p"),
        ({"part": "xcvu9"}, "did you mean 'xcvu9p'"),
    ],
)
def test_what_hls4ml_would_change_silently_is_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        plan(small_program(), Hls(**options))


def test_missing_da4ml_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate.util, "find_spec", lambda _: None)
    with pytest.raises(MissingToolError, match=r"pip install 'hls4ml\[da\]'"):
        plan(small_program(), Hls(strategy="distributed_arithmetic"))


def test_an_input_that_is_rounded_to_nothing_is_refused() -> None:
    operations = (
        Rescale("input_scale", np.array([0]), np.array([0])),
        Quantize("input_quant", Format(4, True, 5), "ROUND"),
        Affine("encoder_0", np.array([[1]]), Format(2, True, 0), np.array([0])),
        Quantize("encoder_0_quant", Format(4, True, 5), "ROUND"),
    )
    with pytest.raises(UserError, match="rounds off 5 bits of an input of 4"):
        layers(Program((Format(4, True, 0),), operations, ""))
    layers(Program((Format(5, True, 0),), operations, ""))


def test_a_result_rounded_off_whole_gets_a_layer_of_its_own() -> None:
    """ap_fixed aborts where distributed arithmetic rounds a value of 4 bits by 9."""
    made = layers(architecture(7034, SMALL))
    assert [(layer.name, layer.kind) for layer in made[-2:]] == [
        ("layer_2", "dense"),
        ("layer_2_quant", "linear"),
    ]
    assert made[-2].result == made[-2].accumulator
