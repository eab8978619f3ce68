"""`aetrig scan`: the same training for several values of one option, with a plot of the losses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from aetrig import config as configuration
from aetrig.config.differ import differences
from aetrig.config.model import RunConfig
from aetrig.errors import UserError
from aetrig.report.draw import svg
from aetrig.report.picture import Curve, Panel, Picture, numbers
from aetrig.run import Run, write_json, write_text
from aetrig.train.qat import TrainResult, qat
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
) -> ScanResult:
    """Train a run for each value of ``over``, KEY=VALUE,VALUE,...; write scan.json and scan.svg.

    ``load``: from overrides to the config. Runs are named NAME-KEY-VALUE and kept: one that is
    trained is not trained again, and one that was interrupted goes on. Where the float phase does
    not depend on the key, the first run's is taken over by the others. Raises UserError for values
    that the config refuses, before anything is trained.
    """
    key, values = _parsed(over)
    name = load([]).name
    short = key.rpartition(".")[2]
    configs = [load([f"{key}={value}", f"name={name}-{short}-{_plain(value)}"]) for value in values]
    first: Run | None = None
    points = []
    for value, config in zip(values, configs, strict=True):
        run = Run(runs / config.name)
        note(f"{key}={value}: {run.path}")
        result = _trained(config, run, base, None if depends_on(key) else first, progress=progress)
        first = first or run
        points.append(Point(value, run.path.name, result.float_loss, result.qat_loss))
    found = ScanResult(key, tuple(points), runs / f"{name}-{short}")
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


def _trained(
    config: RunConfig, run: Run, base: Path, float_from: Run | None, *, progress: bool
) -> TrainResult:
    begun = (run / "config.yaml").exists()
    if begun and finished(run):
        _same(config, run)
    return qat(config, run, base=base, resume=begun, progress=progress, float_from=float_from)


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
