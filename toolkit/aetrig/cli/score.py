"""`aetrig score`: scores, accept bits and rates of data sets of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, QuietOption, RunOption, RunsOption


def command(
    files: Annotated[
        list[Path], typer.Argument(help="Tables with the network's columns: Parquet, ROOT, CSV...")
    ],
    run: RunOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; default: scores in the run.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="A Dask cluster's, or its scheduler file; else here."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes here; default: one a processor.")
    ] = None,
    chunk: Annotated[int, typer.Option(min=1, help="Rows of a partition, about.")] = 1 << 20,
    minbias: Annotated[
        bool, typer.Option("--minbias", help="Every row is a minimum-bias crossing: give rates.")
    ] = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Score tables of any size with a run's trigger.

    A command that was interrupted goes on.

    Examples:

      aetrig score zerobias/*.parquet --minbias

      aetrig score zerobias/*.parquet --scheduler tcp://10.0.0.1:8786 --out /shared/scores
    """
    from aetrig.cli.tables import print_table
    from aetrig.run import open_run

    opened = open_run(run, runs)

    from aetrig.compress.progress import Bar
    from aetrig.score.stage import score

    with Bar("scoring", None, shown=not quiet) as bar:
        result = score(
            opened, files, out, scheduler=scheduler, workers=workers, chunk=chunk,
            minbias=minbias, force=force, note=bar.of,
        )  # fmt: skip
    for text in result.notes():
        typer.echo(f"note: {text}")
    for table in result.tables():
        print_table(*table)
    typer.echo(result.summary())
