"""A row of the table, and the way in which every one is timed: in turns, by medians of ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ENOUGH = 0.08  # seconds of a timing, for calls that take less


class DifferentError(Exception):
    """Two contenders computed different things: there is nothing to time."""


@dataclass(frozen=True)
class Row:
    """One figure beside another.

    ``ours``, ``other``: medians in ``unit``, None where there is none; ``other_name``: what it is
    compared with. ``ratio``: above 1 where ours is better, whatever the unit; ``spread``: the
    greatest less the least ratio of the rounds, over their median. ``goal``: the least ratio.
    """

    group: str
    name: str
    other_name: str
    ours: float | None
    other: float | None
    unit: str
    ratio: float | None
    spread: float | None = None
    goal: float | None = None
    note: str = ""

    @property
    def key(self) -> str:
        """What a history knows the row by."""
        return f"{self.group}: {self.name} / {self.other_name}"


@dataclass(frozen=True)
class Options:
    """What was asked for. ``folder``: scratch."""

    folder: Path
    quick: bool

    def rounds(self, full: int) -> int:
        """Return the number of rounds: fewer of a quick run."""
        return max(2, full // 3) if self.quick else full


def require(same: bool, what: str) -> None:
    """Raise DifferentError where results are not the same."""
    if not bool(same):
        raise DifferentError(what)


def clock(call: Callable[[], Any]) -> float:
    """Return the seconds of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def rate(call: Callable[[], Any], events: int) -> Callable[[], float]:
    """Return a timing of events/s: a call of that many events, repeated until it takes enough."""
    calls = max(1, round(ENOUGH / max(clock(call), 1e-9)))  # a warm-up too

    def timing() -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return events * calls / (time.perf_counter() - start)

    return timing


def in_turns(timings: Sequence[Callable[[], float]], rounds: int) -> list[list[float]]:
    """Return each timing's figures: one of each, then one of each again."""
    figures: list[list[float]] = [[] for _ in timings]
    for _ in range(rounds):
        for found, timing in zip(figures, timings, strict=True):
            found.append(timing())
    return figures


def compared(
    group: str, names: tuple[str, str], figures: tuple[Sequence[float], Sequence[float]],
    unit: str, *, goal: float | None = None, note: str = "",
) -> Row:  # fmt: skip
    """Return the row of two contenders' figures from the same rounds; less is better of seconds."""
    first, second = figures
    pairs = list(zip(first, second, strict=True))
    ratios = [b / a if unit == "s" else a / b for a, b in pairs]
    ratio = statistics.median(ratios)
    spread = (max(ratios) - min(ratios)) / ratio if len(ratios) > 1 else None
    return Row(
        group, *names, statistics.median(first), statistics.median(second), unit, ratio, spread,
        goal, note,
    )  # fmt: skip


def sizes(
    group: str, names: tuple[str, str], figures: tuple[float, float], unit: str, note: str = ""
) -> Row:
    """Return the row of two counts that do not vary; less is better."""
    ours, other = figures
    return Row(group, *names, ours, other, unit, other / ours if ours else None, None, None, note)


def alone(group: str, name: str, figures: Sequence[float], unit: str, note: str = "") -> Row:
    """Return the row of a figure that has nothing beside it."""
    middle = statistics.median(figures)
    spread = (max(figures) - min(figures)) / middle if len(figures) > 1 and middle else None
    return Row(group, name, "", middle, None, unit, None, spread, None, note)


def absent(group: str, name: str, other_name: str, why: str) -> Row:
    """Return the row of what cannot be measured here, and why."""
    return Row(group, name, other_name, None, None, "", None, note=why)


def fail(message: str) -> NoReturn:
    """End with one line and exit code 1."""
    raise SystemExit(f"bench: {message}")
