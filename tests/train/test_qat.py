"""The whole stage on a tiny table: what it learns, what it writes, what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aetrig.config.load import load as load_config
from aetrig.config.model import RunConfig
from aetrig.config.stability import Stability
from aetrig.data import vectors
from aetrig.data.scaling import fit_scaling
from aetrig.errors import UserError
from aetrig.nets import FloatAutoencoder, QuantAutoencoder, folded_parameters, trace_integers
from aetrig.run import Run
from aetrig.train import TrainResult, load_float, load_quantized, load_scaling, metrics, qat
from aetrig.train.calibrate import calibrate
from aetrig.train.loop import Task, Trainer, permutation
from aetrig.train.loss import evaluate
from aetrig.train.qat import NO_PRUNING
from aetrig.train.together import train_phases
from train.samples import FEATURES, config, correlated, dataset, write_table

TRAIN = {
    "float_phase": {"epochs": 30, "learning_rate": 1e-2, "patience": None},
    "qat_phase": {"epochs": 12, "learning_rate": 3e-3, "patience": None},
    "pruning": {"sparsity": 0.3, "end_epoch": 6},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, TrainResult, RunConfig]:
    base = tmp_path_factory.mktemp("data")
    write_table(base)
    run = Run(tmp_path_factory.mktemp("run"))
    settings = config(**TRAIN)
    return run, qat(settings, run, base=base, resume=False, progress=False), settings


def background(run: Run) -> torch.Tensor:
    return torch.from_numpy(vectors.load(run / "vectors/validation.npz").x.astype(np.float32))


def test_float_network_finds_the_hidden_numbers(
    trained: tuple[Run, TrainResult, RunConfig],
) -> None:
    run, result, _ = trained
    net, x = load_float(run), background(run)
    with torch.no_grad():
        variance = float(net.normalise(x).var(dim=0).mean())
    assert result.float_loss < 0.1 * variance
    assert evaluate(net, x) == pytest.approx(result.float_loss, rel=1e-6)


def test_qat_beats_its_start(tmp_path: Path) -> None:
    """The calibrated float network, merely quantized, is clearly worse."""
    write_table(tmp_path)
    run = Run(tmp_path / "run")
    run.path.mkdir()
    settings = config(**{**TRAIN, "pruning": {}})
    settings = settings.model_copy(
        update={"quant": settings.quant.model_copy(update={"weight_bits": 3, "activation_bits": 6})}
    )
    result = qat(settings, run, base=tmp_path, resume=False, progress=False)
    quantized = load_quantized(run)
    scaling, x = load_scaling(run), background(run)
    float_net = load_float(run)
    start = QuantAutoencoder(FEATURES, settings.net, settings.quant, scaling, quantized.exponents)
    start.take(folded_parameters(float_net, scaling))
    assert result.qat_loss < 0.8 * evaluate(start, x)
    assert evaluate(quantized, x) == pytest.approx(result.qat_loss, rel=1e-6)


def test_loaded_network_has_integers_inside(trained: tuple[Run, TrainResult, RunConfig]) -> None:
    run, _, settings = trained
    net, x = load_quantized(run), background(run)
    assert not net.training
    found = trace_integers(net, x.numpy().astype(np.int32))
    last = f"{settings.net.layer_names()[-1]}_quant"
    with torch.no_grad():
        y = net(x).double().numpy()
    np.testing.assert_array_equal(np.ldexp(found[last], net.exponents[last]), y)


def test_pruned_weights_are_zero_integers(trained: tuple[Run, TrainResult, RunConfig]) -> None:
    run, _, _ = trained
    net = load_quantized(run)
    for name in net.layer_names:
        layer = net.layer(name)
        zero = int((layer.quant_weight().value == 0).sum())
        assert zero >= int((layer.weight == 0).sum()) >= math.floor(0.3 * layer.weight.numel())
    lines = [line for line in metrics.read(run / metrics.FILE) if line["phase"] == "qat"]
    sparsity = [line["sparsity"] for line in lines]
    assert sparsity[0] < 0.2
    assert min(sparsity[6:]) >= 62 / 216  # 0.3 of each layer, rounded down
    content = torch.load(run / "checkpoints/qat.pt", weights_only=True)
    assert content["best_epoch"] >= 6


def test_metrics_have_a_line_for_every_epoch(trained: tuple[Run, TrainResult, RunConfig]) -> None:
    run, result, _ = trained
    lines = metrics.read(run / metrics.FILE)
    keys = {"phase", "epoch", "train_loss", "val_loss", "learning_rate", "sparsity", "seconds"}
    assert all(set(line) == keys for line in lines)
    assert [(line["phase"], line["epoch"]) for line in lines] == [
        *(("float", epoch) for epoch in range(30)),
        *(("qat", epoch) for epoch in range(12)),
    ]
    assert (result.float_epochs, result.qat_epochs) == (30, 12)
    assert result.float_loss == min(line["val_loss"] for line in lines if line["phase"] == "float")
    assert result.qat_loss == min(line["val_loss"] for line in lines[36:])


def test_tensorboard_reads_what_metrics_say(trained: tuple[Run, TrainResult, RunConfig]) -> None:
    run, _, _ = trained
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"histograms": 0})
    events.Reload()
    lines = metrics.read(run / metrics.FILE)
    for phase in ("float", "qat"):
        losses = [line["val_loss"] for line in lines if line["phase"] == phase]
        scalars = events.Scalars(f"{phase}/loss/validation")
        assert [item.step for item in scalars] == list(range(len(losses)))
        assert [item.value for item in scalars] == pytest.approx(losses, rel=1e-6)
    assert [item.step for item in events.Histograms("qat/encoder_0")] == [0, 10, 11]
    assert [item.step for item in events.Histograms("float/latent/0")] == [0, 10, 20, 29]
    assert events.Images("qat/latent/0-1")[0].width == 192


def test_artefacts_are_recorded(trained: tuple[Run, TrainResult, RunConfig]) -> None:
    run, _, settings = trained
    artefacts = run.manifest()["artefacts"]
    assert set(artefacts) == {
        "config.yaml",
        "environment.json",
        "features.json",
        "scaling.json",
        "vectors/validation.npz",
        "metrics.jsonl",
        "checkpoints/float.pt",
        "checkpoints/qat.pt",
    }
    assert run.altered() == []
    assert run.outdated() == []
    assert load_config(run / "config.yaml") == settings
    environment = json.loads((run / "environment.json").read_text())
    assert environment["data"]["events"] == {"data": 1500}
    assert (environment["seed"], environment["threads"], environment["device"]) == (1, 1, "cpu")
    assert artefacts["checkpoints/qat.pt"]["options"] == {"data": environment["data"]["sha256"]}


def test_same_seed_same_bits_another_seed_others(tmp_path: Path) -> None:
    write_table(tmp_path, events=400)
    short = {"epochs": 1}
    settings = config(float_phase=short, qat_phase=short)
    weights = []
    for number, seed in enumerate([1, 1, 2]):
        run = Run(tmp_path / str(number))
        run.path.mkdir()
        own = settings.model_copy(update={"seed": seed})
        qat(own, run, base=tmp_path, resume=False, progress=False)
        weights.append((run / "checkpoints/qat.pt").read_bytes())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def tiny_task(phase: dict[str, object], events: int = 300) -> tuple[Task, FloatAutoencoder]:
    settings = config(float_phase=phase)
    data = dataset(correlated(events))
    scaling = fit_scaling(data, np.arange(events), settings.scaling)
    torch.manual_seed(0)
    net = FloatAutoencoder(FEATURES, settings.net, scaling)
    x = torch.from_numpy(data.x.astype(np.float32))
    return Task("float", settings.train.float_phase, 64, 1, x[64:], x[:64], NO_PRUNING), net


def test_early_stopping_keeps_the_best_weights() -> None:
    task, net = tiny_task(
        {"epochs": 60, "learning_rate": 0.2, "patience": 3, "schedule": "constant"}
    )
    trainer = Trainer(task, net)
    lines = []
    train_phases([(trainer, lines.append)])
    losses = [line.val_loss for line in lines]
    best = int(np.argmin(losses))
    assert len(losses) == best + 4 < 60
    assert losses[-1] > losses[best]
    assert evaluate(net, task.validation) == losses[best]


def test_each_epoch_shuffles_anew_from_the_seed_alone() -> None:
    task, _ = tiny_task({})
    first, second = permutation(100, task, 0), permutation(100, task, 1)
    torch.manual_seed(123)
    assert torch.equal(first, permutation(100, task, 0))
    assert not torch.equal(first, second)
    assert sorted(first.tolist()) == list(range(100))


def test_divergence_is_one_line() -> None:
    task, net = tiny_task({"learning_rate": 1e30, "schedule": "constant"})
    with pytest.raises(
        UserError, match=r"training diverged: the loss is .* lower train\.float_phase"
    ):
        train_phases([(Trainer(task, net), lambda _: None)])


def test_fewer_events_than_a_batch(tmp_path: Path) -> None:
    write_table(tmp_path, events=100)
    run = Run(tmp_path / "run")
    run.path.mkdir()
    with pytest.raises(UserError, match="80 training events are fewer than a batch"):
        qat(config(), run, base=tmp_path, resume=False, progress=False)
    assert not (run / "config.yaml").exists()


def test_standard_scaling_is_folded_into_shifts(tmp_path: Path) -> None:
    write_table(tmp_path, events=600)
    run = Run(tmp_path / "run")
    run.path.mkdir()
    settings = config().model_copy(
        update={"scaling": config().scaling.model_copy(update={"kind": "standard"})}
    )
    result = qat(settings, run, base=tmp_path, resume=False, progress=False)
    assert any("scaling 'standard' is rounded" in warning for warning in result.warnings)
    net = load_quantized(run)
    assert set(torch.frexp(net.input_scale.factor).mantissa.tolist()) == {0.5}


def test_damaged_runs_are_named(
    trained: tuple[Run, TrainResult, RunConfig], tmp_path: Path
) -> None:
    run, _, _ = trained
    other = Run(tmp_path)
    with pytest.raises(UserError, match=r"float\.pt is missing"):
        load_float(other)
    for name in ("config.yaml", "scaling.json", "checkpoints/float.pt", "checkpoints/qat.pt"):
        (other / name).parent.mkdir(exist_ok=True)
        (other / name).write_bytes((run / name).read_bytes())
    text = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(text.replace("- 12\n", "- 13\n"))
    for load in (load_float, load_quantized):
        with pytest.raises(UserError, match=r"does not fit the run's config\.yaml") as caught:
            load(other)
        assert "\n" not in str(caught.value)
    (other / "config.yaml").write_text(text)
    (other / "scaling.json").write_text("{")
    with pytest.raises(UserError, match=r"scaling\.json: not JSON"):
        load_quantized(other)


def test_calibration_of_a_trained_network_is_near_the_float_one(
    trained: tuple[Run, TrainResult, RunConfig],
) -> None:
    run, result, settings = trained
    scaling, float_net = load_scaling(run), load_float(run)
    wide = settings.quant.model_copy(
        update={"weight_bits": 12, "activation_bits": 12, "input_bits": 12, "output_bits": 12}
    )
    data = dataset(correlated(1000, seed=5))
    exponents = calibrate(float_net, data, settings.net, wide, scaling)
    net = QuantAutoencoder(FEATURES, settings.net, wide, scaling, exponents)
    net.take(folded_parameters(float_net, scaling))
    assert evaluate(net, background(run)) == pytest.approx(result.float_loss, rel=0.05)


def test_removed_latent_dimensions_stay_zero_and_the_others_heal(tmp_path: Path) -> None:
    write_table(tmp_path)
    phase = {"epochs": 16, "learning_rate": 1e-2, "patience": 2}
    removal = {"dimensions": [0, 2], "epoch": 8}
    run = Run(tmp_path / "run")
    settings = config(**TRAIN | {"float_phase": phase, "remove_latent": removal})
    qat(settings, run, base=tmp_path, resume=False, progress=False)
    losses = [
        line["val_loss"] for line in metrics.read(run / metrics.FILE) if line["phase"] == "float"
    ]
    assert losses[8] > losses[7]  # what was lost
    assert min(losses[9:]) < losses[8]  # and healed
    x = background(run)
    for net in (load_float(run), load_quantized(run)):
        with torch.no_grad():
            latent = net.latent(x)
        assert not latent[:, [0, 2]].any()
        assert latent[:, 1].std() > 0
    with pytest.raises(UserError, match="one must stay"):
        load_config(None, ["train.remove_latent={dimensions: [0, 1, 2], epoch: 1}"])
    with pytest.raises(UserError, match="epochs 0 to"):
        load_config(None, ["train.remove_latent={dimensions: [0], epoch: 100000}"])


def test_a_float_phase_is_taken_over_only_where_it_is_the_same(
    trained: tuple[Run, TrainResult, RunConfig], tmp_path: Path
) -> None:
    source, result, settings = trained
    write_table(tmp_path)
    changed = settings.model_copy(
        update={
            "quant": settings.quant.model_copy(update={"weight_bits": 3}),
            "stability": Stability(scales=(-1.0, 1.0)),
        }
    )
    run = Run(tmp_path / "run")
    found = qat(changed, run, base=tmp_path, resume=False, progress=False, float_from=source)
    assert found.float_loss == result.float_loss
    assert (run / "checkpoints/float.pt").read_bytes() == (
        source / "checkpoints/float.pt"
    ).read_bytes()
    other = settings.model_copy(update={"seed": 5})
    with pytest.raises(UserError, match="float phase with seed=1, the config has seed=5"):
        qat(
            other,
            Run(tmp_path / "other"),
            base=tmp_path,
            resume=False,
            progress=False,
            float_from=source,
        )
    write_table(tmp_path, events=1400)
    with pytest.raises(UserError, match="not those that"):
        qat(
            changed,
            Run(tmp_path / "third"),
            base=tmp_path,
            resume=False,
            progress=False,
            float_from=source,
        )


def test_a_run_is_set_aside_only_once_the_data_are_read(tmp_path: Path) -> None:
    write_table(tmp_path)
    run, settings = Run(tmp_path / "run"), config()
    qat(settings, run, base=tmp_path, resume=False, progress=False)
    before = (run / "checkpoints/qat.pt").read_bytes()
    (tmp_path / "events.csv").rename(tmp_path / "gone.csv")
    with pytest.raises(UserError, match=r"events.csv.* not found"):
        qat(settings, run, base=tmp_path, resume=False, progress=False, replace=True)
    assert (run / "checkpoints/qat.pt").read_bytes() == before
    with pytest.raises(UserError, match="cannot start from itself"):
        qat(
            settings, run, base=tmp_path, resume=False, progress=False, replace=True, float_from=run
        )
    (tmp_path / "gone.csv").rename(tmp_path / "events.csv")
    qat(settings, run, base=tmp_path, resume=False, progress=False, replace=True)
    assert (tmp_path / "run~/checkpoints/qat.pt").read_bytes() == before
    (run / "manifest.json").unlink()  # as where this training had been killed
    qat(settings, run, base=tmp_path, resume=False, progress=False, replace=True)
    assert (tmp_path / "run~/checkpoints/qat.pt").read_bytes() == before
