"""`aetrig data`: look at a source before training on it."""

from __future__ import annotations

from pathlib import Path
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


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="adc2021 or hls4ml_lhc_jets_hlf.")],
    folder: Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")] = Path(
        "data"
    ),
) -> None:
    """Download a published data set from its archive.

    Files are checked by the archive's checksums.

    Examples:

      aetrig data fetch hls4ml_lhc_jets_hlf

      aetrig data fetch adc2021 --out /data/adc2021
    """
    from aetrig.data.fetch import fetch as run

    found = run(name, folder, typer.echo)
    typer.echo(f"in a config:\n{found.config}")
