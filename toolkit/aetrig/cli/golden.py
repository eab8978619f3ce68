"""`aetrig golden`: a network as files with golden vectors, and the check for a repository's CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption

app = typer.Typer(help="Networks with golden vectors, for your CI.", no_args_is_help=True)


@app.command()
def write(
    folder: Annotated[Path, typer.Argument(help="Where to write the network.")],
    run: RunOption = None,
    events: Annotated[
        bool,
        typer.Option(help="Validation events among the vectors; without, adversarial ones alone."),
    ] = True,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Write a verified run's files, vectors and card.

    Config, ONNX files, golden vectors and the card go into a folder.

    Example: aetrig golden write network/
    """
    from aetrig.run import open_run

    opened = open_run(run, runs)

    from aetrig.verify.golden import write as write_golden

    count = write_golden(opened, folder, force=force, events=events)
    typer.echo(f"{folder}: {count:,} golden vectors. In your CI: aetrig golden check {folder}")


@app.command()
def check(
    folders: Annotated[list[Path], typer.Argument(help="Folders that golden write wrote.")],
    csynth: Annotated[
        Path | None,
        typer.Option(help="Vendor's csynth.xml, held to the limits of the config."),
    ] = None,
) -> None:
    """Make the firmware afresh and compare with the vectors.

    Examples:

      aetrig golden check network/

      aetrig golden check network/ --csynth myproject_csynth.xml
    """
    from aetrig.cli.tables import print_table
    from aetrig.errors import CheckFailedError
    from aetrig.verify.golden_check import check as check_golden

    failures = []
    for folder in folders:
        result = check_golden(folder, csynth)
        columns = ("against the golden vectors", "values", "differing", "result")
        print_table(str(folder), columns, result.rows())
        failures += [f"{folder}: {line}" for line in result.failures()]
    if failures:
        raise CheckFailedError("; ".join(failures))
    typer.echo("PASSED: no bit differs")


@app.command()
def renew(
    folders: Annotated[list[Path], typer.Argument(help="Folders that golden write wrote.")],
) -> None:
    """Choose vectors that show single-bit faults anew.

    The events and adversarial vectors stay; golden.npz, golden.json and the card are written.

    Example: aetrig golden renew network/
    """
    from aetrig.verify.golden import renew as renew_golden

    for folder in folders:
        vectors = renew_golden(folder)
        faults = vectors["faults"]
        share = faults["detected"] / faults["changed"] if faults["changed"] else 1.0
        typer.echo(
            f"{folder}: {vectors['chosen']:,} chosen vectors; of {faults['tried']:,} single-bit "
            f"faults {faults['changed']:,} change something, {faults['detected']:,} of them show "
            f"({share:.2%}; {faults['before']:,} without the chosen vectors)"
        )
