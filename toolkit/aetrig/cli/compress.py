"""`aetrig compress`, `aetrig decompress`: tables as latent codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption

OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")]
WorkersOption = Annotated[int, typer.Option(min=0, help="Processes; 0: one a core.")]


def compress(
    table: Annotated[Path, typer.Argument(help="Parquet or CSV, with the network's columns.")],
    run: RunOption = None,
    max_error: Annotated[
        list[str] | None,
        typer.Option(help="Largest error: 0.5 or 1% for all columns, pt=0.5 for one; repeatable."),
    ] = None,
    out: OutOption = None,
    workers: WorkersOption = 0,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Write a table's latent codes, bit-packed.

    Where an error is bounded, corrections keep to the bound.

    Examples:

      aetrig compress jets.parquet --run my-jets

      aetrig compress jets.parquet --max-error 1% --max-error phi=0.01
    """
    from aetrig.run import open_run

    opened = open_run(run, runs)
    target = _target(out or table.with_name(table.name + ".aez"), force=force)

    from aetrig.compress.stage import compress as run_compress

    result = run_compress(
        opened, table, target, tuple(max_error or ()), workers=workers, progress=True
    )
    typer.echo(result.summary())


def decompress(
    file: Annotated[Path, typer.Argument(help="A file of aetrig compress.")],
    out: OutOption = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Write every intact block of a damaged file.")
    ] = False,
    workers: WorkersOption = 0,
    force: ForceOption = False,
) -> None:
    """Restore the table that a compressed file holds, as Parquet.

    Example: aetrig decompress jets.parquet.aez -o restored.parquet
    """
    from aetrig.errors import CheckFailedError

    target = _target(out or file.with_name(file.name + ".parquet"), force=force)

    from aetrig.compress.stage import decompress as run_decompress

    result = run_decompress(file, target, salvage=salvage, workers=workers, progress=True)
    typer.echo(result.summary())
    if result.lost:
        raise CheckFailedError(f"lost: {'; '.join(result.lost)}")


def _target(path: Path, *, force: bool) -> Path:
    from aetrig.errors import UserError

    if path.exists() and not force:
        raise UserError(f"{path} exists; choose another with --out, or replace it with --force")
    return path
