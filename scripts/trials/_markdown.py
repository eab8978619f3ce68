"""Tables of the trials, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def number(value: float | None) -> str:
    """Return a count with its thousands apart, or a dash."""
    return "-" if value is None else f"{value:,.0f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table; columns of counts stand at the right."""
    rows = list(rows)
    right = [all(_counts(row[i]) for row in rows) for i in range(len(head))]
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join('---:' if item else '---' for item in right)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _counts(cell: str) -> bool:
    return not cell.strip("0123456789,.-% ") or cell == "(reference)"
