"""The traced logic, evaluated by alkaid's interpreter, equals the Program."""

from __future__ import annotations

import numpy as np
import pytest
from alkaid.trace import FVArray, HWConfig, trace
from alkaid.trace.passes import optimize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aetrig.config.model import Rounding
from aetrig.errors import UserError
from aetrig.parts import Part, resolve
from aetrig.program import Program
from aetrig.program.evaluate import shift_right_floor, shift_right_round
from aetrig.program.evaluate import trace as program_trace
from aetrig.program.model import (
    SCORE,
    Affine,
    Format,
    Quantize,
    Rescale,
    Score,
    Trigger,
    WorkingPoint,
)
from aetrig.rtl.cost import digits, refuse_too_large
from aetrig.rtl.delay import NS_PER_UNIT
from aetrig.rtl.lower import evaluate, lower
from aetrig.rtl.pipeline import cut, fused, search
from aetrig.rtl.quantizer import quantizer
from aetrig.rtl.variable import plus
from program.strategies import programs, triggers, vectors

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def integers(program: Program, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    exponents = {program.operations[-1].name: program.output_format.exponent}
    if program.trigger is not None:
        exponents[SCORE] = program.score_exponent
    return {name: np.ldexp(v, -exponents.get(name, 0)) for name, v in found.items()}


@MANY
@given(program=triggers(), depth=st.sampled_from([-1, 0, 2]))
def test_logic_equals_the_program(program: Program, depth: int) -> None:
    x = vectors(program, 100)
    reference = program_trace(program, x)
    try:
        logic = lower(program, depth)
    except UserError:  # a constant score of more than 24 bits, see below
        return
    found = integers(program, evaluate(logic, x))
    assert set(found) == {program.operations[-1].name, "score", "accept"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, reference[name], err_msg=name)


@pytest.mark.parametrize("bias", [[-6997, 7111, 513], [7111, 7111, 1], [-9000, 1, 2]])
def test_squares_of_constants_add_up_beyond_24_bits(bias: list[int]) -> None:
    weight = np.array([[-1, -1, -1], [0, -1, 1]])
    operations = (
        Rescale("input_scale", np.array([1, 0]), np.array([0, 0])),
        Quantize("input_quant", Format(1, True, 0), "ROUND"),
        Affine("layer_0", weight, Format(1, True, 0), np.array(bias)),
        Quantize("layer_0_quant", Format(13, True, 0), "ROUND"),
    )
    trigger = Trigger(Score("square", None), (WorkingPoint("point", 18403436),), "1" * 64)
    program = Program((Format(1, False, 0),) * 2, operations, "", trigger)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32)
    reference, found = program_trace(program, x), integers(program, evaluate(lower(program), x))
    for name, values in found.items():
        np.testing.assert_array_equal(values, reference[name], err_msg=name)


def test_a_constant_score_beyond_24_bits_is_refused() -> None:
    weight = np.array([[-1, -1, -1]])
    operations = (
        Rescale("input_scale", np.array([0]), np.array([0])),
        Quantize("input_quant", Format(1, False, 0), "ROUND"),
        Affine("layer_0", weight, Format(1, True, 0), np.array([7111] * 3)),
        Quantize("layer_0_quant", Format(13, True, 0), "ROUND"),
    )
    trigger = Trigger(Score("square", None), (WorkingPoint("point", 1),), "1" * 64)
    with pytest.raises(UserError, match="for every event"):
        lower(Program((Format(1, False, 0),), operations, "", trigger))


@settings(max_examples=100, deadline=None)
@given(
    constant=st.integers(-(2**52), 2**52), exponent=st.integers(-9, 9), seed=st.integers(0, 99),
    width=st.integers(1, 20),
)  # fmt: skip
def test_constants_of_any_width_are_added_exactly(
    constant: int, exponent: int, seed: int, width: int
) -> None:
    step, high = 2.0**exponent, float((1 << width) - 1)
    bounds = (np.zeros(1), np.full(1, high), np.ones(1))
    x = list(np.asarray(FVArray.from_lhs(*bounds, HWConfig(1, 1, -1))))
    sums = [plus(value * step, constant * step) for value in x]
    comb = optimize(trace(x, sums, optimize=False), keep_dead_inputs=True, retrace=False)
    events = np.random.default_rng(seed).integers(0, 1 << width, (50, 1))
    found = comb.predict(events.astype(np.float64)) / step
    np.testing.assert_array_equal(found.astype(np.int64), events + constant)


@MANY
@given(program=programs(bits=(1, 16)))
def test_fused_logic_of_a_network_alone_equals_it_too(program: Program) -> None:
    x = vectors(program, 50)
    found = integers(program, evaluate(fused(lower(program)), x))
    last = program.operations[-1].name
    np.testing.assert_array_equal(found[last], program_trace(program, x)[last])


