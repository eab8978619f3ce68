"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunOption = Annotated[
    Path | None,
    typer.Option(
        "--run", "-r", help="Run directory, or its name under --runs; default: the latest run."
    ),
]
RunsOption = Annotated[
    Path, typer.Option("--runs", envvar="AETRIG_RUNS", help="Folder that holds the runs.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Make it again, replacing what is there.")
]
ConfigArgument = Annotated[
    Path | None, typer.Argument(help="YAML config; default: the embedded sample's.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Override, e.g. quant.weight_bits=4."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]
DEFAULT_RUNS = Path("runs")
