"""The program `aetrig`: its commands, and how an error becomes one line and an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import Annotated, Any, cast

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
    interrupts,
    package,
    qat,
    report,
    rtl,
    scan,
    score,
    search,
    stability,
    threshold,
    verify,
)
from aetrig.errors import AetrigError, UserError
from aetrig.files import NO_ROOM, NOT_WRITABLE

NAME = "aetrig"
FAULT = 70  # a fault of the program, as sysexits.h has it
# what typer raises for words that it can't read has a name of its own in some versions only
_USAGE = cast("type[Exception]", typer.BadParameter.__mro__[1])

app = typer.Typer(
    name=NAME,
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
app.command("stability")(stability.command)
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
    interrupts.listen()
    try:
        # not standalone: typer would say a wrong word in four lines
        code = app(prog_name=NAME, standalone_mode=False)
    except AetrigError as error:
        _say(f"error: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        _say(f"error: {_told(error)}")
        sys.exit(UserError.exit_code)
    except _USAGE as error:
        _usage(error)
        sys.exit(UserError.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = interrupts.CODE
    except Exception as error:  # noqa: BLE001 - no reader or stage lets one through knowingly
        sys.exit(_fault(error))
    if code == interrupts.CODE:  # of typer too, for Ctrl-C
        interrupts.tell()
    sys.exit(code)


def _usage(error: Any) -> None:
    """Say what is wrong with the words of a command; no word at all asks for the help."""
    message = error.format_message()
    if "\n" in message:
        typer.echo(message, err=True)
        return
    command = error.ctx.command_path if error.ctx else NAME
    what = f"{message[0].lower()}{message[1:].rstrip('.')}"
    _say(f"error: {command}: {what}; see {command} --help")


def _say(line: str) -> None:
    typer.secho(line, fg=typer.colors.RED, err=True)


def _fault(error: BaseException) -> int:
    """Tell a fault of the program itself in one line, keep its traceback, return the exit code."""
    handle, log = tempfile.mkstemp(prefix="aetrig-fault-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"aetrig {__version__} {' '.join(sys.argv[1:])}\n\n")
        traceback.print_exception(error, file=file)
    _say(
        f"fault: {type(error).__name__} inside aetrig, which no input should cause; please report "
        f"it with {log}"
    )
    return FAULT


def _told(error: OSError) -> str:
    """Return an error of the system in one line, with the file and what to do."""
    place = f"{error.filename}: " if error.filename else ""
    what = f"{place}{error.strerror or error}"
    # artefacts are renamed into place: none is half there
    if error.errno in NO_ROOM:
        return (
            f"{what}; nothing was written there: make room, or choose another place, and run the "
            "same command again"
        )
    if error.errno in NOT_WRITABLE:
        return f"{what}; make it accessible to you, or choose another place"
    return what
