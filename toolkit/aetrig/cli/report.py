"""`aetrig report`: one page with verdict, pictures and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption
from aetrig.errors import UserError

COMPARISON = Path("comparison.html")


def command(
    names: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="The runs of --compare.")
    ] = None,
    run: RunOption = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the runs, each with a report, side by side.")
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write, for --compare.")
    ] = COMPARISON,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Draw a run's pictures and write report.html.

    It is one file that opens offline.

    Examples:

      aetrig report

      aetrig report --compare demo l1-vae -o both.html
    """
    from aetrig.run import open_run

    given = names or []
    if compare:
        if out.exists() and not force:
            raise UserError(f"{out} exists; choose another with --out, or replace it with --force")
        from aetrig.report.stage import compare as run_compare

        typer.echo(run_compare([open_run(path, runs) for path in given], out).summary())
        return
    if out != COMPARISON:
        raise UserError("--out is for --compare; a run's report is its report.html")
    if len(given) > 1 or (given and run):
        raise UserError(f"one report is of one run, given {len(given) + bool(run)}; --compare?")

    from aetrig.report.stage import report

    typer.echo(report(open_run(given[0] if given else run, runs), force=force).summary())
