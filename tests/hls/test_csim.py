"""csim equals the Program in every bit, and a change in the project is found and named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.hls import csim
from aetrig.hls.project import check_project, types
from aetrig.program import Affine, Format, Program, Quantize, Rescale, trace
from aetrig.program.compare import first_difference
from aetrig.program.model import Relu
from aetrig.program.probe import smoke_vectors
from hls.conftest import Generate, Generated
from hls.programs import random_inputs, small_program


def difference(project: Generated) -> str | None:
    """Return the operation that differs first."""
    x = smoke_vectors(project.program, random_inputs(project.program))
    found = csim.load(project.folder, project.program).trace(x)
    assert [name for name in found if name.endswith("_quant")] == [
        op.name for op in project.program.operations if op.name.endswith("_quant")
    ]
    found_first = first_difference(trace(project.program, x), found)
    return None if found_first is None else found_first.op


@pytest.mark.parametrize(
    ("rounding", "options"),
    [
        ("ROUND", {}),
        ("FLOOR", {}),
        ("ROUND", {"strategy": "resource", "reuse_factor": 2}),
    ],
)
def test_every_layer_is_exact(
    generated: Generate, rounding: str, options: dict[str, object]
) -> None:
    made = generated(small_program(rounding), **options)
    assert check_project(made.folder, made.program) == []
    assert difference(made) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"backend": "Vivado"},
        {"backend": "VivadoAccelerator", "part": "xc7z020"},
        {"backend": "Quartus", "strategy": "resource", "part": "arria10"},
        {"backend": "Catapult"},
        {"backend": "Catapult", "strategy": "resource"},
    ],
)
@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
def test_every_backend_is_exact(
    generated: Generate, options: dict[str, object], rounding: str
) -> None:
    bits = {"weight_bits": (6, 2, 12, 4), "value_bits": (8, 2, 12, 7)}
    made = generated(small_program(rounding, **bits), **options)
    assert check_project(made.folder, made.program) == []
    assert difference(made) is None


@pytest.mark.slow
@pytest.mark.parametrize("bits", range(1, 13))
def test_every_bit_width_is_exact(generated: Generate, bits: int) -> None:
    four = (bits,) * 4
    made = generated(small_program("ROUND", weight_bits=four, value_bits=four, seed=bits))
    assert difference(made) is None


def test_input_scaling_that_does_nothing_keeps_its_quantizer(generated: Generate) -> None:
    program = small_program(widths=(3, 2), shifts=(0, 0, 0))
    rescale = program.operations[0]
    rescale.offset[:] = 0  # type: ignore[union-attr]
    made = generated(program)
    assert difference(made) is None


def test_run_returns_the_output(shared: Generated) -> None:
    x = random_inputs(shared.program, 50)
    loaded = csim.load(shared.folder, shared.program)
    expected = trace(shared.program, x)[shared.program.operations[-1].name]
    np.testing.assert_array_equal(loaded.run(x), expected)
    assert loaded.run(x[:0]).shape == (0, shared.program.outputs)


def test_the_library_is_made_once_for_the_same_sources(shared: Generated) -> None:
    first = csim.load(shared.folder, shared.program).library
    when = first.stat().st_mtime_ns
    again = csim.load(shared.folder, shared.program).library
    assert (again, again.stat().st_mtime_ns) == (first, when)


def test_a_moved_project_still_runs(project: Generated, tmp_path: Path) -> None:
    moved = project.folder.rename(tmp_path / "elsewhere")
    assert difference(Generated(project.program, project.qonnx, moved, project.log)) is None


def edit(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text()
    changed, count = re.subn(pattern, replacement, text, count=1)
    assert count == 1, f"{pattern} is not in {path.name}"
    path.write_text(changed)


def test_a_narrowed_accumulator_is_found_and_named(project: Generated) -> None:
    bits = types(project.folder, project.program)["decoder_0"]["accum"]
    assert bits is not None
    narrow = f"ap_fixed<{bits.bits - 5},{bits.integer - 5}> decoder_0_accum_t;"
    edit(project.folder / "firmware/defines.h", r"ap_fixed<\d+,-?\d+> decoder_0_accum_t;", narrow)
    (finding,) = check_project(project.folder, project.program)
    assert (finding.layer, finding.what) == ("decoder_0", "accum type")
    assert difference(project) == "decoder_0"


def test_an_accumulator_narrowed_by_a_bit_is_found_without_a_vector(project: Generated) -> None:
    bits = types(project.folder, project.program)["encoder_1"]["accum"]
    assert bits is not None
    narrow = f"ap_fixed<{bits.bits - 1},{bits.integer - 1}> encoder_1_accum_t;"
    edit(project.folder / "firmware/defines.h", r"ap_fixed<\d+,-?\d+> encoder_1_accum_t;", narrow)
    assert [item.layer for item in check_project(project.folder, project.program)] == ["encoder_1"]


def test_a_swapped_rounding_mode_is_found_and_named(project: Generated) -> None:
    defines = project.folder / "firmware/defines.h"
    edit(defines, r"(ap_ufixed<8,-?\d+),AP_RND_CONV", r"\1,AP_TRN")
    (finding,) = check_project(project.folder, project.program)
    assert (finding.layer, finding.what) == ("encoder_0_quant", "result type")
    assert difference(project) == "encoder_0_quant"


@pytest.mark.parametrize("ending", ["txt", "h"])
def test_a_changed_weight_is_found_and_named(project: Generated, ending: str) -> None:
    path = project.folder / f"firmware/weights/w3.{ending}"
    edit(path, r"(?<=[{ ])-?\d\.\d+(?=, )", "0.000000" if ending == "h" else "0.218750")
    findings = check_project(project.folder, project.program)
    assert [item.layer for item in findings] == ["encoder_0"]
    assert f"w3.{ending}" in findings[0].what
    # synthesis reads the header, csim the text: only reading both finds every change
    if ending == "txt":
        assert difference(project) == "encoder_0"


def test_a_project_of_another_network_is_found(project: Generated) -> None:
    other = small_program(widths=(6, 2, 6), seed=5)
    (finding,) = check_project(project.folder, other)
    assert finding.layer == "project"


def test_sources_that_do_not_compile_fail_with_the_compilers_line(project: Generated) -> None:
    edit(
        project.folder / "firmware/defines.h",
        r"ap_fixed<\d+,-?\d+> decoder_0_accum_t;",
        "nonsense;",
    )
    with pytest.raises(CheckFailedError, match=r"does not compile.*nonsense"):
        csim.load(project.folder, project.program)


def test_an_incomplete_project_is_refused(project: Generated) -> None:
    shutil.rmtree(project.folder / "firmware")
    with pytest.raises(UserError, match="aetrig hls --force"):
        csim.load(project.folder, project.program)
    with pytest.raises(UserError, match="aetrig hls --force"):
        check_project(project.folder, project.program)


def test_missing_compiler_is_named_with_its_remedy(
    project: Generated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match=r"g\+\+ was not found.*apt-get install g\+\+"):
        csim.load(project.folder, project.program)


@pytest.mark.slow
def test_a_quantizer_may_round_off_more_bits_than_its_operand_has(generated: Generate) -> None:
    """Everything becomes zero, but ap_fixed aborted where the operand's type was that short."""
    scaled = Rescale("input_scale", np.array([1, 0]), np.array([0, 1]))
    one, inputs = np.array([[1, 0], [1, -1]]), (Format(2, True, 0), Format(2, True, 0))
    operations = (
        scaled,
        Quantize("input_quant", Format(3, True, -1), "ROUND"),
        Affine("encoder_0", one, Format(2, True, 0), np.array([0, 1])),
        Quantize("encoder_0_quant", Format(4, True, 8), "ROUND"),
        Affine("decoder_0", one, Format(2, True, 0), np.array([1, 0])),
        Relu("decoder_0_relu"),
        Quantize("decoder_0_quant", Format(4, False, 20), "ROUND"),
    )
    made = generated(Program(inputs, operations, ""))
    assert check_project(made.folder, made.program) == []
    assert difference(made) is None
    coarse = Quantize("input_quant", Format(3, True, 12), "ROUND")
    made = generated(Program(inputs, (scaled, coarse, *operations[2:4]), ""))
    assert difference(made) is None
