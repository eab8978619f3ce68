"""`aetrig clusters`: clusters of the latent space and a map of the events."""

from __future__ import annotations

import typer

from aetrig.cli.options import DEFAULT_RUNS, ForceOption, RunOption, RunsOption


def command(
    run: RunOption = None, force: ForceOption = False, runs: RunsOption = DEFAULT_RUNS
) -> None:
    """Compare clusters of the latent space with the true classes.

    K-means and Gaussian mixtures; a self-organizing map of the events.

    Pictures for people, which `aetrig report` draws; no firmware comes of them.

    Examples:

      aetrig clusters && aetrig report --force
    """
    from aetrig.cli.tables import print_table
    from aetrig.report.explore import FILE, explore
    from aetrig.run import open_run

    found = explore(open_run(run, runs), force=force)
    columns = ("clusters", "adjusted Rand index", "mutual information")
    print_table("Against the true classes", columns, found.rows())
    typer.echo(f"{found.run.path / FILE}. Next: aetrig report --force")
