"""Tables for people, from plain rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_COLUMNS = 400
NAME_COLUMNS = 30  # a first column this narrow is not broken into lines


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print one table; columns of figures are aligned to the right, text to the left."""
    cells = [tuple(row) for row in rows]
    # Text, not str: brackets in a unit or a path are no markup
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        header_style="bold underline",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for index, column in enumerate(columns):
        figures = all(row[index][:1] in "0123456789+-." for row in cells)
        names = index == 0 and all(len(row[0]) <= NAME_COLUMNS for row in cells)
        table.add_column(
            column, justify="right" if figures else "left", overflow="fold", no_wrap=names
        )
    for row in cells:
        table.add_row(*map(Text, row))
    # a log or a pipe has no width of its own: enough for every table
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    Console(width=PIPE_COLUMNS if piped else None).print(table)
