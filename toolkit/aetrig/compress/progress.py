"""A progress bar of rows, on the terminal's error stream."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress


class Bar:
    """Use it in a ``with`` block and tell it the rows that are done."""

    def __init__(self, text: str, total: int | None, *, shown: bool) -> None:
        console = Console(stderr=True)
        hidden = not (shown and console.is_terminal)
        self._progress = Progress(console=console, disable=hidden, transient=True)
        self._task = self._progress.add_task(text, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def at(self, rows: int) -> None:
        """Show how many rows are done."""
        self._progress.update(self._task, completed=rows)

    def of(self, rows: int, total: int) -> None:
        """Show how many rows of how many are done; ``total`` 0: nobody knows."""
        self._progress.update(self._task, completed=rows, total=total or None)
