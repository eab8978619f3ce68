"""`aetrig data`: look at a source before training on it."""

from __future__ import annotations

from typing import Annotated

import typer

from aetrig.cli.options import SetOption

app = typer.Typer(help="Look at data sources.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at data sources."""


@app.command()
def info(
    source: Annotated[str, typer.Argument(help="'l1' for the embedded sample, or a YAML config.")],
    overrides: SetOption = None,
) -> None:
    """Print processes, features, grids and ranges of a source.

    Examples:

      aetrig data info l1

      aetrig data info configs/atlas-jets.yaml --set data.folder=/path/to/jets
    """
    from pathlib import Path

    from aetrig import config as configuration
    from aetrig.cli.tables import print_table

    path = None if source == "l1" else Path(source)
    settings = configuration.load(path, overrides or [])

    from aetrig.data.info import describe
    from aetrig.data.load import load

    found = describe(load(settings.data, path.parent if path else Path.cwd()))
    for table in found.tables():
        print_table(*table)
    for note in found.notes:
        typer.echo(f"note: {note}")
