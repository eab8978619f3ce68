"""Rate and efficiency of every network in models/ under conditions that drift.

Each network's run is rebuilt from its config, its files and its data, without training; then it is
what `aetrig stability` does.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.data import features, vectors
from aetrig.data.load import load
from aetrig.emulator.stage import emulator
from aetrig.errors import AetrigError
from aetrig.export.stage import export_onnx
from aetrig.program.contract import NETWORK, TRIGGER
from aetrig.run import Run, write_text
from aetrig.stability.result import StabilityResult, Table
from aetrig.stability.stage import stability
from aetrig.train.prepare import parts
from trials._machine import where

ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """Measure the chosen networks; print Markdown; return 1 where one misses a limit."""
    options = _options(words)
    with tempfile.TemporaryDirectory(prefix="aetrig.") as scratch:
        place = options.out or Path(scratch)
        return _measured(options, place)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/trust stability", description=__doc__)
    parser.add_argument("networks", nargs="*", help="folders of models/ by name; default: all")
    parser.add_argument("--out", type=Path, help="keep the runs there; a run that is there is used")
    parser.add_argument("--runs", type=Path, help="trained runs, for networks without a file")
    parser.add_argument("--docs", type=Path, help="write stability-NETWORK.svg there")
    parser.add_argument("--events", type=int, help="validation events, for a quick look")
    parser.add_argument(
        "--set", action="append", default=[], help="option of stability, as stability.lost=false"
    )
    return parser.parse_args(words)


def _measured(options: argparse.Namespace, place: Path) -> int:
    models = sorted(path.parent for path in (ROOT / "models").glob("*/config.yaml"))
    chosen = [path for path in models if not options.networks or path.name in options.networks]
    if not chosen:
        print(f"no such network; there are {', '.join(path.name for path in models)}")
        return 2
    print(where())
    rows, failed = [], False
    for model in chosen:
        try:
            run = rebuilt(model, place / model.name, options.runs, options.events)
            result = stability(run, tuple(options.set))
        except AetrigError as error:
            rows.append([model.name, "left out", str(error)])
            continue
        print(f"\n## {model.name}\n\n{result.summary()}.")
        for line in markdown(result):
            print(line)
        if options.docs:
            shutil.copy(run / "stability.svg", options.docs / f"stability-{model.name}.svg")
        failed |= not result.passed
        rows.append([model.name, "passed" if result.passed else "failed", _worst(result)])
        sys.stdout.flush()
    columns = ["network", "limits", "the worst, or why it is left out"]
    print("\n## All networks\n")
    for line in _table("", columns, rows):
        print(line)
    return int(failed)


def rebuilt(model: Path, folder: Path, trained: Path | None, most: int | None = None) -> Run:
    """Return a run with what the measurement reads, from a folder of models/, without training."""
    run, config = Run(folder), configuration.load(model / "config.yaml")
    if (folder / "config.yaml").exists():
        return run
    if not (model / NETWORK).exists():
        return _trained(model, folder, trained)
    dataset = load(config.data, model)
    rows = parts(dataset, config)[1]
    rows = rows if most is None else rows[:most]
    vectors.save(run / vectors.FILE, dataset.select(rows))
    features.save(run / "features.json", dataset.features)
    for name in (NETWORK, TRIGGER):
        if (model / name).exists():
            shutil.copy(model / name, run / name)
    return _finished(run, config)


def _trained(model: Path, folder: Path, trained: Path | None) -> Run:
    if trained is None or not (trained / model.name / "config.yaml").exists():
        raise AetrigError("models/ has no file of it, its training alone: give --runs")
    shutil.copytree(trained / model.name, folder, ignore=shutil.ignore_patterns("emulator*"))
    (folder / "config.yaml").unlink()
    (folder / "manifest.json").unlink(missing_ok=True)
    run = Run(folder)
    config = configuration.load(model / "config.yaml")
    write_text(run / "config.yaml", configuration.dump(config))
    if not (run / NETWORK).exists():
        export_onnx(run)
    return _finished(run, config)


def _finished(run: Run, config: RunConfig) -> Run:
    """Write the config, and build the emulator, which is the fastest of the exact engines."""
    write_text(run / "config.yaml", configuration.dump(config))
    emulator(run)
    return run


def _worst(result: StabilityResult) -> str:
    """Return the failures in one cell, or the largest factor among conditions that have a limit."""
    if result.failures:
        more = len(result.failures) - 1
        return result.failures[0] + (f" (and {more} more)" if more else "")
    limits = result.content["limits"]["rate_factor"]
    held = [
        (found["factor"], item["name"], name)
        for item in result.content["conditions"]
        for name, found in item["points"].items()
        if item["group"] in limits and found["factor"] is not None
    ]
    if not held:
        return "no condition with a limit applies"
    factor, name, point = max(held)
    return f"{name}, {point}: {factor:.3g} times nominal"


def markdown(result: StabilityResult) -> Iterator[str]:
    """Yield the command's tables."""
    for table in result.tables():
        yield from _markdown(table)


def _markdown(table: Table) -> Iterator[str]:
    yield from _table(*table)


def _table(title: str, columns: list[str], rows: list[list[str]]) -> Iterator[str]:
    if title:
        yield f"\n{title}:\n"
    yield f"| {' | '.join(columns)} |"
    yield "|---" + "|---:" * (len(columns) - 1) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
