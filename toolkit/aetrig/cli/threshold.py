"""`aetrig threshold`: score and working points behind the network."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption
from aetrig.errors import UserError


def command(
    run: RunOption = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(help="Trigger rate, as 30kHz or tight=10kHz; repeat for more points."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="Integer threshold, as tight=51200, in place of rates; repeatable."),
    ] = None,
    tpr: Annotated[
        list[str] | None,
        typer.Option(help="Accepted share of the signals, as 0.3 or loose=0.3; repeatable."),
    ] = None,
    fpr: Annotated[
        list[str] | None,
        typer.Option(help="Accepted share of the background, as 1e-3; repeatable."),
    ] = None,
    score: Annotated[str | None, typer.Option(help="mse, mae, latent or embedding.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="minbias, or processes weighted by cross section and luminosity."
        ),
    ] = None,
    luminosity: Annotated[
        float | None, typer.Option(help="In cm^-2 s^-1, for --from processes.")
    ] = None,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Choose thresholds at trigger rates; write the trigger.

    The network's own file is not changed.

    Examples:

      aetrig threshold --rate 30kHz

      aetrig threshold --rate loose=100kHz --rate tight=10kHz --force

      aetrig threshold --tpr loose=0.3 --fpr tight=1e-3 --force

      aetrig threshold --score mae --from processes --luminosity 2e34 --rate 50kHz --force
    """
    from aetrig import config as configuration
    from aetrig.cli.points import hertz, integer, named, share
    from aetrig.cli.tables import print_table
    from aetrig.run import open_run

    opened = open_run(run, runs)
    shares: dict[str, Any] = {}
    for of, texts, option in (("signal", tpr, "--tpr"), ("background", fpr, "--fpr")):
        for name, value in (named(texts, option, share) if texts else {}).items():
            if name in shares:
                raise UserError(f"--tpr and --fpr both give the working point '{name}'; name them")
            shares[name] = {"of": of, "share": value}
    ways = {"--rate": rate, "--threshold": threshold, "--tpr and --fpr": shares}
    chosen = [name for name, value in ways.items() if value]
    if len(chosen) > 1:
        raise UserError(f"{' and '.join(chosen)} exclude one another; choose one way")
    given: dict[str, Any] = {
        "score": score,
        "source": source,
        "luminosity": luminosity,
        "working_points": named(rate, "--rate", hertz) if rate else None,
        "shares": shares or None,
        "thresholds": named(threshold, "--threshold", integer) if threshold else None,
    }
    # JSON is YAML too
    overrides = [f"trigger.{k}={json.dumps(v)}" for k, v in given.items() if v is not None]
    options = configuration.load(opened / "config.yaml", overrides).trigger

    from aetrig.trigger.stage import threshold as run_threshold

    result = run_threshold(opened, options, force=force)
    for table in result.tables():
        print_table(*table)
    typer.echo(result.summary())
