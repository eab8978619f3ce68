"""Start-up: `aetrig --help` beside the import of the package that its command line is made of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Options, Row, clock, compared, in_turns, require

GROUP = "start-up"
HELP = (str(Path(sys.executable).with_name("aetrig")), "--help")
TYPER = (sys.executable, "-c", "import typer")
GOAL = 0.5  # within twice its time


def rows(options: Options) -> Iterator[Row]:
    """Yield the row: seconds of a process each, Python's own start included."""
    shown = _run(HELP)
    require("qat" in shown and "emulator" in shown, "aetrig --help does not list its commands")
    timings = [lambda: clock(lambda: _run(HELP)), lambda: clock(lambda: _run(TYPER))]
    _run(TYPER)
    figures = in_turns(timings, options.rounds(15))
    yield compared(
        GROUP, ("aetrig --help", 'python -c "import typer"'), (figures[0], figures[1]), "s",
        goal=GOAL, note="one process each, from start to end",
    )  # fmt: skip


def _run(command: tuple[str, ...]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
