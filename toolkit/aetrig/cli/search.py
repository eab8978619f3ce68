"""`aetrig search`: the networks worth building, within a budget."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aetrig.cli.options import DEFAULT_RUNS, ConfigArgument, RunsOption, SetOption


class Sampler(StrEnum):
    """Samplers of Optuna."""

    tpe = "tpe"
    nsga2 = "nsga2"
    random = "random"


def command(
    config: ConfigArgument = None,
    rate: Annotated[
        str | None, typer.Option(help="Trigger rate to be efficient at, as 30kHz; default: AUC.")
    ] = None,
    latency: Annotated[
        str | None, typer.Option(help="At most, as 50ns or 10cycles; default: no bound.")
    ] = None,
    luts: Annotated[
        str | None, typer.Option(help="At most, as 1% of the part, or 12000; default: no bound.")
    ] = None,
    quality: Annotated[
        str | None, typer.Option(help="Efficiency or AUC, at least, as 20%; default: no bound.")
    ] = None,
    axes: Annotated[
        str, typer.Option(help="What the front trades; what is left out is only bounded.")
    ] = "quality,luts,latency",
    part: Annotated[str | None, typer.Option(help="FPGA; default: the config's.")] = None,
    time: Annotated[
        str | None, typer.Option(help="As 20min: no trial begins that would end later.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials in all.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes on this machine; default: one a processor.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask cluster, tcp://host:port or a scheduler file.")
    ] = None,
    space: Annotated[
        Path | None, typer.Option(help="YAML with other ranges and choices to search.")
    ] = None,
    sampler: Annotated[Sampler, typer.Option(help="How parameters are chosen.")] = Sampler.tpe,
    seed: Annotated[int, typer.Option(min=0, help="Of the sampler.")] = 1,
    early_stops: Annotated[
        bool, typer.Option(help="End trials that are too large or hopeless early.")
    ] = True,
    warm_start: Annotated[
        bool, typer.Option(help="Begin with hand-made networks and the config's own.")
    ] = True,
    overrides: SetOption = None,
    name: Annotated[
        str | None, typer.Option(help="Of the search, in runs/NAME-search; default: the config's.")
    ] = None,
    runs: RunsOption = DEFAULT_RUNS,
) -> None:
    """Find the networks worth building within budgets.

    Efficiency against LUTs and latency: each point of the front comes as a config that trains it
    again, bit for bit. 20 minutes, or --time or --trials. The same command goes on after an
    interruption, also with a later --time.

    Examples:

      aetrig search --latency 50ns --luts 1% --rate 30kHz

      aetrig search configs/l1-trigger.yaml --rate 10kHz --luts 12000 --time 2h --part xcku15p

      aetrig search my.yaml --scheduler tcp://10.0.0.1:8786 --trials 5000 --axes quality,luts
    """
    from aetrig import config as configuration
    from aetrig.cli.points import hertz
    from aetrig.cli.tables import print_table
    from aetrig.parts import resolve
    from aetrig.search import budget
    from aetrig.search.space import read
    from aetrig.search.study import Options, search

    given = [*(overrides or [])]
    given += [f"name={name}"] if name else []
    given += [f"rtl.part={part}", f"hls.part={part}"] if part else []
    settings = configuration.load(config, given)
    device, clock = resolve(settings.rtl.part), settings.rtl.clock_ns
    goal = budget.Goal(
        hertz(rate, f"--rate {rate}") if rate else None,
        budget.latency(latency, clock) if latency else None,
        budget.luts(luts, device) if luts else None,
        budget.share(quality) if quality else None,
        budget.axes(axes),
    )
    seconds = budget.duration(time) if time else None
    options = Options(sampler.value, seed, early_stops, warm_start, trials, seconds)
    ranges = read(space)
    found = search(
        settings,
        goal,
        runs,
        base=config.parent if config else Path.cwd(),
        space=ranges,
        options=options,
        scheduler=scheduler,
        workers=workers,
        note=typer.echo,
    )
    print_table(*found.table())
    typer.echo(found.summary())
