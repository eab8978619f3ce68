"""`aetrig emulator` from a run's artefacts to a checked folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from aetrig.cli.emulator import command
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.vectors import save
from aetrig.emulator import stage
from aetrig.emulator.load import load
from aetrig.emulator.stage import emulator
from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.program import contract
from aetrig.program.evaluate import trace
from aetrig.program.model import Score, Trigger, WorkingPoint
from aetrig.run import Run, sha256
from hls.programs import small_program
from program.qonnx_files import write_qonnx
from program.strategies import vectors


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a network, its trigger and vectors."""
    made = Run(tmp_path / "run")
    (made / "vectors").mkdir(parents=True)
    (made / "config.yaml").write_text("name: Small-1\n")
    program = small_program()
    write_qonnx(program, made / "model.qonnx.onnx")
    score = Score("absolute", "input_quant")
    trigger = Trigger(score, (WorkingPoint("tight", 500),), sha256(made / "model.qonnx.onnx"))
    write_qonnx(replace(program, trigger=trigger), made / "trigger.qonnx.onnx")
    x = vectors(program, 300)
    features = tuple(Feature(f"f{i}", Grid(1.0, 12, signed=True, unit="")) for i in range(6))
    zeros = np.zeros(len(x), np.int16)
    dataset = Dataset(x, features, (Process("qcd", "background"),), zeros,
                      np.ones(len(x)), zeros.astype(np.int8))  # fmt: skip
    save(made / "vectors/validation.npz", dataset)
    return made


def test_stage_writes_a_checked_emulator(run: Run) -> None:
    result = emulator(run, version=7)
    assert result.name.prefix == "aetrig_small_1_v7"
    assert result.events == 307
    assert "generic" in result.rates
    record = json.loads((run / "emulator.json").read_text())
    assert record["differing_values"] == 0
    speed = json.loads((run / "logs" / "emulator-speed.json").read_text())
    assert speed["events_per_second"] == result.rates
    assert set(record["paths_compared"]) == set(result.rates)
    assert speed["fastest"] == max(result.rates, key=lambda path: result.rates[path])
    assert record["products"]["of_pairs_not_zero"] > 0
    assert record["library_sha256"] == sha256(result.folder / record["library"])
    assert sorted(record["files"]) == sorted(
        str(path.relative_to(result.folder)) for path in result.folder.rglob("*") if path.is_file()
    )
    program = contract.load(run)
    x = vectors(program, 50, 9)
    reference = trace(program, x)
    found = load(run / "emulator", program).trace(x)
    assert set(found) == {program.operations[-1].name, "score", "accept"}
    assert all(np.array_equal(found[name], reference[name]) for name in found)
    assert emulator(run, version=7).skipped
    with pytest.raises(UserError, match="aetrig emulator --force"):
        emulator(run, version=8)
    first = sha256(run / "emulator")
    emulator(run, version=7, force=True)
    assert sha256(run / "emulator") == first
    assert not run.altered()


def test_a_wrong_bit_fails_the_stage_and_leaves_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowered = stage.lower(contract.load(run))

    def write(program: object, name: object, golden: object, folder: Path) -> None:
        original(program, name, golden, folder)
        source = next((folder / "src").glob("*.cpp"))
        text = source.read_text()
        bias = f" {lowered.layers[-1].bias[0]},"
        place = text.index(bias, text.rindex("bias[padded]"))
        source.write_text(
            text[:place] + f" {lowered.layers[-1].bias[0] + 4096}," + text[place + len(bias) :]
        )

    original = stage.write_folder
    monkeypatch.setattr(stage, "write_folder", write)
    with pytest.raises(CheckFailedError, match="differ on path generic: first difference"):
        emulator(run)
    assert not (run / "emulator").exists()
    assert not (run / "emulator.json").exists()


def test_bad_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="cannot be part of a C name"):
        emulator(run, name="L1 AD")
    with pytest.raises(UserError, match="version -1"):
        emulator(run, version=-1)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match=r"g\+\+ was not found"):
        emulator(run)
    (run / "vectors/validation.npz").unlink()
    with pytest.raises(UserError, match="aetrig qat"):
        emulator(run)


def test_command_prints_the_arithmetic(run: Run) -> None:
    app = typer.Typer()
    app.command()(command)
    given = ["--run", str(run.path), "--name", "l1ad", "--version", "4"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "aetrig_l1ad_v4" in done.output
    assert "dot8" in done.output
    assert "events/s" in done.output
    assert (run / "emulator" / "libaetrig_l1ad_v4.so").exists()


def test_a_network_alone(run: Run) -> None:
    (run / "trigger.qonnx.onnx").unlink()
    result = emulator(run)
    assert "_TRIGGER 0" in (result.folder / f"{result.name.prefix}.h").read_text()
    program = contract.load(run)
    assert set(load(run / "emulator", program).trace(vectors(program, 5))) == {
        program.operations[-1].name
    }
