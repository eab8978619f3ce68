"""The firmware project's types and constants, read from its sources, against the Program."""

from __future__ import annotations

from aetrig.errors import AetrigError
from aetrig.hls.project import check_project
from aetrig.program.model import Program
from aetrig.run import Run
from aetrig.verify.verdict import Finding

PROJECT = "hls"


def project_findings(run: Run, program: Program | None) -> list[Finding]:
    """Return what the sources of ``hls/`` have other than the Program; empty without a project.

    This finds what vectors may miss: an accumulator that is too narrow only for rarer inputs.
    """
    project = run / PROJECT
    if program is None or not project.exists():
        return []
    try:
        found = check_project(project, program)
    except AetrigError as error:
        return [Finding(PROJECT, str(error))]
    return [Finding(PROJECT, str(item), item.layer) for item in found]
