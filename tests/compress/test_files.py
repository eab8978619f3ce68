"""Whole files: a table through the codec and back, bounds, damage, and workers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aetrig.compress import stage
from aetrig.compress.container import HEAD
from aetrig.config.load import load as load_config
from aetrig.errors import CheckFailedError, UserError
from aetrig.program.model import Affine, Format, Program, Quantize, Relu, Rescale
from aetrig.run import Run
from program.qonnx_files import write_qonnx

ROWS = 500
COLUMNS = [
    {"name": "pt", "transform": "log10", "scale": 0.001, "step": 2.0**-8, "bits": 10, "unit": "log10(GeV)"},
    {"name": "eta", "step": 2.0**-6, "bits": 10},
    {"name": "phi", "step": 2.0**-6, "bits": 10},
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with a network of 3-2-3 that nobody trained: bad codes, which is all the better."""
    run = Run(tmp_path_factory.mktemp("run"))
    rng = np.random.default_rng(5)
    program = Program(
        (Format(10, True, 0),) * 3,
        (
            Rescale("input_scale", np.array([100, 0, 0]), np.array([6, 6, 6])),
            Quantize("input_quant", Format(10, True, -6), "ROUND"),
            Affine("encoder_0", rng.integers(-7, 8, (3, 2)), Format(4, True, -3), np.array([3, 5])),
            Quantize("encoder_0_quant", Format(9, True, -6), "FLOOR"),
            Affine("decoder_0", rng.integers(-7, 8, (2, 4)), Format(4, True, -3), np.zeros(4, int)),
            Relu("decoder_0_relu"),
            Quantize("decoder_0_quant", Format(8, False, -5), "ROUND"),
            Affine("decoder_1", rng.integers(-7, 8, (4, 3)), Format(4, True, -3), np.zeros(3, int)),
            Quantize("decoder_1_quant", Format(10, True, -6), "ROUND"),
        ),
        "",
    )
    write_qonnx(program, run / "model.qonnx.onnx")
    data = {"source": "table", "files": ["t.parquet"], "columns": COLUMNS}
    (run / "config.yaml").write_text(json.dumps({"name": "t", "data": data}))
    load_config(run / "config.yaml")
    return run


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "ROWS", 128)


def table(folder: Path, ending: str = "parquet") -> tuple[Path, pd.DataFrame]:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "pt": 1000 * (20 + rng.exponential(40, ROWS)),
            "eta": rng.normal(0, 1, ROWS),
            "phi": rng.uniform(-3, 3, ROWS),
            "other": np.arange(ROWS),
        }
    )
    frame.loc[3, "pt"] = np.nan
    frame.loc[4, "pt"] = -5.0  # no logarithm
    frame.loc[200, "eta"] = 1e9  # beyond the grid
    frame.loc[201, "phi"] = -np.inf
    path = folder / f"t.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path, frame[["pt", "eta", "phi"]]


def back(path: Path, folder: Path, **options: object) -> pd.DataFrame:
    stage.decompress(path, folder / "back.parquet", workers=1, **options)  # type: ignore[arg-type]
    return pd.read_parquet(folder / "back.parquet")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_bounds_hold_for_every_value(run: Run, tmp_path: Path, ending: str) -> None:
    path, frame = table(tmp_path, ending)
    out = tmp_path / "t.aez"
    made = stage.compress(run, path, out, ["pt=1%", "eta=0.05", "phi=0.01"], workers=1)
    assert (made.rows, made.blocks) == (ROWS, 4)
    found = back(out, tmp_path)
    for name, bound in (("pt", 0.01 * frame.pt.abs()), ("eta", 0.05), ("phi", 0.01)):
        near = (found[name] - frame[name]).abs() <= bound
        same = (found[name] == frame[name]) | (found[name].isna() & frame[name].isna())
        assert (near | same).all(), name
    assert found.pt.isna().tolist() == frame.pt.isna().tolist()
    assert found.eta[200] == 1e9
    assert found.phi[201] == -np.inf


def test_without_bounds_codes_decide_and_all_that_no_grid_holds_is_exact(
    run: Run, tmp_path: Path
) -> None:
    path, frame = table(tmp_path)
    free, bounded = tmp_path / "free.aez", tmp_path / "bounded.aez"
    stage.compress(run, path, free, workers=1)
    stage.compress(run, path, bounded, ["0.1%"], workers=1)
    assert free.stat().st_size < bounded.stat().st_size
    found = back(free, tmp_path)
    assert found.pt[4] == -5.0
    assert (found.eta - frame.eta).abs().median() > 0


def test_workers_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    path, _ = table(tmp_path)
    for workers in (1, 2):
        stage.compress(run, path, tmp_path / f"{workers}.aez", ["1%"], workers=workers)
    assert (tmp_path / "1.aez").read_bytes() == (tmp_path / "2.aez").read_bytes()
    stage.decompress(tmp_path / "1.aez", tmp_path / "two.parquet", workers=2)
    one, two = back(tmp_path / "1.aez", tmp_path), pd.read_parquet(tmp_path / "two.parquet")
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("block", [0, 1, 3])
@pytest.mark.parametrize("where", ["head", "content"])
def test_an_altered_block_is_named_and_the_others_are_read(
    run: Run, tmp_path: Path, block: int, where: str
) -> None:
    path, _ = table(tmp_path)
    out = tmp_path / "t.aez"
    stage.compress(run, path, out, ["1%"], workers=1)
    whole = back(out, tmp_path)
    content = bytearray(out.read_bytes())
    starts = [i for i in range(len(content)) if content[i : i + 4] == b"BLCK"]
    content[starts[block] + (6 if where == "head" else HEAD.size + 20)] ^= 4
    out.write_bytes(content)
    with pytest.raises(CheckFailedError, match=f"block {block}|ends or is damaged|once had"):
        back(out, tmp_path)
    assert len(pd.read_parquet(tmp_path / "back.parquet")) == ROWS  # the earlier one, untouched
    restored = stage.decompress(out, tmp_path / "saved.parquet", salvage=True, workers=1)
    rows = np.arange(ROWS) // 128 != block
    saved = pd.read_parquet(tmp_path / "saved.parquet")
    pd.testing.assert_frame_equal(saved, whole[rows].reset_index(drop=True))
    assert len(restored.lost) >= 1


def test_every_truncation_is_told(run: Run, tmp_path: Path) -> None:
    path, _ = table(tmp_path)
    out = tmp_path / "t.aez"
    stage.compress(run, path, out, workers=1)
    content = out.read_bytes()
    for length in (0, 5, 11, 100, len(content) // 2, len(content) - 30, len(content) - 1):
        out.write_bytes(content[:length])
        with pytest.raises((UserError, CheckFailedError)) as caught:
            back(out, tmp_path)
        assert str(out) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "back.parquet").exists()


def test_what_cannot_be_compressed_is_one_line(run: Run, tmp_path: Path) -> None:
    path, frame = table(tmp_path)
    out = tmp_path / "t.aez"
    with pytest.raises(UserError, match="no column 'pz'"):
        stage.compress(run, path, out, ["pz=1"], workers=1)
    frame.drop(columns="phi").to_parquet(path)
    with pytest.raises(UserError, match="no column 'phi'"):
        stage.compress(run, path, out, workers=1)
    (tmp_path / "t.txt").write_text("x")
    with pytest.raises(UserError, match=r"ending in \.parquet"):
        stage.compress(run, tmp_path / "t.txt", out, workers=1)
    assert not out.exists()
    out.write_bytes(b"PAR1....")
    with pytest.raises(UserError, match="not a file of aetrig compress"):
        back(out, tmp_path)
