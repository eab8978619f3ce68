"""The trigger as the top function: exact in every strategy, its own test bench, edits found."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aetrig
from aetrig.config.model import Hls
from aetrig.errors import CheckFailedError, UserError
from aetrig.hls import csim
from aetrig.hls.generate import plan
from aetrig.hls.project import check_project
from aetrig.program import Program
from aetrig.program.evaluate import trace
from aetrig.program.model import Score, Trigger, WorkingPoint
from hls.conftest import Generate, Generated
from hls.programs import random_inputs, small_program
from program.strategies import triggers, vectors

CASES = [
    ("Vitis", "latency", "square", "input_quant"),
    pytest.param("Vivado", "resource", "absolute", "input_quant", marks=pytest.mark.slow),
    # compiles the solver the first time: minutes on a new machine
    pytest.param(
        "Vitis", "distributed_arithmetic", "square", "input_quant", marks=pytest.mark.slow
    ),
    pytest.param("Vitis", "latency", "square", None, marks=pytest.mark.slow),
    ("Vivado", "latency", "absolute", None),
]


def triggered(kind: str, reference: str | None) -> Program:
    """The small network with thresholds at the quartiles of its scores."""
    program = small_program()
    if reference is None:
        program = replace(program, operations=program.operations[:7])
    score = Score(kind, reference)  # type: ignore[arg-type]
    scored = replace(program, trigger=Trigger(score, (), "1" * 64))
    scores = trace(scored, random_inputs(scored, 400))["score"]
    levels = np.quantile(scores, [0.25, 0.75]).astype(np.int64).tolist()
    points = tuple(WorkingPoint(f"point_{i}", level) for i, level in enumerate(levels))
    return replace(program, trigger=Trigger(score, points, "1" * 64))


@pytest.mark.parametrize(("backend", "strategy", "kind", "reference"), CASES)
def test_score_and_bits_are_exact(
    generated: Generate, backend: str, strategy: str, kind: str, reference: str | None
) -> None:
    made = generated(triggered(kind, reference), backend=backend, strategy=strategy)
    x, loaded = random_inputs(made.program, 300, seed=9), csim.load(made.folder, made.program)
    found, expected = loaded.trace(x), trace(made.program, x)
    assert loaded.network_digest() == made.program.digest != ""
    with pytest.raises(CheckFailedError, match="the project is of another network"):
        csim.check_digest(loaded, replace(made.program, digest="1" * 64))
    assert {"score", "accept"} <= set(found)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    assert 0 < found["accept"].mean() < 1
    assert check_project(made.folder, made.program) == []


@pytest.fixture(scope="module")
def made(generated: Generate) -> Generated:
    return generated(triggered("square", "input_quant"))


@pytest.fixture
def project(made: Generated, tmp_path: Path) -> Generated:
    return replace(made, folder=shutil.copytree(made.folder, tmp_path / "hls"))


def bench(folder: Path) -> subprocess.CompletedProcess[str]:
    sources = [str(path) for path in sorted((folder / "firmware").glob("*.cpp"))]
    weights = f'-DWEIGHTS_DIR="{folder / "firmware" / "weights"}"'
    command = ["g++", "-std=c++11", "-w", weights, "-Ifirmware/ap_types", "-I.", "trigger_test.cpp"]
    subprocess.run([*command, *sources, "-o", "bench"], cwd=folder, check=True)
    return subprocess.run(["./bench"], cwd=folder, capture_output=True, text=True, check=False)


def test_its_own_test_bench_passes_and_finds_a_changed_vector(project: Generated) -> None:
    done = bench(project.folder)
    assert (done.returncode, done.stdout.strip()) == (0, "50 events, 0 differing")
    golden = project.folder / "tb_data" / "tb_output_predictions.dat"
    rows = golden.read_text(encoding="utf-8").splitlines()
    rows[7] = f"{int(rows[7].split()[0]) + 1} " + rows[7].split(" ", 1)[1]
    golden.write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = subprocess.run(
        ["./bench"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (1, "50 events, 1 differing")
    (golden.parent / "tb_network_digest.dat").write_text("1" * 64 + "\n", encoding="utf-8")
    done = subprocess.run(
        ["./bench"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    assert "the vectors are of another network than the firmware" in done.stdout


def test_an_edited_threshold_is_found_without_compiling(project: Generated) -> None:
    config = project.folder / "firmware" / "trigger_config.h"
    text = config.read_text(encoding="utf-8")
    threshold = project.program.trigger.points[0].threshold  # type: ignore[union-attr]
    config.write_text(text.replace(f"{threshold}ULL", f"{threshold + 1}ULL"), encoding="utf-8")
    (finding,) = check_project(project.folder, project.program)
    assert finding.layer == "score"
    assert finding.what == "trigger_config.h"
    assert f"{threshold + 1}ULL" in finding.found


def test_an_edited_score_is_found_in_csim_too(project: Generated) -> None:
    header = project.folder / "firmware" / "trigger.h"
    text = header.read_text(encoding="utf-8")
    header.write_text(text.replace("return d * d;", "return d;"), encoding="utf-8")
    x = random_inputs(project.program, 100)
    config = project.folder / "firmware" / "trigger_config.h"
    assert config.exists()
    found = csim.load(project.folder, project.program).trace(x)["score"]
    assert (found != trace(project.program, x)["score"]).any()
    assert [str(item.what) for item in check_project(project.folder, project.program)] == [
        "trigger.h"
    ]


@pytest.mark.slow
def test_on_a_board_the_top_carries_the_triggers_words(generated: Generate) -> None:
    program = triggered("square", "input_quant")
    options = {"backend": "VivadoAccelerator", "board": "zcu102", "part": "xczu9eg-ffvb1156-2-e"}
    made = generated(program, **options)
    x = random_inputs(made.program, 300, seed=9)
    loaded = csim.load(made.folder, made.program)
    found, expected = loaded.trace(x), trace(made.program, x)
    assert loaded.network_digest() == made.program.digest[:8]
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    assert {"score", "accept"} <= set(found)
    assert check_project(made.folder, made.program) == []
    done = bench(made.folder)
    assert (done.returncode, done.stdout.strip()) == (0, "50 events, 0 differing")
    assert (made.folder / "axi_stream_driver.py").exists()
    assert "xczu9eg-ffvb1156-2-e" in (made.folder / "design.tcl").read_text(encoding="utf-8")
    axi = made.folder / "firmware" / "myproject_axi.cpp"
    axi.write_text(axi.read_text(encoding="utf-8").replace("ap_int<32>", "ap_int<31>"))
    assert [item.what for item in check_project(made.folder, made.program)] == ["myproject_axi.cpp"]


def test_the_boards_words_are_decoded_by_the_host(tmp_path: Path) -> None:
    source = Path(aetrig.__file__).parent / "firmware/hls/trigger_driver.py.in"
    shutil.copy(source, tmp_path / "trigger_driver.py")
    namespace = runpy.run_path(str(tmp_path / "trigger_driver.py"))
    # accept bits 0 and 2, then a score above 2**32; the driver gives them as int32
    words = np.array([[0b101, -1, 1, -2], [0b010, 7, 0, -2]], dtype=np.int32)
    scores, accept = namespace["decode"](words, 3)
    assert scores.tolist() == [2**33 - 1, 7]
    assert accept.tolist() == [[True, False, True], [False, True, False]]
    namespace["check"](words, "fffffffe" + "0" * 56)
    with pytest.raises(ValueError, match=r"runs network fffffffe\.\.\., expected 00000000\.\.\."):
        namespace["check"](words, "0" * 64)
    words[1, 3] = 0
    with pytest.raises(ValueError, match="named 2 networks within one call"):
        namespace["check"](words, "0" * 64)


def test_more_than_a_boards_word_holds_is_refused() -> None:
    program = triggered("square", "input_quant")
    assert program.trigger is not None
    points = tuple(WorkingPoint(f"point_{i}", i) for i in range(33))
    many = replace(program, trigger=replace(program.trigger, points=points))
    options = Hls(backend="VivadoAccelerator", board="pynq-z2", part="xc7z020clg400-1")
    with pytest.raises(UserError, match=r"33 working points.*holds 32 accept bits"):
        plan(many, options)
    wide = replace(program.input_formats[0], bits=33)
    formats = (wide, *program.input_formats[1:])
    with pytest.raises(UserError, match="AXI word holds 32"):
        plan(replace(program, input_formats=formats), options)


def test_other_backends_hold_the_network_alone(generated: Generate) -> None:
    bits = {"weight_bits": (6, 2, 12, 4), "value_bits": (8, 2, 12, 7)}
    network = small_program(**bits)  # type: ignore[arg-type]
    trigger = triggered("square", "input_quant").trigger
    made = generated(replace(network, trigger=trigger), backend="Catapult")
    assert not list(made.folder.rglob("trigger*"))
    assert check_project(made.folder, made.program) == []


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=triggers(width=6, depth=3), strategy=st.sampled_from(["latency", "resource"]))
def test_any_trigger_is_exact(generated: Generate, program: Program, strategy: str) -> None:
    try:
        made = generated(program, strategy=strategy)
    except UserError:  # formats that no firmware type has; test_precision holds their messages
        return
    x = vectors(made.program, 200)
    found, expected = csim.load(made.folder, made.program).trace(x), trace(made.program, x)
    assert {"score", "accept"} <= set(found)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
