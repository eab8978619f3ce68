from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from aetrig.config.model import Hls
from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.hls import stage
from aetrig.hls.build import Steps
from aetrig.hls.generate import generate
from aetrig.hls.stage import hls
from aetrig.program import read
from aetrig.run import Run
from hls.conftest import Generated
from hls.programs import random_inputs
from hls.test_build import stub, writing
from hls.vendor_reports import VITIS_COSIM, VITIS_CSYNTH


@pytest.fixture
def run(shared: Generated, tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    (run / "vectors").mkdir(parents=True)
    (run / "model.qonnx.onnx").write_bytes(shared.qonnx.read_bytes())
    x = random_inputs(shared.program, 300).astype(np.int32)
    np.savez_compressed(
        run / "vectors/validation.npz",
        x=x,
        process=np.zeros(len(x), np.int16),
        weight=np.ones(len(x)),
        names=np.array(["w"]),
        roles=np.array(["background"]),
        cross_sections=np.array([np.nan]),
        overlaps=np.array([1.0]),
        features=np.array([f"f{i}" for i in range(x.shape[1])]),
    )
    run.record("qat", ["model.qonnx.onnx", "vectors/validation.npz"], [])
    return run


def files(run: Run) -> set[str]:
    return {str(path.relative_to(run.path)) for path in run.path.rglob("*")}


def test_the_project_is_made_checked_recorded_and_then_skipped(run: Run) -> None:
    here = Path.cwd()
    result = hls(run, Hls())
    assert Path.cwd() == here
    assert result.events == 305
    assert "csim equals the Program in all of 305 events" in result.summary()
    record = json.loads((run / "hls.json").read_text())
    assert record["part"] == "xcvu9p-flga2104-2-e"
    assert record["types"]["encoder_0"]["accum"].startswith("fixed<")
    assert "firmware/myproject.cpp" in record["files"]
    assert run.altered() == []
    assert not list(run.path.glob(".hls*"))
    again = hls(run, Hls())
    assert again.skipped
    assert "up to date" in again.summary()
    with pytest.raises(UserError, match="aetrig hls --force"):
        hls(run, Hls(strategy="resource"))


def test_dry_run_writes_nothing(run: Run) -> None:
    before = files(run)
    result = hls(run, Hls(part="xcvu13p"), dry_run=True)
    assert files(run) == before
    assert "nothing was" in result.summary()
    assert "xcvu13p-flga2577-2-e" in result.summary()
    (title, columns, rows), *_ = result.tables()
    assert title == "Layers"
    assert ["encoder_0", "encoder_0", "accum"] in [row[:3] for row in rows]
    assert len(columns) == len(rows[0])


@pytest.mark.slow
def test_a_failed_check_leaves_the_run_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def narrowed(*arguments: object) -> None:
        generate(*arguments)  # type: ignore[arg-type]
        defines = arguments[3] / "firmware/defines.h"  # type: ignore[operator]
        text = defines.read_text()
        at = text.index("decoder_0_accum_t")
        line = text[text.rindex("\n", 0, at) : at]
        defines.write_text(text.replace(line, "\ntypedef ap_fixed<3,2> ", 1))

    monkeypatch.setattr(stage, "generate", narrowed)
    with pytest.raises(CheckFailedError, match="'decoder_0'"):
        hls(run, Hls())
    assert not (run / "hls").exists()
    assert not (run / "hls.json").exists()


def test_missing_compiler_stops_before_anything_is_written(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(run)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="apt-get install"):
        hls(run, Hls())
    assert files(run) == before


def test_missing_vendor_tool_stops_before_anything_is_written(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AETRIG_VITIS_HLS", raising=False)
    if any((Path(folder) / "vitis_hls").exists() for folder in os.environ["PATH"].split(":")):
        pytest.skip("vitis_hls is on PATH")
    before = files(run)
    with pytest.raises(MissingToolError, match="vitis-run and vitis_hls"):
        hls(run, Hls(), build=True)
    assert files(run) == before


@pytest.mark.slow
def test_a_stub_tools_reports_are_recorded_and_held_to_the_budget(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AETRIG_VITIS_HLS", raising=False)
    tools = tmp_path / "bin"
    both = {"csynth": VITIS_CSYNTH, "cosim": VITIS_COSIM}
    stub(tools, "vitis_hls", writing(tools, both), monkeypatch)
    result = hls(run, Hls(), build=True, steps=Steps(cosim=True), latency_budget_ns=60)
    assert tuple(result.tables()[0][2][0][:2]) == ("latency", "12 cycles = 60 ns")
    vendor = json.loads((run / "hls.json").read_text())["vendor"]
    assert (vendor["latency_cycles"], vendor["latency_source"]) == (12, "simulated by cosim")
    assert run.altered() == []
    with pytest.raises(CheckFailedError, match=r"60 ns \(12 cycles .* simulated by cosim"):
        hls(run, Hls(), latency_budget_ns=59)
    stub(tools, "vitis_hls", "exit 1", monkeypatch)
    with pytest.raises(CheckFailedError, match="exit code 1"):
        hls(run, Hls(), build=True)
    assert "vendor" not in json.loads((run / "hls.json").read_text())
    assert run.altered() == []
    assert hls(run, Hls(), latency_budget_ns=1).reports is None


def test_missing_export_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="aetrig export-onnx"):
        hls(Run(tmp_path), Hls())


def test_generation_is_deterministic(shared: Generated, tmp_path: Path) -> None:
    from aetrig.run import sha256

    digests = []
    for name in ("a", "b"):
        folder = tmp_path / name / "hls"
        generate(
            shared.qonnx,
            read(shared.qonnx),
            Hls(),
            folder,
            tmp_path / "hls.log",
            np.zeros((1, 6), int),
        )
        digests.append(sha256(folder))
    assert digests[0] == digests[1]
