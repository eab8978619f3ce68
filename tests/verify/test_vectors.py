import dataclasses

import numpy as np
import pytest

from aetrig.program.evaluate import evaluate, trace
from aetrig.program.model import Affine, Format, Quantize, Rescale, Rounding
from aetrig.verify.coverage import coverage, hits
from aetrig.verify.vectors import adversarial
from verify.programs import random_program, replaced


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
def test_whatever_any_input_can_do_to_a_quantizer_the_vectors_do(
    seed: int, rounding: Rounding
) -> None:
    program = random_program(seed, widths=(3, 6, 2, 6, 3), rounding=rounding)
    program = dataclasses.replace(program, input_formats=(Format(6, True, 0),) * 3)
    axis = np.arange(-32, 32)
    everything = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    made = adversarial(program, 300)
    for row, whole in zip(made.coverage, coverage(program, everything), strict=True):
        assert row.name == whole.name
        assert whole.ties != 0, whole
        missed = set(row.missed()) - set(whole.missed())
        assert not missed, (row, whole)


def test_ties_everywhere_in_a_network_of_usual_shape() -> None:
    made = adversarial(random_program(7, widths=(57, 32, 16, 3, 16, 32, 57), bits=8), 1000)
    for row in made.coverage:
        assert row.ties, row
        if "encoder" in row.name or "input" in row.name:
            assert not row.missed(), row


def test_vectors_are_inputs_of_the_program_and_repeatable() -> None:
    program = random_program(1)
    first, second, other = (
        adversarial(program, 300),
        adversarial(program, 300),
        adversarial(program, 300, seed=2),
    )
    assert first.x.shape == (300, 8)
    assert len(first.family) == 300
    assert (first.x == second.x).all()
    assert (first.x != other.x).any()
    for column, form in enumerate(program.input_formats):
        assert first.x[:, column].min() == form.low
        assert first.x[:, column].max() == form.high


@pytest.mark.parametrize("count", [100, 101, 1000])
def test_count_is_kept_and_families_are_present(count: int) -> None:
    made = adversarial(random_program(2, widths=(40, 30, 3, 30, 40)), count)
    assert made.x.shape == (count, 40)
    assert len(set(made.family)) == 8
    assert made.family.count("selected") >= count // 4


def test_ties_of_the_input_lie_half_way_between_steps() -> None:
    program = random_program(3)
    made = adversarial(program, 400)
    rows = np.array([name == "ties of the input" for name in made.family])
    marks = hits(program, made.x[rows])["input_quant", "tie"]
    rescale = program.operations[0]
    assert isinstance(rescale, Rescale)
    has_ties = rescale.shift + program.input_quantizer.format.exponent > 0
    assert has_ties.any()
    assert marks[:, has_ties].mean() > 0.5
    assert not marks[:, ~has_ties].any()


def test_first_layer_reaches_the_exact_extremes_of_every_accumulator() -> None:
    program = random_program(4)
    made = adversarial(program, 1000)
    sums = trace(program, made.x)["encoder_0"]
    layer = next(op for op in program.operations if isinstance(op, Affine))
    form = program.input_quantizer.format
    largest = np.where(layer.weight > 0, form.high, form.low) * layer.weight
    smallest = np.where(layer.weight > 0, form.low, form.high) * layer.weight
    # the input's integers saturate the input quantizer on both sides, so both ends are reached
    assert (sums.max(axis=0) <= largest.sum(axis=0) + layer.bias).all()
    assert (sums.min(axis=0) >= smallest.sum(axis=0) + layer.bias).all()
    signed = np.array([form.signed for form in program.input_formats])
    if signed.all():
        assert (sums.max(axis=0) == largest.sum(axis=0) + layer.bias).all()


def test_vectors_tell_both_roundings_apart_at_every_quantizer() -> None:
    program = random_program(5)
    x = adversarial(program, 400).x
    for op in program.operations:
        if isinstance(op, Quantize):
            floored = dataclasses.replace(op, rounding="FLOOR")
            assert (trace(replaced(program, op.name, floored), x)[op.name]
                    != trace(program, x)[op.name]).any()  # fmt: skip


def test_coverage_counts_by_hand_and_knows_what_cannot_happen() -> None:
    program = random_program(6, widths=(1, 1))
    program = dataclasses.replace(
        program,
        input_formats=(Format(6, True, 0),),
        operations=(
            Rescale("input_scale", np.array([0]), np.array([1])),
            Quantize("input_quant", Format(4, True, 0), "ROUND"),
            Affine("decoder_0", np.array([[1]]), Format(2, True, 0), np.array([0])),
            Quantize("decoder_0_quant", Format(4, True, 0), "ROUND"),
        ),
    )
    x = np.array([[-32], [-17], [-16], [1], [3], [15], [16], [31]])
    first, last = coverage(program, x)
    # halves: -16, -8.5 (tie, to -8), -8, 0.5, 1.5, 7.5 (ties; the last to 8, saturated), 8, 15.5
    assert (first.values, first.ties, first.low, first.high) == (8, 5, 1, 3)
    assert (last.ties, last.low, last.high) == (None, None, None)
    assert last.missed() == ()
    quiet = coverage(program, np.array([[0]]))
    assert quiet[0].missed() == ("ties", "saturation low", "saturation high")
    assert evaluate(program, x).ravel().tolist() == [-8, -8, -8, 0, 2, 7, 7, 7]
