"""The rows as one table of text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from benchmarks.rows import Row

WIDTHS = (54, 54, 13, 13, 10, 8, 8)
HEADS = ("what", "beside", "ours", "the other", "unit", "ratio", "spread")


def figure(value: float | None) -> str:
    """Return a number in at most eleven characters: whole where it is large."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio_text(row: Row) -> str:
    """Return the ratio: whole where it is large."""
    if row.ratio is None:
        return ""
    return f"{row.ratio:,.0f}" if row.ratio >= 100 else f"{row.ratio:.2f}"


def goal_text(row: Row) -> str:
    """Return the goal and whether it is reached."""
    if row.goal is None or row.ratio is None:
        return ""
    reached = "reached" if row.ratio >= row.goal else "MISSED"
    return f"goal {row.goal:g}: {reached}"


def lines(rows: Sequence[Row]) -> list[str]:
    """Return the table's lines, a block a group; notes stand below their rows."""
    found = [_line(HEADS) + "  goal"]
    for group, members in groupby(rows, key=lambda row: row.group):
        found += ["", group]
        for row in members:
            spread = "" if row.spread is None else f"{row.spread:.0%}"
            cells = (
                f"  {row.name}", row.other_name, figure(row.ours), figure(row.other), row.unit,
                ratio_text(row), spread,
            )  # fmt: skip
            found.append((_line(cells) + "  " + goal_text(row)).rstrip())
            if row.note:
                indent = 6 * " "
                found += textwrap.wrap(
                    row.note, 120, initial_indent=indent, subsequent_indent=indent
                )
    return found


def _line(cells: Sequence[str]) -> str:
    left = "".join(f"{cell:<{width}s}" for cell, width in zip(cells[:2], WIDTHS[:2], strict=True))
    right = "".join(f"{cell:>{width}s}" for cell, width in zip(cells[2:], WIDTHS[2:], strict=True))
    return left + right


def conditions(content: dict[str, Any]) -> list[str]:
    """Return what was measured on and with, and how to read the table."""
    machine, versions = content["machine"], content["versions"]
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    text = (
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load']} at the start; "
        f"commit {content['commit']}, {content['date']}; {named}. One thread each unless a row "
        "says otherwise. Contenders of one row run in turns; ours and the other's figures are "
        "medians of the rounds, the ratio is the median of the rounds' ratios, above 1 where ours "
        "is faster or smaller; spread: greatest less least ratio. Results were compared, in "
        "integers where both are integers, before anything was timed."
    )
    return textwrap.wrap(text, min(120, shutil.get_terminal_size((120, 24)).columns))
