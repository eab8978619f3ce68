"""Variational networks and second autoencoders: what training records, and resuming them."""

from __future__ import annotations

import math
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aetrig.config.model import Network, RunConfig, TriggerOptions
from aetrig.data.scaling import fit_scaling
from aetrig.nets import FloatAutoencoder, trace_integers
from aetrig.nets.variational import HEAD
from aetrig.run import Run
from aetrig.train import checkpoint, load_float, load_quantized, metrics, qat
from aetrig.train.loop import Task, Trainer, noise_generator, permutation
from aetrig.train.loss import measure
from aetrig.train.qat import NO_PRUNING
from train import killed
from train.samples import FEATURES, config, correlated, dataset, write_table

NEVER = ("never", 0)
EPOCHS = 3
PHASE = {"epochs": EPOCHS, "schedule": "plateau", "patience": None}
PHASES = {"variational": ("float", "qat"), "embedding": ("float", "embedding", "qat")}


def settings(kind: str) -> RunConfig:
    plain = config(
        float_phase={**PHASE, "learning_rate": 5e-3},
        qat_phase={**PHASE, "learning_rate": 2e-3},
        pruning={"sparsity": 0.3, "end_epoch": 2},
        kl_weight=0.05,
    )
    own: dict[str, Any] = {"variational": True} if kind == "variational" else {"embedding": (5, 2)}
    score = "latent" if kind == "variational" else "embedding"
    update = {"net": Network(encoder=(12, 3), **own), "trigger": TriggerOptions(score=score)}
    return RunConfig.model_validate(plain.model_copy(update=update).model_dump())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_table(folder, 800)
    killed.start_server()
    return folder


@pytest.fixture(scope="module", params=["variational", "embedding"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    runs = {name: Run(tmp_path_factory.mktemp(name)) for name in PHASES}
    for name, run in runs.items():
        qat(settings(name), run, base=base, resume=False, progress=False)
    return runs


@pytest.fixture
def whole(kind: str, trained: dict[str, Run]) -> Run:
    return trained[kind]


@pytest.fixture
def second(trained: dict[str, Run]) -> Run:
    return trained["embedding"]


def lines(run: Run) -> list[dict[str, Any]]:
    found = metrics.read(run / metrics.FILE)
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


def test_metrics_hold_the_terms(kind: str, whole: Run) -> None:
    found = metrics.read(whole / metrics.FILE)
    assert [line["phase"] for line in found] == [
        name for name in PHASES[kind] for _ in range(EPOCHS)
    ]
    for line in found:
        assert ("kl" in line) == (kind == "variational")
        assert ("embedding" in line) == (kind == "embedding" and line["phase"] != "float")
    x = validation(whole)
    measured = measure(load_quantized(whole), x)
    best = torch.load(whole / checkpoint.QAT, weights_only=True)
    line = found[(len(PHASES[kind]) - 1) * EPOCHS + best["best_epoch"]]
    assert measured.total(0.05) == pytest.approx(line["val_loss"], rel=1e-6)
    term = measured.divergence if kind == "variational" else measured.embedding
    assert term == pytest.approx(line["kl" if kind == "variational" else "embedding"], rel=1e-6)
    assert measured.reconstruction is not None
    assert term is not None
    weight = 0.05 if kind == "variational" else 1.0
    assert line["val_loss"] == pytest.approx(measured.reconstruction + weight * term, rel=1e-6)


def validation(run: Run) -> torch.Tensor:
    from aetrig.data import vectors

    return torch.from_numpy(vectors.load(run / "vectors/validation.npz").x.astype(np.float32))


def test_result_holds_the_losses_of_all_parts(kind: str, whole: Run, base: Path) -> None:
    result = qat(settings(kind), whole, base=base, resume=True, progress=False)  # to its end
    found = lines(whole)
    least = {
        phase: min(line["val_loss"] for line in found if line["phase"] == phase)
        for phase in PHASES[kind][:-1]
    }
    assert result.float_loss == pytest.approx(sum(least.values()), rel=1e-12)
    assert result.float_epochs == EPOCHS


def test_deployed_integers_and_pruned_weights(kind: str, whole: Run) -> None:
    net, names = load_quantized(whole), settings(kind).net.layer_names()
    found = trace_integers(net, validation(whole).numpy().astype(np.int32))
    assert list(found) == ["input_quant", *(f"{name}_quant" for name in names)]
    for name in settings(kind).net.training_names():
        weight = net.layer(name).quant_weight().value  # type: ignore[operator]
        assert int((weight == 0).sum()) >= math.floor(0.3 * weight.numel())
    if kind == "embedding":
        assert net.exponents[f"{names[-1]}_quant"] == net.exponents["encoder_1_quant"]
        assert net.formats[f"{names[-1]}_quant"].bits == net.formats["encoder_1_quant"].bits


def test_killed_and_resumed_gives_the_same_bits(
    kind: str, base: Path, whole: Run, tmp_path: Path
) -> None:
    run, resume = Run(tmp_path), False
    # in the middle of each of the two phases that both kinds have, and between writes of an epoch
    for kill in (("after", 2), ("before", len(PHASES[kind]) * EPOCHS - 2)):
        code = killed.train(settings(kind), run, base, resume=resume, kill=kill)
        assert code == -signal.SIGKILL, kill
        resume = True
    assert lines(run)[-1]["phase"] == "qat"
    assert killed.train(settings(kind), run, base, resume=True, kill=NEVER) == 0
    for name in (checkpoint.FLOAT, checkpoint.QAT):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert lines(run) == lines(whole)


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("after", EPOCHS + 1),  # float.pt is there, the second autoencoder not begun
        ("after", EPOCHS + 2),  # its first epoch
        ("before", 2 * EPOCHS + 2),  # trained, float.pt without it
        ("after", 2 * EPOCHS + 2),  # float.pt with it, no epoch of QAT yet
    ],
)
def test_killed_around_the_second_autoencoder(
    point: str, count: int, base: Path, tmp_path: Path, second: Run
) -> None:
    run = Run(tmp_path)
    own = settings("embedding")
    assert killed.train(own, run, base, resume=False, kill=(point, count)) == -signal.SIGKILL
    assert killed.train(own, run, base, resume=True, kill=NEVER) == 0
    for name in (checkpoint.FLOAT, checkpoint.QAT):
        assert (run / name).read_bytes() == (second / name).read_bytes(), name
    assert lines(run) == lines(second)


