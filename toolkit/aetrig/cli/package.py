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
    check: Annotated[
        Path | None,
        typer.Option(metavar="ZIP", help="Check a received zip instead: nothing is unpacked."),
    ] = None,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Write a verified run's firmware into one zip.

    With vectors, constraints and scripts.

    Examples:

      aetrig package --out l1-trigger.zip

      aetrig package --check l1-trigger.zip
    """
    if check is not None:
        _check(check)
        return
    from aetrig.run import open_run

    opened = open_run(run, runs)

    from aetrig.package.stage import package

    typer.echo(package(opened, out, force=force).summary())


def _check(path: Path) -> None:
    """Check a received zip; faults go out with code 1."""
    from aetrig.errors import CheckFailedError
    from aetrig.package.check import check_package

    found = check_package(path)
    for fault in found.faults:
        typer.echo(fault)
    typer.echo(found.summary())
    if found.faults:
        raise CheckFailedError(f"{path} is not what was packed: {found.faults[0]}")
