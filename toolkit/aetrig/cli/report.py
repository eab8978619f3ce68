"""`aetrig report`: one page with verdict, pictures and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption


def command(
    run: RunOption = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(help="Runs to put side by side, each with a report; repeat the option."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, for --compare.")] = Path(
        "comparison.html"
    ),
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Draw a run's pictures and write report.html: one file that opens offline.

    Examples:

      aetrig report

      aetrig report --compare demo --compare l1-vae -o both.html
    """
    from aetrig.run import open_run

    if compare:
        opened = [open_run(path, runs) for path in compare]

        from aetrig.report.stage import compare as run_compare

        typer.echo(run_compare(opened, out).summary())
        return
    one = open_run(run, runs)

    from aetrig.report.stage import report

    typer.echo(report(one, force=force).summary())
