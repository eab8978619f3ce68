"""`aetrig hls`: the firmware project, emulated in csim."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption
from aetrig.errors import UserError


def command(
    run: RunOption = None,
    part: Annotated[
        str | None, typer.Option(help="FPGA part, short or full; default: xcvu9p.")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(help="Vitis, Vivado, VivadoAccelerator, Quartus or Catapult."),
    ] = None,
    board: Annotated[
        str | None, typer.Option(help="Board of VivadoAccelerator, as pynq-z2; gives the part.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="latency, resource or distributed_arithmetic.")
    ] = None,
    reuse_factor: Annotated[
        int | None, typer.Option(help="Multiplications that share one multiplier.")
    ] = None,
    clock_ns: Annotated[float | None, typer.Option(help="Clock period in ns.")] = None,
    build: Annotated[
        bool, typer.Option("--build", help="Run the vendor's C synthesis, where it is on PATH.")
    ] = False,
    cosim: Annotated[
        bool, typer.Option("--cosim", help="Build, then simulate the RTL: measured latency.")
    ] = False,
    implement: Annotated[
        bool, typer.Option("--implement", help="Build, then place and route in Vivado.")
    ] = False,
    latency_budget_ns: Annotated[
        float | None,
        typer.Option(min=0.001, help="Fail above it; default: verify.limits.latency_ns."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Make the hls4ml project; check it in csim, bit for bit.

    Examples:

      aetrig hls --part xcvu9p

      aetrig hls --strategy resource --reuse-factor 4 --clock-ns 4 --force

      aetrig hls --part xcvu13p --dry-run

      aetrig hls --backend VivadoAccelerator --board pynq-z2 --force

      aetrig hls --build --cosim --latency-budget-ns 50
    """
    from aetrig import config as configuration
    from aetrig.cli.tables import print_table
    from aetrig.run import open_run

    opened = open_run(run, runs)
    if board is not None and part is None:
        from aetrig.hls.boards import part_of

        part = part_of(board)
    given: dict[str, Any] = {
        "part": part,
        "backend": backend,
        "board": board,
        "strategy": strategy,
        "reuse_factor": reuse_factor,
        "clock_ns": clock_ns,
    }
    overrides = [f"hls.{key}={value}" for key, value in given.items() if value is not None]
    config = configuration.load(opened / "config.yaml", overrides)

    from aetrig.hls.build import Steps
    from aetrig.hls.report import find_report
    from aetrig.hls.stage import PROJECT, hls

    build = build or cosim or implement
    reported = not force and find_report(opened / PROJECT) is not None
    if latency_budget_ns is not None and not (build or reported):
        raise UserError("--latency-budget-ns: there is no report to hold to it; add --build")
    result = hls(
        opened,
        config.hls,
        build=build,
        steps=Steps(cosim, implement),
        latency_budget_ns=latency_budget_ns or config.verify.limits.latency_ns,
        dry_run=dry_run,
        force=force,
    )
    for table in result.tables():
        print_table(*table)
    typer.echo(result.summary())
