"""`aetrig scan`: the same training for several values of one option, with a plot of the losses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from aetrig import config as configuration
from aetrig import machines
from aetrig.config.differ import differences
from aetrig.config.model import RunConfig
from aetrig.errors import UserError
from aetrig.report.draw import svg
from aetrig.report.picture import Curve, Panel, Picture, numbers
from aetrig.run import Run, held, write_json, write_text
from aetrig.train.qat import qat, qat_together
from aetrig.train.resume import finished
from aetrig.train.start_from import depends_on

MANY = 100


@dataclass(frozen=True)
class Point:
    """One value and what its training gave; losses as in `TrainResult`."""

    value: str
    run: str
    float_loss: float
    qat_loss: float


_Losses = tuple[float, float]  # float, quantized


@dataclass(frozen=True)
class _Training:
    """What a worker is to train. ``float_from``: the run whose float phase is taken over."""

    config: RunConfig
    run: Path
    base: Path
    float_from: Path | None = None


@dataclass(frozen=True)
class ScanResult:
    """The points in the order asked, and where they were written."""

    key: str
    points: tuple[Point, ...]
    folder: Path


def scan(
    load: Callable[[Sequence[str]], RunConfig],
    over: str,
    runs: Path,
    *,
    base: Path,
    progress: bool,
    note: Callable[[str], None],
    workers: int | None = None,
    scheduler: str | None = None,
) -> ScanResult:
    """Train a run for each value of ``over``, KEY=VALUE,VALUE,...; write scan.json and scan.svg.

    ``load``: from overrides to the config. Runs are named NAME-KEY-VALUE and kept: one that is
    trained is not trained again, and one that was interrupted goes on. Where the float phase does
    not depend on the key, the first run's is taken over by the others. ``workers``, ``scheduler``:
    as `machines.connect` takes them, to train runs side by side, each as it would be alone; with
    neither they are trained here, seeds together and others one after the other. Raises UserError
    for values that the config refuses, before anything is trained.
    """
    key, values = _parsed(over)
    name = load([]).name
    short = key.rpartition(".")[2]
    configs = [load([f"{key}={value}", f"name={name}-{short}-{_plain(value)}"]) for value in values]
    trainings = [_Training(config, (runs / config.name).resolve(), base) for config in configs]
    if not depends_on(key):
        start = trainings[0].run
        others = (replace(training, float_from=start) for training in trainings[1:])
        trainings = [trainings[0], *others]
    done: dict[Path, _Losses] = {}
    folder = runs / f"{name}-{short}"
    with held(folder):
        if key == "seed" and workers is None and scheduler is None:
            trained = _together(trainings, progress=progress)
        else:
            trained = _all(trainings, progress, workers, scheduler)
        for training, losses in trained:
            note(f"{training.run.name}: {losses[0]:.4g} float, {losses[1]:.4g} quantized")
            done[training.run] = losses
        points = [
            Point(value, training.run.name, *done[training.run])
            for value, training in zip(values, trainings, strict=True)
        ]
        found = ScanResult(key, tuple(points), folder)
        _write(found, name)
    return found


def _parsed(over: str) -> tuple[str, list[str]]:
    key, equals, text = over.partition("=")
    try:  # the commas of a list are not those between values
        given = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError:
        given = []
    values = [value if isinstance(value, str) else json.dumps(value) for value in given]
    if not equals or not key.strip() or not values:
        raise UserError(f"--over is '{over}'; expected KEY=VALUE,VALUE, as quant.weight_bits=4,6,8")
    if len(values) > MANY:
        raise UserError(f"--over gives {len(values)} values; at most {MANY} are taken")
    if len(set(values)) != len(values):
        raise UserError(f"--over gives a value twice: {', '.join(values)}")
    if key.strip() == "name":
        raise UserError("--over name: runs are named by the scan; choose an option of the training")
    return key.strip(), values


def _plain(value: str) -> str:
    """Return a value as part of a run's name."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", value).strip("_")


def _all(
    trainings: Sequence[_Training], progress: bool, workers: int | None, scheduler: str | None
) -> Iterator[tuple[_Training, _Losses]]:
    """Yield each training with its losses once it is done."""
    if workers is None and scheduler is None:
        for training in trainings:
            yield training, _losses(training, progress=progress)
        return
    first = [training for training in trainings if training.float_from is None]
    later = [training for training in trainings if training.float_from is not None]
    with machines.connect(scheduler, workers) as client:
        yield from machines.each(client, _losses, first, ahead=1)
        yield from machines.each(client, _losses, later, ahead=1)


def _together(
    trainings: Sequence[_Training], *, progress: bool
) -> Iterator[tuple[_Training, _Losses]]:
    """Yield trainings that differ in their seeds: those that have not begun are computed as one."""
    fresh = [training for training in trainings if not (training.run / "config.yaml").exists()]
    if len(fresh) > 1:
        configs, runs = [one.config for one in fresh], [Run(one.run) for one in fresh]
        qat_together(configs, runs, base=fresh[0].base, progress=progress)
    for training in trainings:
        yield training, _losses(training, progress=progress)


def _losses(training: _Training, *, progress: bool = False) -> _Losses:
    """Train, or continue, one run; a worker may do it."""
    config, run = training.config, Run(training.run)
    begun = (run / "config.yaml").exists()
    if begun and finished(run):
        _same(config, run)
    source = None if training.float_from is None else Run(training.float_from)
    result = qat(
        config, run, base=training.base, resume=begun, progress=progress, float_from=source
    )
    return result.float_loss, result.qat_loss


def _same(config: RunConfig, run: Run) -> None:
    found = differences(configuration.load(run / "config.yaml"), config)
    if found:
        key, old, new = found[0]
        raise UserError(
            f"{run.path} was trained with {key}={old} and the config now has {key}={new}; remove "
            "it, or give the scan another name with --set name=NAME"
        )


def _write(found: ScanResult, name: str) -> None:
    found.folder.mkdir(parents=True, exist_ok=True)
    drawn = picture(found, name)
    content = {"key": found.key, "points": [asdict(point) for point in found.points]}
    write_json(found.folder / "scan.json", content | {"picture": drawn.to_json()})
    write_text(found.folder / "scan.svg", svg(drawn))


def picture(found: ScanResult, name: str) -> Picture:
    """Return float and quantized loss against the values; points where these are no numbers."""
    values = _floats([point.value for point in found.points])
    x = numbers(range(len(found.points))) if values is None else numbers(values)
    curves = tuple(
        Curve(label, x, numbers(losses), marked=True)
        for label, losses in (
            ("float", [point.float_loss for point in found.points]),
            ("quantized", [point.qat_loss for point in found.points]),
        )
    )
    ticks = () if values else tuple(point.value for point in found.points)
    wide = values is not None and min(values) > 0 and max(values) > 10 * min(values)
    panel = Panel(
        "", found.key, "validation loss", curves, log_x=wide, log_y=True, ticks=ticks,
    )  # fmt: skip
    caption = f"Validation loss of {name} for each value of {found.key}, one training a point."
    return Picture("scan", f"{name}: {found.key}", caption, (panel,))


def _floats(values: Sequence[str]) -> list[float] | None:
    try:
        return [float(value) for value in values]
    except ValueError:
        return None
