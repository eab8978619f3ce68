import dataclasses

import numpy as np
import pytest

from aetrig.errors import CheckFailedError
from aetrig.program.evaluate import trace
from aetrig.program.model import Affine, Format, Program, Quantize
from aetrig.verify.ladder import CHUNK, Rung, climb_ladder
from aetrig.verify.vectors import adversarial
from verify.programs import changed_weight, random_program, replaced


def rung(name: str, program: Program, *, keep: bool = False) -> Rung:
    return Rung(name, lambda x: trace(program, x), keep=keep)


def layers(program: Program) -> list[str]:
    return [op.name for op in program.operations if isinstance(op, Quantize)]


def ends(program: Program) -> list[str]:
    return [layers(program)[0], layers(program)[-1]]


def swapped_rounding(program: Program, name: str) -> Program:
    op = next(op for op in program.operations if op.name == name)
    assert isinstance(op, Quantize)
    return replaced(program, name, dataclasses.replace(op, rounding="FLOOR"))


def changed_bias(program: Program, name: str) -> Program:
    op = next(op for op in program.operations if op.name == name)
    assert isinstance(op, Affine)
    return replaced(program, name, dataclasses.replace(op, bias=op.bias + (1 << 3)))


def fewer_bits(program: Program, name: str) -> Program:
    op = next(op for op in program.operations if op.name == name)
    assert isinstance(op, Quantize)
    form = dataclasses.replace(op.format, bits=op.format.bits - 1)
    return replaced(program, name, dataclasses.replace(op, format=form))


def test_equal_stages_differ_nowhere_and_every_value_is_compared() -> None:
    program = random_program(11)
    x = adversarial(program, CHUNK + 100).x
    done: list[int] = []
    stages = [rung("a", program), rung("b", program, keep=True), rung("c", program)]
    found = climb_ladder(stages, x, "adversarial", layers(program), ends(program), done.append)
    width = 8 + 6 + 3 + 6 + 8  # input, hidden, latent, hidden, output
    assert [(row.reference, row.other) for row in found.comparisons] == [("a", "b"), ("b", "c")]
    for row in found.comparisons:
        assert (row.events, row.values, row.differing) == (len(x), len(x) * width, 0)
        assert row.first is None
    assert found.mismatches == ()
    assert sum(done) == len(x)
    expected = trace(program, x)
    assert set(found.values) == {"b"}
    assert (found.values["b"]["input_quant"] == expected["input_quant"]).all()
    assert (found.values["b"]["decoder_3_quant"] == expected["decoder_3_quant"]).all()


LAYERS = ["encoder_0", "encoder_1", "decoder_2", "decoder_3"]
FAULTS = [
    *[(changed_weight, layer, f"{layer}_quant") for layer in LAYERS],
    *[(changed_bias, layer, f"{layer}_quant") for layer in LAYERS],
    *[(swapped_rounding, f"{layer}_quant", f"{layer}_quant") for layer in LAYERS],
    (fewer_bits, "input_quant", "input_quant"),
    (fewer_bits, "encoder_0_quant", "encoder_0_quant"),
    (fewer_bits, "encoder_1_quant", "encoder_1_quant"),
]


@pytest.mark.parametrize(("fault", "where", "layer"), FAULTS)
def test_a_single_fault_is_found_at_its_layer_between_its_stages(fault, where, layer) -> None:  # type: ignore[no-untyped-def]
    program = random_program(12)
    x = adversarial(program, 400).x
    broken = fault(program, where)
    stages = [rung("QAT", program), rung("Program", broken), rung("csim", broken)]
    found = climb_ladder(stages, x, "adversarial", layers(program))
    first, second = found.comparisons
    assert second.differing == 0
    assert first.first is not None
    mismatch = first.first
    assert mismatch.layer == layer
    good, bad = trace(program, x)[layer], trace(broken, x)[layer]
    row, element = np.argwhere(good != bad)[0]
    assert (mismatch.sample, mismatch.element) == (row, element)
    assert (mismatch.reference, mismatch.other) == (good[row, element], bad[row, element])
    changed = int(good[row, element]) ^ int(bad[row, element])
    assert changed >> mismatch.bit & 1
    assert changed % (1 << mismatch.bit) == 0
    assert "QAT and Program first differ at layer" in str(mismatch)
    total = sum(
        int((trace(program, x)[name] != trace(broken, x)[name]).sum()) for name in layers(program)
    )
    assert first.differing == total
    assert len(found.mismatches) == min(100, total)
    assert found.mismatches[0] == mismatch


