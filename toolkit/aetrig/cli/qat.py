"""`aetrig qat`: train in float, then quantization-aware."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli import interrupts
from aetrig.cli.options import (
    DEFAULT_RUNS,
    ConfigArgument,
    ForceOption,
    QuietOption,
    RunsOption,
    SetOption,
)


def command(
    config: ConfigArgument = None,
    overrides: SetOption = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the run; default: the config's.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted training, bit for bit.")
    ] = False,
    float_from: Annotated[
        Path | None,
        typer.Option(help="A run whose float phase is taken over; only quantization is trained."),
    ] = None,
    force: ForceOption = False,
    quiet: QuietOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Train an autoencoder: in float, then quantization-aware.

    Examples:

      aetrig qat

      aetrig qat configs/l1.yaml --set quant.weight_bits=4 --name l1-w4

      aetrig qat --resume

      aetrig qat --set quant.weight_bits=3 --name l1-w3 --float-from l1
    """
    from aetrig import config as configuration
    from aetrig.run import Run, new_run, open_run

    given = [*(overrides or []), *([f"name={name}"] if name else [])]
    if resume:
        named = name or (configuration.load(config, given).name if config else None)
        run = open_run(Path(named) if named else None, runs)
        settings = configuration.load(config or run / "config.yaml", given)
    else:
        settings = configuration.load(config, given)
        # one that is replaced is set aside by the training, once it has read its data
        run = Run(runs / settings.name) if force else new_run(runs, settings.name, force=False)

    from aetrig.train.qat import qat

    base = config.parent if config else Path.cwd()
    source = open_run(float_from, runs) if float_from else None
    if not resume:
        interrupts.go_on_with(partial(_again, run.path, _begun(run.path)))
    result = qat(
        settings,
        run,
        base=base,
        resume=resume,
        progress=not quiet,
        float_from=source,
        replace=force and not resume,
    )
    for warning in result.warnings:
        typer.echo(f"note: {warning}")
    typer.echo(
        f"{run.path}: validation loss {result.float_loss:.4g} float, {result.qat_loss:.4g} "
        f"quantized, in {result.seconds:.0f} s. Next: aetrig export-onnx"
    )


def _again(run: Path, before: tuple[int, int] | None) -> str | None:
    if _begun(run) in (None, before):
        return None
    return f"aetrig {shlex.join(sys.argv[1:])} --resume"


def _begun(run: Path) -> tuple[int, int] | None:
    """Return what tells one begun training from another in the same place."""
    path = run / "config.yaml"
    if not path.exists():
        return None
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
