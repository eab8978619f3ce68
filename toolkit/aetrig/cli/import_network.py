"""`aetrig import`: a network that was trained elsewhere becomes a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunsOption, SetOption

MODULE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt")


def command(
    network: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A QONNX file, or FILE.py:FUNCTION that returns a Brevitas module; that file is "
            "executed, so name none but your own.",
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="YAML config of data, scaling and later stages; default: the embedded sample's.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the run; default: the config's.")
    ] = None,
    scaling: Annotated[
        str,
        typer.Option(
            help="What the file takes. integers: hardware integers; config: what the config's "
            "scaling makes of them; a JSON file with offset and shift; auto: integers where the "
            "file scales them itself, else config."
        ),
    ] = "auto",
    weights: Annotated[
        Path | None,
        typer.Option(help="State dict for the module of FILE.py:FUNCTION; read without executing."),
    ] = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Bring a network that was trained elsewhere.

    It is compared in integers before anything is kept.

    Fully-connected layers with power-of-two scales, one a tensor; all else is refused by name.
    What is written is a run: threshold, hls, rtl, emulator, verify, report and package go on
    from it.

    Examples:

      aetrig import net.qonnx.onnx --config mine.yaml --name mine

      aetrig import net.py:make --weights state.pt --config mine.yaml
    """
    from aetrig import config as configuration

    given = [*(overrides or []), *([f"name={name}"] if name else [])]
    settings = configuration.load(config, given)
    base = config.parent if config else Path.cwd()
    module = MODULE.fullmatch(network)
    _check(network, weights, module=module is not None)

    from aetrig.bring.stage import import_file, import_network
    from aetrig.cli.tables import print_table

    if module is None:
        result = import_network(
            Path(network), settings, runs, base=base, scaling=scaling, force=force
        )
    else:
        result = import_file(
            Path(module["file"]),
            module["function"],
            settings,
            runs,
            base=base,
            weights=weights,
            scaling=scaling,
            force=force,
        )
    for note in result.notes:
        typer.echo(f"note: {note}")
    print_table("Layers", ("layer", "in the imported network", "width"), result.rows())
    typer.echo(result.summary())


def _check(network: str, weights: Path | None, *, module: bool) -> None:
    """Refuse what is neither a QONNX file nor a module's Python file before anything is read."""
    from aetrig.errors import UserError

    if network.endswith(".py"):
        raise UserError(f"{network}: name the function that returns the module, {network}:make")
    if network.endswith(PICKLES):
        raise UserError(
            f"{network}: a pickled module can execute anything when it is opened, and is not; give "
            "FILE.py:FUNCTION with --weights, or export it: brevitas.export.export_qonnx"
        )
    if weights is not None and not module:
        raise UserError("--weights is for FILE.py:FUNCTION; a QONNX file has its own")
