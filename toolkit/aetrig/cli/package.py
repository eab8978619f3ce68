"""`aetrig package`: the hand-over to a firmware engineer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption


def command(
    run: RunOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The zip; default: RUN/NAME-firmware.zip.")
    ] = None,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Write a verified run's firmware into one zip.

    With vectors, constraints and scripts.

    Example: aetrig package --out l1-trigger.zip
    """
    from aetrig.run import open_run

    opened = open_run(run, runs)

    from aetrig.package.stage import package

    typer.echo(package(opened, out, force=force).summary())
