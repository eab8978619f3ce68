"""`aetrig rtl`: pipelined RTL, its latency measured in simulation."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption


def command(
    run: RunOption = None,
    clock_ns: Annotated[float | None, typer.Option(help="Clock period in ns.")] = None,
    latency_budget_ns: Annotated[
        float | None, typer.Option(help="Fail where the latency cannot be this short.")
    ] = None,
    part: Annotated[str | None, typer.Option(help="FPGA part; default: xcvu9p.")] = None,
    language: Annotated[str | None, typer.Option(help="verilog or vhdl.")] = None,
    stage_delay: Annotated[
        float | None,
        typer.Option(help="Longest path of a stage in alkaid's units; default: by the clock."),
    ] = None,
    synthesize: Annotated[
        bool, typer.Option("--synthesize", help="Count cells with yosys; takes minutes.")
    ] = False,
    force: ForceOption = False,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Make pipelined RTL and simulate it cycle by cycle.

    It takes an event every clock.

    Examples:

      aetrig rtl --clock-ns 5 --latency-budget-ns 50

      aetrig rtl --synthesize --force

      aetrig rtl --language vhdl --force
    """
    from aetrig import config as configuration
    from aetrig.cli.tables import print_table
    from aetrig.run import open_run

    opened = open_run(run, runs)
    given: dict[str, Any] = {
        "clock_ns": clock_ns,
        "latency_budget_ns": latency_budget_ns,
        "part": part,
        "language": language,
        "stage_delay": stage_delay,
    }
    overrides = [f"rtl.{key}={value}" for key, value in given.items() if value is not None]
    options = configuration.load(opened / "config.yaml", overrides).rtl

    from aetrig.rtl.stage import rtl

    result = rtl(opened, options, synthesis=synthesize, force=force)
    for table in result.tables():
        print_table(*table)
    typer.echo(result.summary())