@settings(max_examples=400, deadline=None)
@given(
    low=st.integers(-300, 300), span=st.integers(1, 500), negated=st.booleans(),
    exponent=st.integers(-3, 2), bits=st.integers(1, 8), signed=st.booleans(),
    result=st.integers(-5, 5), narrow=st.booleans(), relu=st.booleans(),
    rounding=st.sampled_from(["ROUND", "FLOOR"]),
)  # fmt: skip
def test_a_quantizer_in_gates_rounds_and_saturates_every_value(
    low: int, span: int, negated: bool, exponent: int, bits: int, signed: bool, result: int,
    narrow: bool, relu: bool, rounding: Rounding,
) -> None:  # fmt: skip
    form = Format(bits, signed, result, narrow)
    ends = np.array([float(low)]), np.array([float(low + span)])
    x = FVArray.from_lhs(*ends, np.ones(1), HWConfig(1, 1, -1))
    value = np.asarray(x)[0] * 2.0**exponent * (-1 if negated else 1)
    logic = trace(
        list(np.asarray(x)), [quantizer(form, rounding, relu=relu)(value)], optimize=False
    )
    logic = optimize(logic, keep_dead_inputs=True, retrace=False)
    every = np.arange(low, low + span + 1)
    found = np.ldexp(logic.predict(every[:, None].astype(float))[:, 0], -result)
    q = every * (-1 if negated else 1)
    q = np.maximum(q, 0) if relu else q
    drop = shift_right_round if rounding == "ROUND" else shift_right_floor
    np.testing.assert_array_equal(found, drop(q, result - exponent).clip(form.low, form.high))


@MANY
@given(program=triggers(), limit=st.sampled_from([2.0, 4.0, 6.25]))
def test_no_stage_is_longer_than_the_limit_unless_one_operation_is(
    program: Program, limit: float
) -> None:
    logic = fused(lower(program))
    single = max(
        (
            op.latency - max((logic.comb.ops[i].latency for i in op.input_ids), default=op.latency)
            for op in logic.comb.ops
            if op.opcode not in (-1, 5)
        ),
        default=0.0,
    )
    found = cut(logic, limit)
    assert found.stage_delay <= max(limit, single) + 1e-9
    assert found.stages >= 1


def wide() -> Program:
    rng = np.random.default_rng(3)
    weight = rng.integers(-31, 32, (40, 20))
    return Program(
        (Format(10, True, 0),) * 40,
        (
            Quantize("input_quant", Format(8, True, 0), "ROUND"),
            Affine("layer_0", weight, Format(6, True, -4), rng.integers(-99, 99, 20)),
            Quantize("layer_0_quant", Format(8, True, 0), "FLOOR"),
        ),
        digest="",
    )


def test_a_longer_latency_is_offered_only_where_it_is_cheaper() -> None:
    found = search(wide(), 5.0, None)
    stages, luts = [p.stages for p in found], [p.lut for p in found]
    assert stages == sorted(stages, reverse=True)
    assert luts == sorted(luts)
    assert all(p.stage_delay * NS_PER_UNIT <= 5.0 for p in found)
    assert search(wide(), 2.5, None)[-1].stages > found[-1].stages


def test_the_assumed_unit_is_what_alkaids_own_default_leaves_in_a_stage_of_5_ns() -> None:
    from alkaid.trace.pipeline import to_pipeline

    stages = to_pipeline(fused(lower(wide())).comb, latency_cutoff=5, verbose=False).logic
    longest = 0.0
    for comb in stages.values():
        ready: list[float] = []
        for op in comb.ops:
            inputs = [] if op.opcode in (-1, 5) else list(op.input_ids)
            before = max((comb.ops[i].latency for i in inputs), default=op.latency)
            start = max((ready[i] for i in inputs), default=0.0)
            ready.append(start + max(0.0, op.latency - before))
        longest = max(longest, *ready)
    assert 5 < longest < 7
    assert longest * NS_PER_UNIT == pytest.approx(5, abs=0.6)


def test_signed_digits_are_counted() -> None:
    weight = np.array([[7, -8, 0, 5]])  # 8-1, -8, nothing, 4+1
    op = Affine("a", weight, Format(5, True, 0), np.zeros(4, dtype=np.int64))
    assert digits(Program((Format(4, True, 0),), (op,), digest="")) == 2 + 1 + 0 + 2


def test_a_network_too_large_to_unroll_is_refused_with_its_cost() -> None:
    weight = np.random.default_rng(1).integers(-127, 128, (512, 512))
    op = Affine("a", weight, Format(8, True, 0), np.zeros(512, dtype=np.int64))
    program = Program((Format(8, True, 0),) * 512, (op, op), digest="")
    with pytest.raises(
        UserError, match=r"too large to unroll: 5\d\d,\d{3} products.*--strategy resource"
    ):
        refuse_too_large(program, resolve("xcvu9p"))
    refuse_too_large(wide(), Part("any", "none"))
