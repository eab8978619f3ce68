"""`aetrig stability`: the trigger under conditions that drift; exit code 1 if a limit is missed."""

from __future__ import annotations

from typing import Annotated

import typer

from aetrig.cli.options import (
    DEFAULT_RUNS,
    ForceOption,
    QuietOption,
    RunOption,
    RunsOption,
    SetOption,
)


def command(
    run: RunOption = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            help="Trigger rate, as 30kHz or tight=10kHz, in place of the trigger's; repeatable."
        ),
    ] = None,
    overrides: SetOption = None,
    point: Annotated[
        str | None, typer.Option(help="Working point to print; default: the middle one.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Every working point, region, feature and bit.")
    ] = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Measure rate and efficiency as the detector drifts.

    Energy scale, dead regions, hot towers, noise, soft jets, pile-up, saturated and lost inputs,
    stuck bits: applied to the validation events in the trigger's integers.

    Examples:

      aetrig stability

      aetrig stability --rate 30kHz --details --force

      aetrig stability --set stability.phi_sectors=16 --set stability.limits.rate_factor.scale=1.5
    """
    from rich.console import Console

    from aetrig.cli.points import hertz, named
    from aetrig.cli.tables import print_table
    from aetrig.errors import CheckFailedError
    from aetrig.run import open_run

    opened = open_run(run, runs)
    rates = named(rate, "--rate", hertz) if rate else None
    with Console(stderr=True, quiet=quiet).status("opening the run") as status:
        from aetrig.stability.stage import stability

        result = stability(
            opened, tuple(overrides or ()), rates, force=force, progress=status.update
        )
    shown = result.points() if details and point is None else [point]
    for name in shown:
        for table in result.tables(name, details=details):
            print_table(*table)
    typer.echo(result.summary())
    if not result.passed:
        first, *others = result.failures
        more = f" (and {len(others)} more in stability.json)" if others else ""
        raise CheckFailedError(f"not stable: {first}{more}")
