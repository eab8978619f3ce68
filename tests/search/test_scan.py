"""A scan on a tiny table: its points, what is trained once, what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import yaml
from typer.testing import CliRunner

from aetrig import config as configuration
from aetrig.cli.main import app
from aetrig.config.load import load as load_config
from aetrig.errors import UserError
from aetrig.run import Run
from aetrig.search.scan import ScanResult, scan
from aetrig.train import metrics
from aetrig.train.qat import qat
from train.samples import config, write_table


def run_scan(folder: Path, over: str, *more: str, workers: int | None = None) -> ScanResult:
    path = folder / "tiny.yaml"
    path.write_text(configuration.dump(config()))

    def load(overrides: Sequence[str]) -> configuration.RunConfig:
        return load_config(path, [*more, *overrides])

    return scan(
        load, over, folder / "runs", base=folder, progress=False, note=lambda _: None,
        workers=workers,
    )  # fmt: skip


def test_bit_widths_share_one_float_phase(tmp_path: Path) -> None:
    write_table(tmp_path)
    found = run_scan(tmp_path, "quant.weight_bits=2,6")
    coarse, fine = found.points
    assert coarse.float_loss == fine.float_loss
    assert coarse.qat_loss > fine.qat_loss
    assert [point.run for point in found.points] == ["tiny-weight_bits-2", "tiny-weight_bits-6"]
    content = json.loads((found.folder / "scan.json").read_text())
    assert [point["qat_loss"] for point in content["points"]] == [coarse.qat_loss, fine.qat_loss]
    assert (found.folder / "scan.svg").read_text().startswith("<svg")
    lines = [metrics.read(tmp_path / "runs" / p.run / metrics.FILE) for p in found.points]
    assert [line for line in lines[0] if line["phase"] == "float"] == [
        line for line in lines[1] if line["phase"] == "float"
    ]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("checkpoints/*.pt")}
    assert run_scan(tmp_path, "quant.weight_bits=2,6") == found
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("checkpoints/*.pt")}
    with pytest.raises(UserError, match=r"seed=1 and the config now has seed=2"):
        run_scan(tmp_path, "quant.weight_bits=2", "seed=2")


def test_fractions_of_the_data_train_anew(tmp_path: Path) -> None:
    write_table(tmp_path)
    found = run_scan(tmp_path, "train.fraction=0.2,1")
    assert found.points[0].float_loss > found.points[1].float_loss
    assert Run(tmp_path / "runs" / "tiny-fraction-0.2").manifest()["artefacts"]


@pytest.mark.slow
def test_trained_side_by_side_runs_are_those_trained_alone(tmp_path: Path) -> None:
    weights = []
    for name, workers in (("alone", None), ("beside", 2)):
        (tmp_path / name).mkdir()
        write_table(tmp_path / name)
        found = run_scan(tmp_path / name, "quant.weight_bits=3,2,6", workers=workers)
        runs = [tmp_path / name / "runs" / point.run for point in found.points]
        weights.append([(run / "checkpoints" / "qat.pt").read_bytes() for run in runs])
    assert weights[0] == weights[1]
    assert len(set(weights[0])) == 3


def test_seeds_trained_as_one_network_are_those_trained_alone(tmp_path: Path) -> None:
    write_table(tmp_path)
    short = ("train.float_phase.epochs=3", "train.qat_phase.epochs=3", "train.pruning.sparsity=0.4")
    found = run_scan(tmp_path, "seed=1,2,3", *short)
    assert len({point.qat_loss for point in found.points}) == 3
    for point in found.points:
        run = Run(tmp_path / "runs" / point.run)
        config = load_config(run / "config.yaml", ["name=alone"])
        alone = Run(tmp_path / f"alone-{config.seed}")
        qat(config, alone, base=tmp_path, resume=False, progress=False)
        first, second = (torch.load(r / "checkpoints" / "qat.pt") for r in (run, alone))
        assert all(torch.equal(first["weights"][k], v) for k, v in second["weights"].items())
        lines = [metrics.read(r / metrics.FILE) for r in (run, alone)]
        for line in (*lines[0], *lines[1]):
            del line["seconds"]
        assert lines[0] == lines[1]


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("quant.weight_bits", "expected KEY=VALUE"),
        ("quant.weight_bits=", "expected KEY=VALUE"),
        ("quant.weight_bits=4,4", "twice"),
        ("name=a,b", "named by the scan"),
        ("quant.weight_bit=4", "weight_bit"),
        ("quant.weight_bits=4,99", "99"),
    ],
)
def test_refusals_come_before_any_training(tmp_path: Path, over: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        run_scan(tmp_path, over)
    assert not (tmp_path / "runs").exists()


def test_the_command_prints_a_row_a_value(tmp_path: Path) -> None:
    write_table(tmp_path)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config().model_dump(mode="json")))
    arguments = ["scan", str(tmp_path / "tiny.yaml"), "--over", "net.encoder=[4,3],[2]", "-q"]
    short = ["--set", "train.float_phase.epochs=1", "--set", "train.qat_phase.epochs=1"]
    done = CliRunner().invoke(app, [*arguments, *short, "--runs", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    assert "scan.svg" in done.output
    assert "tiny-encoder-4_3" in done.output
