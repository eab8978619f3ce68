"""`aetrig verify`: the ladder of stages, physics limits and latency; exit code 1 if one fails."""

from __future__ import annotations

import typer

from aetrig.cli.options import DEFAULT_RUNS, RunOption, RunsOption


def command(run: RunOption = None, runs: RunsOption = DEFAULT_RUNS) -> None:
    """Run the same vectors through float, QAT, onnxruntime, Program and csim, and compare.

    From QAT downward no bit may differ; from float to QAT the limits of the config hold.

    Examples:

      aetrig verify

      aetrig verify --run l1-w4
    """
    from aetrig.cli.tables import print_table
    from aetrig.errors import CheckFailedError
    from aetrig.run import open_run

    opened = open_run(run, runs)

    from aetrig.verify.stage import verify
    from aetrig.verify.table import tables

    verdict = verify(opened)
    for table in tables(verdict):
        print_table(table.title, table.columns, table.rows)
    typer.echo(verdict.summary())
    if not verdict.passed:
        raise CheckFailedError("verification failed: " + "; ".join(verdict.failures()))
