"""`aetrig emulator`: the fast, bit-exact library for offline software."""

from __future__ import annotations

from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption


def command(
    run: RunOption = None,
    version: Annotated[
        int, typer.Option(help="Of the exported symbols, so that several load in one process.")
    ] = 1,
    name: Annotated[
        str | None, typer.Option(help="Of the exported symbols; default: the run's name.")
    ] = None,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Make a fast, bit-exact shared library.

    With header, Python wrapper, example and self-test; compiled by g++.

    Examples:

      aetrig emulator

      aetrig emulator --name l1ad --version 4 --force
    """
    from aetrig.cli.tables import print_table
    from aetrig.run import open_run

    opened = open_run(run, runs)

    from aetrig.emulator.stage import emulator

    result = emulator(opened, version=version, name=name, force=force)
    for table in result.tables():
        print_table(*table)
    typer.echo(result.summary())
