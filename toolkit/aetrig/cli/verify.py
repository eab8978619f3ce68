"""`aetrig verify`: the ladder of stages, physics limits and latency; exit code 1 if one fails."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, QuietOption, RunOption, RunsOption


def command(
    run: RunOption = None,
    details: Annotated[
        bool, typer.Option("--details", help="Every table: ladder, coverage, working points.")
    ] = False,
    manifest: Annotated[
        bool,
        typer.Option(
            "--manifest",
            help="Check digests alone, from data to firmware, in seconds: no stage is run.",
        ),
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="With --manifest: a folder to look for data files in.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="With --manifest: notes are faults (other code, not checked)."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --manifest: print what was found as JSON.")
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

      aetrig verify --manifest
    """
    from rich.console import Console

    from aetrig.cli.tables import print_table
    from aetrig.errors import CheckFailedError, UserError
    from aetrig.run import open_run

    if (data is not None or strict or as_json) and not manifest:
        raise UserError("--data, --strict and --json go with --manifest")
    opened = open_run(run, runs)
    if manifest:
        _chain(opened.path, data, strict=strict, as_json=as_json)
        return
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


def _chain(folder: Path, data: Path | None, *, strict: bool, as_json: bool) -> None:
    """Check the manifest alone; faults go out with code 1."""
    import json

    from aetrig.errors import CheckFailedError
    from aetrig.run import Run
    from aetrig.verify.chain import check_chain

    found = check_chain(Run(folder), data)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        for fault in found.faults:
            typer.echo(str(fault))
        for note in found.notes:
            typer.echo(f"note: {note}")
        typer.echo(found.summary())
    faults = [*found.faults, *(found.notes if strict else ())]
    if faults:
        what = f"{folder}: the chain is broken, first at {faults[0].artefact}"
        raise CheckFailedError(f"{what}; {found.remedy}" if found.remedy else what)
