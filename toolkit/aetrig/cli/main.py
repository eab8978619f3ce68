"""The program `aetrig`: its commands, and how an error becomes one line and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aetrig import __version__
from aetrig.cli import (
    clusters,
    compress,
    config,
    data,
    doctor,
    emulator,
    export_onnx,
    golden,
    hls,
    import_network,
    package,
    qat,
    report,
    rtl,
    scan,
    score,
    search,
    threshold,
    verify,
)
from aetrig.errors import AetrigError

app = typer.Typer(
    name="aetrig",
    help="From events to a checked anomaly trigger: train, quantize, export, emulate, verify.",
    epilog="First run: aetrig qat && aetrig export-onnx && aetrig hls && aetrig verify",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would double the time of --help
)
app.command("qat")(qat.command)
app.command("export-onnx")(export_onnx.command)
app.command("import")(import_network.command)
app.command("threshold")(threshold.command)
app.command("hls")(hls.command)
app.command("rtl")(rtl.command)
app.command("emulator")(emulator.command)
app.command("score")(score.command)
app.command("verify")(verify.command)
app.command("report")(report.command)
app.command("clusters")(clusters.command)
app.command("scan")(scan.command)
app.command("search")(search.command)
app.command("compress")(compress.compress)
app.command("decompress")(compress.decompress)
app.command("package")(package.command)
app.command("doctor")(doctor.command)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")
app.add_typer(golden.app, name="golden")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aetrig {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Options before any command."""


def main() -> None:
    """Run the program; exit code 2 for the user's mistake, 1 for a failed check, 3 for a tool."""
    try:
        app()
    except AetrigError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        # a full disk or a read-only folder; artefacts are renamed into place, so none is half there
        place = f"{error.filename}: " if error.filename else ""
        typer.secho(f"error: {place}{error.strerror or error}", fg=typer.colors.RED, err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.secho("interrupted; run it again to go on (training: aetrig qat --resume)", err=True)
        sys.exit(130)
