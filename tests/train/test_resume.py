"""Killed at any moment and resumed, a training ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch
import yaml

from aetrig import config as configuration
from aetrig.config.model import Network, RunConfig
from aetrig.errors import UserError
from aetrig.run import Run
from aetrig.train import checkpoint, metrics, qat, resume
from train import killed
from train.samples import config, write_table

NEVER = ("never", 0)
# of the 12 checkpoints of an uninterrupted training: 5 float epochs, float.pt, 5 QAT epochs, qat.pt
KILLS = [
    ("before", 1),  # the first epoch is in metrics.jsonl and in no checkpoint
    ("half", 2),  # resumed at epoch 0, killed in the middle of writing epoch 1
    ("after", 2),
    ("after", 2),  # float training complete, float.pt not yet written
    ("half", 1),  # float.pt half written
    ("before", 3),  # float.pt there, one QAT epoch done, the next in metrics.jsonl only
    ("half", 2),
    ("after", 2),
    ("half", 2),  # qat.pt half written
    ("after", 1),  # everything written, nothing recorded
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_table(folder)
    killed.start_server()
    return folder


def settings(schedule: str) -> RunConfig:
    plain = config(
        float_phase={"epochs": 5, "learning_rate": 5e-3, "schedule": schedule, "patience": 4},
        qat_phase={"epochs": 5, "learning_rate": 2e-3, "schedule": schedule, "patience": 4},
        pruning={"sparsity": 0.5, "end_epoch": 3},
    )
    # running statistics and random masks have to continue too
    net = Network(encoder=(12, 3), activation="tanh", batch_norm=True, dropout=0.1)
    return RunConfig.model_validate(plain.model_copy(update={"net": net}).model_dump())


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("whole"))
    qat(settings("plateau"), run, base=base, resume=False, progress=False)
    return run


def lines(run: Run) -> list[dict[str, object]]:
    """The metrics without the time they took."""
    found = metrics.read(run / metrics.FILE)
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


def assert_same(run: Run, whole: Run) -> None:
    for name in (checkpoint.FLOAT, checkpoint.QAT):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    last, expected = (
        torch.load(item / checkpoint.LAST, weights_only=True)["trainer"] for item in (run, whole)
    )
    for key, value in expected["model"].items():
        assert torch.equal(last["model"][key], value), key
    for index, state in expected["optimizer"]["state"].items():
        for key, value in state.items():
            assert torch.equal(last["optimizer"]["state"][index][key], value), (index, key)
    assert lines(run) == lines(whole)
    assert [(line["phase"], line["epoch"]) for line in lines(run)] == [
        *(("float", epoch) for epoch in range(5)),
        *(("qat", epoch) for epoch in range(5)),
    ]
    assert run.altered() == []
    assert not list(run.path.rglob("*.part"))
    for name in (
        "features.json",
        "scaling.json",
        "vectors/validation.npz",
        "config.yaml",
        "environment.json",
    ):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_killed_ten_times_gives_the_same_bits(base: Path, whole: Run, tmp_path: Path) -> None:
    run, resume = Run(tmp_path), False
    for kill in KILLS:
        code = killed.train(settings("plateau"), run, base, resume=resume, kill=kill)
        assert code == -signal.SIGKILL, kill
        assert not (run / "manifest.json").exists()
        resume = True
    assert killed.train(settings("plateau"), run, base, resume=True, kill=NEVER) == 0
    assert_same(run, whole)


def test_killed_from_outside_gives_the_same_bits(base: Path, whole: Run, tmp_path: Path) -> None:
    run = Run(tmp_path)
    arguments = (settings("plateau"), run, base, False, NEVER)
    child = killed.PROCESSES.Process(target=killed._child, args=arguments)
    child.start()
    deadline = time.monotonic() + 60
    while len(metrics.read(run / metrics.FILE)) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    qat(settings("plateau"), run, base=base, resume=True, progress=False)
    assert_same(run, whole)


def test_a_finished_run_is_left_alone(base: Path, whole: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.path.rglob("*")}
    result = qat(settings("plateau"), whole, base=base, resume=True, progress=False)
    assert "trained to its end already" in result.warnings[0]
    assert result.qat_loss == torch.load(whole / checkpoint.QAT, weights_only=True)["loss"]
    assert {path: path.stat().st_mtime_ns for path in whole.path.rglob("*")} == before


def interrupted(base: Path, folder: Path) -> Run:
    run = Run(folder)
    assert killed.train(settings("cosine"), run, base, resume=False, kill=("after", 1)) == -9
    return run


def test_what_no_longer_fits_is_named(base: Path, tmp_path: Path) -> None:
    run = interrupted(base, tmp_path / "run")
    with pytest.raises(
        UserError, match=r"was begun with train\.float_phase\.schedule=cosine and the"
    ):
        qat(settings("constant"), run, base=base, resume=True, progress=False)
    with pytest.raises(UserError, match="holds a training already; continue it with --resume"):
        qat(settings("cosine"), run, base=base, resume=False, progress=False)
    other = tmp_path / "other"
    other.mkdir()
    write_table(other, events=1400)
    with pytest.raises(UserError, match="the data are not those that"):
        qat(settings("cosine"), run, base=other, resume=True, progress=False)
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps({**environment, "device": "cuda"}))
    with pytest.raises(UserError, match="was begun on cuda and this is cpu"):
        qat(settings("cosine"), run, base=base, resume=True, progress=False)
    (run / checkpoint.LAST).write_bytes(b"PK")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        qat(settings("cosine"), run, base=base, resume=True, progress=False)


def test_nothing_to_resume(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.yaml is missing; make it with: aetrig qat"):
        qat(settings("cosine"), Run(tmp_path), base=base, resume=True, progress=False)


def test_a_run_of_a_version_with_fewer_options_may_be_continued(tmp_path: Path) -> None:
    asked = settings("cosine")
    content = yaml.safe_load(configuration.dump(asked))
    del content["train"]["fraction"]  # its default is what that version did
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    assert resume.last_state(asked, Run(tmp_path)) is None
    content["train"]["fracton"] = 0.5
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"config\.yaml: .*fracton"):
        resume.last_state(asked, Run(tmp_path))
