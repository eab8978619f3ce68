"""`aetrig verify`: the ladder of stages, physics limits and latency; exit code 1 if one fails."""

from __future__ import annotations

from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, QuietOption, RunOption, RunsOption


def command(
    run: RunOption = None,
    details: Annotated[
        bool, typer.Option("--details", help="Every table: ladder, coverage, working points.")
    ] = False,
    quiet: QuietOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Compare every stage with its neighbour, bit for bit.

    The same vectors run through float, QAT, onnxruntime, Program, csim, RTL and emulator.

    From QAT downward no bit may differ; from float to QAT the limits of the config hold.

    Examples:

      aetrig verify

      aetrig verify --run l1-w4 --details
    """
    from rich.console import Console

    from aetrig.cli.tables import print_table
    from aetrig.errors import CheckFailedError
    from aetrig.run import open_run

    opened = open_run(run, runs)
    with Console(stderr=True, quiet=quiet).status("opening stages") as status:
        from aetrig.verify.stage import verify

        verdict = verify(opened, status.update)
    from aetrig.verify.summary import summary_table
    from aetrig.verify.table import tables

    for fault in verdict.findings:
        typer.echo(f"fault: {fault}")
    for missing in verdict.not_run:
        typer.echo(f"not run: {missing}")
    for table in tables(verdict) if details else [summary_table(verdict)]:
        print_table(table.title, table.columns, table.rows)
    typer.echo(verdict.summary())
    if not verdict.passed:
        first, *others = verdict.failures()
        more = f" (and {len(others)} more in verify.json)" if others else ""
        raise CheckFailedError(f"verification failed: {first}{more}")
