"""`aetrig qat`: float training, calibration, quantization-aware training, into a run directory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aetrig import config as configuration
from aetrig.config.model import Phase, RunConfig
from aetrig.data import vectors
from aetrig.errors import UserError
from aetrig.nets import (
    FloatAutoencoder,
    QuantAutoencoder,
    SecondAutoencoder,
    folded_parameters,
    tensor_formats,
)
from aetrig.run import Run, held
from aetrig.train import checkpoint, device, metrics, prune, start_from
from aetrig.train import resume as resuming
from aetrig.train.board import FOLDER, Board, Sample
from aetrig.train.calibrate import calibrate
from aetrig.train.loop import Epoch, Task, Trainer
from aetrig.train.prepare import (
    CONFIG,
    ENVIRONMENT,
    FEATURES,
    SCALING,
    TEST,
    VECTORS,
    Prepared,
    prepare,
)
from aetrig.train.progress import epoch_bar
from aetrig.train.together import Training, drive

OUTPUTS = (
    ENVIRONMENT,
    SCALING,
    FEATURES,
    VECTORS,
    metrics.FILE,
    checkpoint.FLOAT,
    checkpoint.QAT,
)
START = ("float", 0)
FLOAT_KEYS = ("weights", "loss", "best_epoch", "epochs")
NO_PRUNING = prune.Plan(0.0, 0, 0, "layer")


@dataclass(frozen=True)
class TrainResult:
    """Best validation losses (mean squared error in the network's units), epochs run, wall time.

    The float loss is measured against the normalised input, the quantized loss against the
    quantized input: each against what the network of that phase is to reconstruct. Both hold
    the weighted KL term of a variational network, and the loss of a second autoencoder.
    """

    float_loss: float
    qat_loss: float
    float_epochs: int
    qat_epochs: int
    seconds: float
    warnings: tuple[str, ...]


def qat(
    config: RunConfig,
    run: Run,
    *,
    base: Path,
    resume: bool,
    progress: bool,
    float_from: Run | None = None,
    replace: bool = False,
) -> TrainResult:
    """Train a network into ``run``; with ``resume``, continue where a killed training stopped.

    ``base``: folder where relative names of data files may start. ``float_from``: a trained run
    whose float phase is taken over, so that only the quantization-aware phase is trained.
    ``replace``: set a run that is there aside, once the data are read and before anything is
    written. Raises
    UserError for bad data, fewer training events than a batch, a run that exists (without
    ``resume``), a config that differs from the run's, or in its float phase from that of
    ``float_from``, and losses that are no longer finite.
    """
    with held(run.path):
        last = _begin(config, run, resume=resume, replace=replace)
        if float_from is not None:
            start_from.check(config, float_from, run)
        if resume and resuming.finished(run):
            return _result(run, 0.0, (f"{run.path} is trained to its end already; nothing to do",))
        place = device.choose(config.train.device)
        threads = resuming.settings(run, place.type, config.train.threads)
        how = _How(base, place, threads, progress=progress, replace=replace, float_from=float_from)
        with device.deterministic(threads):
            (result,) = drive([_training(config, run, last, how)])
            return result


def qat_together(
    configs: Sequence[RunConfig], runs: Sequence[Run], *, base: Path, progress: bool
) -> list[TrainResult]:
    """Train runs that are not there yet, as `qat` would one after the other, bit for bit.

    Where the configs differ in their seeds alone, the networks are computed as one, which saves
    time where layers are small. Raises UserError as `qat` does.
    """
    places = {(config.train.device, config.train.threads) for config in configs}
    if len(places) > 1:
        raise UserError("trainings together need one train.device and one train.threads")
    with ExitStack() as stack:
        for config, run in zip(configs, runs, strict=True):
            stack.enter_context(held(run.path))
            _begin(config, run, resume=False, replace=False)
        place, threads = device.choose(configs[0].train.device), configs[0].train.threads
        stack.enter_context(device.deterministic(threads))
        shown = [progress, *(False for _ in configs[1:])]  # one bar for all
        return drive(
            [
                _training(config, run, None, _How(base, place, threads, progress=bar))
                for config, run, bar in zip(configs, runs, shown, strict=True)
            ]
        )


@dataclass(frozen=True)
class _How:
    """What a training is told beside its config; see `qat`."""

    base: Path
    place: torch.device
    threads: int
    progress: bool
    replace: bool = False
    float_from: Run | None = None


def _training(
    config: RunConfig, run: Run, last: dict[str, Any] | None, how: _How
) -> Training[TrainResult]:
    """Prepare, ask for each phase, and record what came of them."""
    start = time.perf_counter()
    pruning = prune.plan(config.train.pruning, config.train.qat_phase)
    prepared = prepare(config, run, how.base, how.place, how.threads, replace=how.replace)
    if how.float_from is not None:
        start_from.same_data(how.float_from, run)
        start_from.take(how.float_from, run)
    sample = Sample.of(vectors.load(run / VECTORS), config.trigger.score)
    with Board(run / FOLDER, sample) as board:
        session = _Session(config, run, prepared, board, how.progress)
        net = yield from session.float_phase(last)
        yield from session.embedding_phase(net, last)
        yield from session.qat_phase(net, last, pruning)
    # the second entry is what marks a finished training
    run.record("qat", [CONFIG], [])
    outputs = (*OUTPUTS, TEST) if (run / TEST).exists() else OUTPUTS
    run.record("qat", outputs, [CONFIG], {"data": prepared.data_sha256})
    return _result(run, time.perf_counter() - start, prepared.warnings)


def _begin(config: RunConfig, run: Run, *, resume: bool, replace: bool) -> dict[str, Any] | None:
    """Return the checkpoint to continue from, with the files beside it brought to its epoch."""
    if not resume:
        if (run / CONFIG).exists() and not replace:
            raise UserError(
                f"{run.path} holds a training already; continue it with --resume, or choose "
                "another with --name"
            )
        return None
    last = resuming.last_state(config, run)
    if not resuming.finished(run):
        begun = ("qat", 0) if (run / checkpoint.FLOAT).exists() else START  # float weights taken
        phase, epochs = (last["trainer"][key] for key in ("phase", "epoch")) if last else begun
        metrics.truncate(run / metrics.FILE, phase, epochs)
    return last


@dataclass(frozen=True)
class _Session:
    """One call of `qat`: both phases share data, run and displays."""

    config: RunConfig
    run: Run
    prepared: Prepared
    board: Board
    progress: bool

    def float_phase(self, last: dict[str, Any] | None) -> Training[FloatAutoencoder]:
        """Return the float network with its best weights: trained, continued, or read back."""
        prepared, settings = self.prepared, self.config.train
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            net = FloatAutoencoder(prepared.dataset.x.shape[1], self.config.net, prepared.scaling)
        net.to(prepared.training.device)
        taken = last is None and (self.run / checkpoint.FLOAT).exists()
        if taken or (last and last["trainer"]["phase"] != "float"):
            best = checkpoint.load(self.run / checkpoint.FLOAT, "float", ("weights",))
            checkpoint.fill(net, best["weights"], self.run / checkpoint.FLOAT)
            return net.eval()
        trainer = Trainer(self._task("float", settings.float_phase, NO_PRUNING), net)
        yield from self._train(trainer, last, None)
        self._save(checkpoint.FLOAT, "float", trainer, {})
        return net

    def embedding_phase(self, net: FloatAutoencoder, last: dict[str, Any] | None) -> Training[None]:
        """Train the second autoencoder of ``net`` on its latent numbers, where it has one."""
        phase = last["trainer"]["phase"] if last else "float"
        taken = last is None and start_from.has_embedding(self.run)
        if not net.embedding or phase == "qat" or taken:
            return
        task = self._task("embedding", self.config.train.float_phase, NO_PRUNING)
        trainer = Trainer(task, SecondAutoencoder(net))
        yield from self._train(trainer, last if phase == "embedding" else None, None)
        first = checkpoint.load(self.run / checkpoint.FLOAT, "float", FLOAT_KEYS)
        content = {
            "weights": {key: value.cpu() for key, value in net.state_dict().items()},
            "loss": first["loss"],
            "best_epoch": first["best_epoch"],
            "epochs": first["epochs"],
            "embedding_loss": trainer.stopping.best,
        }
        checkpoint.save(self.run / checkpoint.FLOAT, "float", content)

    def qat_phase(
        self, float_net: FloatAutoencoder, last: dict[str, Any] | None, pruning: prune.Plan
    ) -> Training[None]:
        """Calibrate, then train the quantized network and keep its best weights."""
        config, prepared = self.config, self.prepared
        started = last if last and last["trainer"]["phase"] == "qat" else None
        features = prepared.dataset.x.shape[1]
        formats = tensor_formats(features, config.net, config.quant)
        place = self.run / checkpoint.LAST
        exponents = (
            checkpoint.require_exponents(started["exponents"], formats, place)
            if started
            else calibrate(float_net, prepared.dataset, config.net, config.quant, prepared.scaling)
        )
        net = QuantAutoencoder(features, config.net, config.quant, prepared.scaling, exponents)
        net.take(folded_parameters(float_net, prepared.scaling))
        net.to(prepared.training.device)
        trainer = Trainer(self._task("qat", config.train.qat_phase, pruning), net)
        yield from self._train(trainer, started, exponents)
        bits = {name: formats[name].bits for name in net.exponents}
        # the net's own copy: read back from a checkpoint, equal names are other objects, and the
        # file would hold the same in other bytes
        self._save(checkpoint.QAT, "qat", trainer, {"exponents": net.exponents, "bits": bits})

    def _task(self, name: str, phase: Phase, pruning: prune.Plan) -> Task:
        config, prepared = self.config, self.prepared
        batch, seed = config.train.batch_size, config.seed
        return Task(
            name,
            phase,
            batch,
            seed,
            prepared.training,
            prepared.validation,
            pruning,
            config.train.kl_weight,
            self._removal(name),
        )

    def _removal(self, phase: str) -> prune.Removal | None:
        asked = self.config.train.remove_latent
        if asked is None or phase == "embedding":  # which leaves the encoder as it is
            return None
        epoch = asked.epoch if phase == "float" else 0
        return prune.Removal(self.config.net.encoder_names[-1], asked.dimensions, epoch)

    def _train(
        self, trainer: Trainer, last: dict[str, Any] | None, exponents: dict[str, int] | None
    ) -> Training[None]:
        """Ask for the phase from its start or from ``last``; a checkpoint after every epoch."""
        if last is not None:
            resuming.restore(trainer, last, self.run)
        text = configuration.dump(self.config)
        with epoch_bar(trainer, shown=self.progress) as show:

            def after(epoch: Epoch) -> None:
                # the line first: a kill in between leaves one too many, which resume removes
                metrics.append(self.run / metrics.FILE, epoch)
                content = {"config": text, "trainer": trainer.state(), "exponents": exponents}
                checkpoint.save(self.run / checkpoint.LAST, "last", content)
                self.board.add(epoch, trainer)
                show(epoch)

            yield trainer, after

    def _save(self, name: str, kind: str, trainer: Trainer, extra: dict[str, Any]) -> None:
        """Write a phase's best weights, on the CPU."""
        content = {
            "weights": {key: value.cpu() for key, value in trainer.best.items()},
            "loss": trainer.stopping.best,
            "best_epoch": trainer.stopping.best_epoch,
            "epochs": trainer.epoch,
        }
        checkpoint.save(self.run / name, kind, {**content, **extra})


def _result(run: Run, seconds: float, warnings: tuple[str, ...]) -> TrainResult:
    keys = ("loss", "epochs")
    trained = checkpoint.load(run / checkpoint.FLOAT, "float", keys)
    quantized = checkpoint.load(run / checkpoint.QAT, "qat", keys)
    return TrainResult(
        float_loss=trained["loss"] + trained.get("embedding_loss", 0.0),
        qat_loss=quantized["loss"],
        float_epochs=trained["epochs"],
        qat_epochs=quantized["epochs"],
        seconds=seconds,
        warnings=warnings,
    )
