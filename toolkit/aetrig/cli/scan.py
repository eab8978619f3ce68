"""`aetrig scan`: one training for each value of an option."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import (
    DEFAULT_RUNS,
    ConfigArgument,
    QuietOption,
    RunsOption,
    SetOption,
)


def command(
    over: Annotated[str, typer.Option(metavar="KEY=VALUE,...", help="Option and its values.")],
    config: ConfigArgument = None,
    overrides: SetOption = None,
    workers: Annotated[
        int | None, typer.Option(help="Train so many runs at once, each in a process.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Train on a Dask cluster: tcp://host:port, or its file.")
    ] = None,
    quiet: QuietOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Train once for each value of an option; plot the losses.

    The plot is scan.svg. An interrupted scan resumes by itself.

    Examples:

      aetrig scan configs/l1.yaml --over quant.weight_bits=3,4,6,8

      aetrig scan configs/l1.yaml --over seed=1,2,3,4,5 --workers 2

      aetrig scan configs/l1.yaml --over train.fraction=0.01,0.03,0.1,0.3,1
    """
    from aetrig import config as configuration
    from aetrig.cli.tables import print_table
    from aetrig.search.scan import scan

    found = scan(
        lambda more: configuration.load(config, [*(overrides or []), *more]),
        over,
        runs,
        base=config.parent if config else Path.cwd(),
        progress=not quiet,
        note=typer.echo,
        workers=workers,
        scheduler=scheduler,
    )
    rows = [(p.value, f"{p.float_loss:.4g}", f"{p.qat_loss:.4g}", p.run) for p in found.points]
    print_table("Validation loss", (found.key, "float", "quantized", "run"), rows)
    typer.echo(f"{found.folder}: scan.json, scan.svg")