def test_second_autoencoder_leaves_the_first_as_it_was(
    base: Path, second: Run, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    code = killed.train(settings("embedding"), run, base, resume=False, kill=("after", EPOCHS + 1))
    assert code == -signal.SIGKILL
    before, after = load_float(run).state_dict(), load_float(second).state_dict()
    for name, value in after.items():
        assert torch.equal(value, before[name]) != name.startswith("embedding_"), name


def test_second_autoencoder_learns(second: Run) -> None:
    losses = [line["embedding"] for line in lines(second) if line["phase"] == "embedding"]
    assert losses[-1] < 0.9 * losses[0]


def task(seed: int = 1, name: str = "float") -> Task:
    own = settings("variational").train
    x = torch.from_numpy(correlated(300).astype(np.float32))
    return Task(name, own.float_phase, 64, seed, x[64:], x[:64], NO_PRUNING, own.kl_weight)


def test_noise_follows_from_seed_phase_and_epoch_alone() -> None:
    def draw(seed: int, name: str, epoch: int) -> list[float]:
        return torch.randn(5, generator=noise_generator(task(seed, name), epoch)).tolist()

    first = draw(1, "float", 0)
    torch.manual_seed(99)
    assert first == draw(1, "float", 0)
    others = [draw(2, "float", 0), draw(1, "qat", 0), draw(1, "float", 1)]
    assert first not in others
    # and is not the shuffle's
    generator = torch.Generator().manual_seed(noise_generator(task(), 0).initial_seed())
    order = torch.randperm(50, generator=generator)
    assert not torch.equal(order, permutation(50, task(), 0))


def test_a_heavy_kl_term_pulls_the_latent_space_to_the_standard_normal() -> None:
    found = []
    for weight in (0.0, 100.0):
        data = dataset(correlated(300))
        scaling = fit_scaling(data, np.arange(300), settings("variational").scaling)
        torch.manual_seed(0)
        net = FloatAutoencoder(FEATURES, settings("variational").net, scaling)
        trainer = Trainer(replace(task(), kl_weight=weight), net)
        for _ in range(EPOCHS * 5):
            epoch = trainer.run_epoch()
        assert epoch.kl is not None
        found.append(epoch.kl)
    assert found[1] < 0.05 * found[0]


def test_the_head_goes_on_learning(trained: dict[str, Run]) -> None:
    first, quantized = (load(trained["variational"]) for load in (load_float, load_quantized))
    assert not torch.equal(first.layer(HEAD).weight, quantized.layer(HEAD).weight)


def test_training_draws_noise_and_judging_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dataset(correlated(300))
    scaling = fit_scaling(data, np.arange(300), settings("variational").scaling)
    net = FloatAutoencoder(FEATURES, settings("variational").net, scaling)
    seen: list[bool] = []
    terms = net.terms

    def spy(x: torch.Tensor, noise: torch.Generator | None = None) -> Any:
        seen.append(noise is not None)
        assert (noise is not None) == net.training
        return terms(x, noise)

    monkeypatch.setattr(net, "terms", spy)
    Trainer(task(), net).run_epoch()
    assert set(seen) == {True, False}
