"""What a search is asked for: budgets as people type them, 50ns, 1%, 20min, and what they bound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from aetrig.errors import UserError
from aetrig.parts import Part

Axis = Literal["quality", "luts", "latency"]
AXES: tuple[Axis, ...] = ("quality", "luts", "latency")
NANOSECONDS = {"ns": 1.0, "us": 1e3}
LARGEST = 1e15  # of any unit
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
DEFAULT_SECONDS = 1200.0
NUMBER = re.compile(r"\s*([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*(%|[a-z]*)\s*")


@dataclass(frozen=True)
class Goal:
    """What is optimized and what bounds it.

    ``rate_hz``: trigger rate at which the mean signal efficiency is the quality; None for the mean
    AUC. ``cycles``, ``luts``: the most that a network may take, None without a bound;
    ``quality``: the least. ``axes``: what the front trades against one another.
    """

    rate_hz: float | None = None
    cycles: int | None = None
    luts: float | None = None
    quality: float | None = None
    axes: tuple[Axis, ...] = AXES

    @property
    def name(self) -> str:
        """What the quality is."""
        return "AUC" if self.rate_hz is None else "efficiency"

    def allows(self, quality: float, luts: float, cycles: int) -> bool:
        """Say whether a network keeps every bound."""
        return all(value <= 0 for value in self.excess(quality, luts, cycles).values())

    def excess(self, quality: float, luts: float, cycles: int) -> dict[str, float]:
        """Return by how much of itself each bound is exceeded; zero or less where it is kept."""
        found = {}
        if self.cycles is not None:
            found["latency"] = cycles / self.cycles - 1
        if self.luts is not None:
            found["luts"] = luts / self.luts - 1
        if self.quality is not None:
            found["quality"] = 1 - quality / self.quality
        return found


def latency(text: str, clock_ns: float) -> int:
    """Return clock cycles of a latency such as 50ns, 0.05us or 10cycles; at least one."""
    value, unit = _split(text, "--latency", "50ns, 0.1us or 10cycles")
    if unit == "cycles":
        cycles = value
    elif unit in NANOSECONDS:
        cycles = value * NANOSECONDS[unit] / clock_ns + 1e-9
    else:
        raise _unknown(text, "--latency", "50ns, 0.1us or 10cycles")
    if cycles < 1:
        raise UserError(
            f"--latency {text}: less than one clock cycle of {clock_ns:g} ns; give at least "
            f"{clock_ns:g}ns, or a faster clock with --set rtl.clock_ns=..."
        )
    return int(cycles)


def luts(text: str, part: Part) -> float:
    """Return LUTs of a budget such as 1% of the part, or 12000."""
    value, unit = _split(text, "--luts", "1% of the part, or 12000")
    if unit not in ("", "%"):
        raise _unknown(text, "--luts", "1% of the part, or 12000")
    if unit == "%" and part.lut is None:
        raise UserError(f"--luts {text}: the LUTs of {part.name} are not known; give a number")
    if value <= 0 or (unit == "%" and value > 100):
        raise UserError(f"--luts {text}: expected more than none and no more than the part has")
    return value * (part.lut or 0) / 100 if unit == "%" else value


def duration(text: str) -> float:
    """Return seconds of a time such as 20min, 90s or 1.5h."""
    value, unit = _split(text, "--time", "20min, 90s or 1.5h")
    if unit not in SECONDS or value <= 0:
        raise _unknown(text, "--time", "20min, 90s or 1.5h")
    return value * SECONDS[unit]


def share(text: str) -> float:
    """Return a share such as 20% or 0.2."""
    value, unit = _split(text, "--quality", "20% or 0.2")
    value = value / 100 if unit == "%" else value
    if unit not in ("", "%") or not 0 < value < 1:
        raise _unknown(text, "--quality", "20% or 0.2")
    return value


def axes(text: str) -> tuple[Axis, ...]:
    """Return the axes of quality,luts,latency that are named, in this order."""
    given = [word.strip() for word in text.split(",")]
    wrong = [word for word in given if word not in AXES]
    if wrong or len(set(given)) != len(given):
        raise UserError(f"--axes {text}: expected some of {','.join(AXES)}, each once")
    return tuple(axis for axis in AXES if axis in given)


def _split(text: str, option: str, examples: str) -> tuple[float, str]:
    match = NUMBER.fullmatch(text.strip().lower())
    if match is None or float(match[1]) > LARGEST:
        raise _unknown(text, option, examples)
    return float(match[1]), match[2]


def _unknown(text: str, option: str, examples: str) -> UserError:
    return UserError(f"{option} {text}: expected {examples}")