def test_a_fault_in_a_later_chunk_keeps_its_row_and_the_earliest_layer_is_named() -> None:
    program = random_program(13)
    x = adversarial(program, 2 * CHUNK).x
    good = trace(program, x)
    names = layers(program)

    def run(chunk: np.ndarray) -> dict[str, np.ndarray]:
        values = {name: found.copy() for name, found in trace(program, chunk).items()}
        if (chunk == x[CHUNK : CHUNK + len(chunk)]).all():
            values[names[1]][5, 2] += 4  # the earlier layer, in the later chunk
        else:
            values[names[3]][1, 1] += 1
        return values

    found = climb_ladder([rung("a", program), Rung("b", run)], x, "validation", names)
    mismatch = found.comparisons[0].first
    assert mismatch is not None
    assert (mismatch.layer, mismatch.sample, mismatch.element) == (names[1], CHUNK + 5, 2)
    assert mismatch.reference == good[names[1]][CHUNK + 5, 2]
    assert mismatch.bit >= 2
    assert [item.layer for item in found.mismatches] == [names[1], names[3]]


def test_a_stage_that_fails_is_named_and_its_neighbours_meet() -> None:
    program = random_program(14)

    def fail(_: np.ndarray) -> dict[str, np.ndarray]:
        raise CheckFailedError("values off the grid")

    x = adversarial(program, 200).x
    stages = [rung("a", program), Rung("b", fail), rung("c", changed_weight(program, "encoder_1"))]
    found = climb_ladder(stages, x, "adversarial", layers(program))
    assert [(row.reference, row.other) for row in found.comparisons] == [("a", "c")]
    assert found.comparisons[0].first is not None
    assert [finding.where for finding in found.findings] == ["b"]
    assert "values off the grid" in found.findings[0].what


def test_a_variant_is_compared_with_its_stage_and_does_not_break_the_chain() -> None:
    program = random_program(15)
    broken = changed_weight(program, "decoder_3")

    def output_only(x: np.ndarray) -> dict[str, np.ndarray]:
        return {"decoder_3_quant": trace(broken, x)["decoder_3_quant"]}

    stages = [
        rung("QAT", program),
        rung("onnxruntime", program),
        Rung("onnxruntime (all)", output_only, beside="onnxruntime"),
        rung("Program", program),
    ]
    x = adversarial(program, 200).x
    found = climb_ladder(stages, x, "adversarial", layers(program))
    rows = {(row.reference, row.other): row for row in found.comparisons}
    assert set(rows) == {
        ("QAT", "onnxruntime"),
        ("onnxruntime", "onnxruntime (all)"),
        ("onnxruntime", "Program"),
    }
    variant = rows["onnxruntime", "onnxruntime (all)"]
    assert variant.values == 200 * 8
    assert variant.differing > 0
    assert rows["onnxruntime", "Program"].differing == 0


def test_stages_without_a_common_layer_are_a_finding_and_not_agreement() -> None:
    program = random_program(16)
    other = Rung("b", lambda x: {"another": x})
    x = adversarial(program, 200).x
    found = climb_ladder([rung("a", program), other], x, "validation", layers(program))
    assert [finding.where for finding in found.findings] == ["b"]
    wide = Rung("b", lambda x: {"input_quant": np.zeros((len(x), 3), dtype=np.int64)})
    found = climb_ladder([rung("a", program), wide], x, "validation", layers(program))
    assert "shape" in found.findings[0].what


def test_saturation_of_one_format_is_told_from_the_other() -> None:
    program = random_program(17)
    op = program.input_quantizer
    narrow = dataclasses.replace(op, format=Format(6, True, -2, narrow=True))
    broken = replaced(program, "input_quant", narrow)
    x = adversarial(program, 200).x
    found = climb_ladder([rung("a", program), rung("b", broken)], x, "adversarial", layers(program))
    mismatch = found.comparisons[0].first
    assert mismatch is not None
    assert (mismatch.layer, mismatch.reference, mismatch.other) == ("input_quant", -32, -31)
