"""`aetrig doctor`: what the machine has, and the remedy for what it lacks."""

from __future__ import annotations

import typer


def command() -> None:
    """Examine what this machine has and lacks.

    Python, packages, compiler, disk, vendor tools and GPU; exit code 3 where something lacks.

    Example: aetrig doctor
    """
    from aetrig.cli.tables import print_table
    from aetrig.doctor import doctor
    from aetrig.errors import MissingToolError

    findings = doctor()
    rows = [(item.what, item.status, item.found, item.remedy) for item in findings]
    print_table("aetrig doctor", ("what", "status", "found", "remedy"), rows)
    missing = [item.what for item in findings if item.status == "missing"]
    if missing:
        raise MissingToolError(f"not ready: {', '.join(missing)}; see the remedies above")
    typer.echo("ready: train, export, emulate and verify all work here")
