"""Learning rate, stopping, pruning, metrics and checkpoints, each alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.config.model import Phase, Pruning
from aetrig.errors import UserError
from aetrig.train import checkpoint, metrics, prune
from aetrig.train.loop import Epoch
from aetrig.train.schedule import Schedule
from aetrig.train.stopping import Stopping


def rates(phase: Phase, losses: list[float]) -> list[float]:
    schedule = Schedule(phase.learning_rate)
    found = [schedule.rate]
    for epoch, loss in enumerate(losses, start=1):
        schedule = Schedule(**json.loads(json.dumps(schedule.state())))  # as a checkpoint would
        schedule.step(phase, epoch, loss)
        found.append(schedule.rate)
    return found


def test_constant_rate() -> None:
    assert rates(Phase(learning_rate=0.1, schedule="constant"), [3, 4, 5]) == [0.1] * 4


def test_cosine_falls_from_the_rate_to_zero() -> None:
    found = rates(Phase(learning_rate=0.2, schedule="cosine", epochs=4), [1] * 4)
    expected = [0.2, 0.1 * (1 + math.sqrt(0.5)), 0.1, 0.1 * (1 - math.sqrt(0.5)), 0.0]
    assert found == pytest.approx(expected, abs=1e-15)


def test_plateau_halves_after_three_epochs_without_a_new_best() -> None:
    found = rates(Phase(learning_rate=0.8, schedule="plateau"), [5, 4, 4, 6, 5, 3, 3, 3, 3, 2])
    assert found == [0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2]


def test_stopping_counts_from_the_best_epoch() -> None:
    phase = Phase(patience=2, min_delta=0.5)
    stopping = Stopping()
    verdicts = []
    for epoch, loss in enumerate([10.0, 9.0, 8.6, 8.4, 8.1, 8.0]):
        verdicts.append(stopping.better(phase, epoch, loss, settled=True))
        if stopping.exhausted(phase):
            break
    assert verdicts == [True, True, False, True, False, False]
    assert (stopping.best, stopping.best_epoch) == (8.4, 3)


def test_stopping_does_not_count_while_pruning() -> None:
    phase = Phase(patience=1)
    stopping = Stopping()
    assert stopping.better(phase, 0, 1.0, settled=False)
    assert stopping.better(phase, 1, 5.0, settled=False)
    assert not stopping.exhausted(phase)
    assert stopping.better(phase, 2, 9.0, settled=True)  # worse, but the first at full sparsity
    assert stopping.best == 9.0


def test_no_patience_never_stops() -> None:
    stopping = Stopping(best=0.0, stale=1000)
    assert not stopping.exhausted(Phase(patience=None))


def test_cubic_schedule() -> None:
    plan = prune.plan(Pruning(sparsity=0.8, start_epoch=2, end_epoch=6), Phase(epochs=10))
    found = [plan.at(epoch) for epoch in range(8)]
    cubic = [0.8 * (1 - (1 - t / 4) ** 3) for t in range(4)]
    assert found == pytest.approx([0, 0, *cubic, 0.8, 0.8])


def test_default_end_leaves_a_third_of_the_epochs() -> None:
    assert prune.plan(Pruning(sparsity=0.5), Phase(epochs=30)).end == 20
    assert prune.plan(Pruning(sparsity=0.5), Phase(epochs=1)).at(0) == 0.5


@pytest.mark.parametrize(
    "pruning", [{"end_epoch": 10}, {"start_epoch": 12}, {"start_epoch": 5, "end_epoch": 3}]
)
def test_pruning_that_never_ends_is_refused(pruning: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"train\.pruning runs from epoch"):
        prune.plan(Pruning(sparsity=0.5, **pruning), Phase(epochs=10))


@settings(max_examples=50, deadline=None)
@given(
    sparsity=st.floats(0, 0.99),
    scope=st.sampled_from(["layer", "global"]),
    seed=st.integers(0, 100),
)
def test_the_smallest_weights_go_and_stay_away(sparsity: float, scope: str, seed: int) -> None:
    torch.manual_seed(seed)
    layers = {"a": torch.nn.Linear(7, 5), "b": torch.nn.Linear(5, 11)}
    before = {name: layer.weight.detach().clone() for name, layer in layers.items()}
    masks = prune.masks({n: layer.weight for n, layer in layers.items()}, sparsity, scope)
    prune.apply(layers, masks)
    pools = [["a"], ["b"]] if scope == "layer" else [["a", "b"]]
    for pool in pools:
        magnitude = torch.cat([before[name].abs().flatten() for name in pool])
        gone = torch.cat([masks[name].flatten() for name in pool])
        assert int(gone.sum()) == int(sparsity * len(gone) + 1e-9)
        if gone.any():
            assert magnitude[gone].max() <= magnitude[~gone].min()
    for name, layer in layers.items():
        assert torch.equal(layer.weight, before[name].masked_fill(masks[name], 0.0))
    denser = min(0.99, sparsity + 0.1)
    later = prune.masks({n: layer.weight for n, layer in layers.items()}, denser, scope)
    assert all(later[name][masks[name]].all() for name in masks)


def epoch(phase: str, number: int) -> Epoch:
    return Epoch(phase, number, 1.0, 2.0, 0.1, 0.0, 0.5)


def test_metrics_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / metrics.FILE
    for entry in [epoch("float", 0), epoch("float", 1), epoch("qat", 0), epoch("qat", 1)]:
        metrics.append(path, entry)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"phase": "qat", "epo')  # killed while writing
    assert len(metrics.read(path)) == 4
    metrics.truncate(path, "qat", 1)
    assert [(line["phase"], line["epoch"]) for line in metrics.read(path)] == [
        ("float", 0),
        ("float", 1),
        ("qat", 0),
    ]
    metrics.truncate(path, "float", 1)
    assert path.read_text() == json.dumps(epoch("float", 0).line()) + "\n"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("c") / "float.pt"
    checkpoint.save(path, "float", {"weights": {"w": torch.arange(5000.0)}})
    return path


def test_checkpoint_round_trip(saved: Path) -> None:
    content = checkpoint.load(saved, "float", ("weights",))
    assert torch.equal(content["weights"]["w"], torch.arange(5000.0))
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("kept", [0, 1, 100, 4000, 15000, -1])
def test_truncated_checkpoint_is_one_line(saved: Path, tmp_path: Path, kept: int) -> None:
    damaged = tmp_path / "float.pt"
    damaged.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(UserError, match="not a readable checkpoint") as caught:
        checkpoint.load(damaged, "float", ("weights",))
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("executed",))


def test_code_in_a_checkpoint_is_not_executed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "float.pt"
    torch.save({"version": 1, "kind": "float", "weights": Evil()}, path)
    with pytest.raises(UserError, match="not a readable checkpoint"):
        checkpoint.load(path, "float", ("weights",))
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "not a checkpoint of aetrig's kind 'float'"),
        ({"version": 1, "kind": "qat", "weights": {}}, "not a checkpoint of aetrig's kind 'float'"),
        ({"version": 9, "kind": "float", "weights": {}}, "has version 9"),
        ({"version": 1, "kind": "float"}, "no entry 'weights'"),
    ],
)
def test_foreign_checkpoints_are_named(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(UserError, match=message):
        checkpoint.load(tmp_path / "x.pt", "float", ("weights",))


def test_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train again: aetrig qat"):
        checkpoint.load(tmp_path / "x.pt", "float", ())
