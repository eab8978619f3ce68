"""Real Verilator and GHDL: latency by observation, streams with bubbles and resets, faults found."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.program import Program
from aetrig.program.evaluate import trace
from aetrig.rtl import simulate, verilate
from aetrig.rtl.load import load
from aetrig.rtl.measure import (
    check_digest,
    compare_stream,
    expected_valid,
    measure,
    measure_latency,
)
from aetrig.rtl.ports import Port
from fuzz.architectures import SMALL, architecture
from program.strategies import vectors
from rtl.conftest import project, small, without_trigger


def events(program: Program, count: int = 600) -> np.ndarray:
    return vectors(program, count).astype(np.int64)


@given(st.data())
def test_ports_hold_what_was_packed(data: st.DataObject) -> None:
    bits = data.draw(st.lists(st.integers(1, 62), min_size=1, max_size=9))
    signed = data.draw(st.lists(st.booleans(), min_size=len(bits), max_size=len(bits)))
    port = Port("x", tuple(bits), tuple(signed), 0)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low = [-(1 << (b - 1)) if s else 0 for b, s in zip(bits, signed, strict=True)]
    high = [(1 << (b - int(s))) - 1 for b, s in zip(bits, signed, strict=True)]
    values = rng.integers(low, np.array(high) + 1, (20, len(bits)))
    np.testing.assert_array_equal(port.unpack(port.pack(values)), values)


def test_results_latency_bubbles_and_resets(made: tuple[Path, Program, int]) -> None:
    folder, program, stages = made
    simulation = load(folder, program, "verilog")
    x = events(program)
    found, reference = simulation.trace(x), trace(program, x)
    assert set(found) == {"decoder_0_quant", "score", "accept"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, reference[name])
    assert 0 < reference["accept"].mean() < 1
    assert simulation.network_digest() == program.digest
    with pytest.raises(
        CheckFailedError, match=r"network_digest is not that of the network \(it gives c0dec0"
    ):
        check_digest(simulation, dataclasses.replace(program, digest="1" * 64))
    measured = measure(simulation, program, x)
    assert (measured.latency_cycles, measured.interval_cycles) == (stages, 1)
    assert measured.events > len(x)
    assert stages > 3


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.floats(0.05, 1), resets=st.floats(0, 0.3))
def test_any_stream_of_valids_and_resets(
    made: tuple[Path, Program, int], seed: int, rate: float, resets: float
) -> None:
    folder, program, stages = made
    x = events(program, 200)
    rng = np.random.default_rng(seed)
    valid = (rng.random(len(x)) < rate).astype(np.uint8)
    reset = (rng.random(len(x)) < resets).astype(np.uint8)
    compare_stream(load(folder, program, "verilog"), program, x, valid, reset, stages)


def test_valid_follows_events_that_met_no_reset() -> None:
    valid = np.array([1, 1, 0, 1, 1, 0, 0, 0], np.uint8)
    reset = np.array([0, 0, 0, 1, 0, 0, 0, 0], np.uint8)
    found = expected_valid(valid, reset, 3)
    # event 0 leaves after cycle 2, event 1 would leave after 3, where the reset is; 3 enters in it
    assert np.flatnonzero(found).tolist() == [2, 6]


def edited(made: tuple[Path, Program, int], tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = Path(shutil.copytree(made[0], tmp_path / "edited"))
    path = folder / "src" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_valid_that_is_a_cycle_late_is_found(
    made: tuple[Path, Program, int], tmp_path: Path
) -> None:
    stages = made[2]
    old, new = f"`define LATENCY {stages}", f"`define LATENCY {stages + 1}"
    folder = edited(made, tmp_path, "trigger_config.vh", old, new)
    said = rf"in cycles \[{stages}\] after it was taken in, valid in cycles \[{stages + 1}\]"
    with pytest.raises(CheckFailedError, match=said):
        measure_latency(load(folder, made[1], "verilog"), made[1], events(made[1]))


def test_a_reset_that_forgets_one_stage_is_found(
    made: tuple[Path, Program, int], tmp_path: Path
) -> None:
    stages = made[2]
    old, new = "{`LATENCY{1'b0}}", "{shifted[`LATENCY-1], {(`LATENCY-1){1'b0}}}"
    folder = edited(made, tmp_path, "trigger.v", old, new)
    x = events(made[1])
    reset = np.zeros(len(x), np.uint8)
    reset[50::70] = 1
    with pytest.raises(CheckFailedError, match="valid_out is 1 after cycle"):
        compare_stream(
            load(folder, made[1], "verilog"), made[1], x, np.ones(len(x), np.uint8), reset, stages
        )


@pytest.mark.slow
def test_a_wrong_bit_is_named(made: tuple[Path, Program, int], tmp_path: Path) -> None:
    text = (made[0] / "src" / "network.v").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "assign score[" in line)
    broken = (
        re.sub(r"out\[(\d+):(\d+)\]", r"(out[\1:\2] ^ 4)", line, count=1)
        .replace("{(", "((")
        .replace(")}", "))")
    )
    folder = edited(
        made, tmp_path, "network.v", line, broken.replace("((out", "(out").replace("4))", "4)")
    )
    with pytest.raises(CheckFailedError, match=r"values of 'score', first after cycle .* bit 2: "):
        measure_stream(folder, made)


def measure_stream(folder: Path, made: tuple[Path, Program, int]) -> None:
    x = events(made[1])
    ones, none = np.ones(len(x), np.uint8), np.zeros(len(x), np.uint8)
    compare_stream(load(folder, made[1], "verilog"), made[1], x, ones, none, made[2])


def test_lint_is_an_error(made: tuple[Path, Program, int], tmp_path: Path) -> None:
    folder = edited(
        made, tmp_path, "trigger.v", "[`LATENCY-1:0] in_flight", "[`LATENCY:0] in_flight"
    )
    with pytest.raises(CheckFailedError, match="Verilator refuses the RTL: %Warning-WIDTH"):
        verilate.compiled(folder)


def test_a_network_alone_gives_its_output(tmp_path: Path) -> None:
    program = without_trigger(small())
    stages = project(tmp_path / "network", program)
    simulation = simulate.load(tmp_path / "network", program)
    assert measure(simulation, program, events(program, 300)).latency_cycles == stages


def test_a_network_that_no_input_reaches_is_refused(tmp_path: Path) -> None:
    program = small()
    last = next(op for op in program.operations if op.name == "decoder_0")
    pruned = dataclasses.replace(last, weight=np.zeros_like(last.weight))  # type: ignore[type-var]
    operations = tuple(pruned if op is last else op for op in program.operations)
    with pytest.raises(UserError, match="no input reaches the network's output"):
        project(
            tmp_path / "constant",
            without_trigger(dataclasses.replace(program, operations=operations)),
        )


@pytest.mark.parametrize("language", ["verilog", "vhdl"])
def test_a_range_that_alkaid_bounds_wider_than_the_program(tmp_path: Path, language: str) -> None:
    if language == "vhdl" and shutil.which("ghdl") is None:
        pytest.skip("no ghdl on PATH")
    program = architecture(7024, SMALL)  # alkaid's score has 25 bits, the Program's 24
    project(tmp_path, program, language)
    x = events(program, 200)
    reference = trace(program, x)
    for name, values in load(tmp_path, program, language).trace(x).items():
        np.testing.assert_array_equal(values, reference[name])


@pytest.mark.parametrize("kind", ["square", "absolute"])
def test_vhdl_in_ghdl(tmp_path: Path, kind: str) -> None:
    if shutil.which("ghdl") is None:
        pytest.skip("GHDL is not installed: apt-get install ghdl")
    program = small(kind)
    stages = project(tmp_path / "vhdl", program, "vhdl")
    simulation = load(tmp_path / "vhdl", program, "vhdl")
    assert measure(simulation, program, events(program, 100)).latency_cycles == stages


def test_missing_tools_are_named(
    made: tuple[Path, Program, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"ghdl was not found.*apt-get install ghdl"):
        load(made[0], made[1], "vhdl")
    with pytest.raises(MissingToolError, match=r"g\+\+ was not found"):
        verilate.compiled(made[0])
    monkeypatch.setattr("aetrig.rtl.verilate.util.find_spec", lambda _: None)
    with pytest.raises(MissingToolError, match=r"pip install 'aetrig\[rtl\]'"):
        verilate.compiled(made[0])
