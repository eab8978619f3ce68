"""A picture as data: panels of curves and histograms, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Points (x, y), joined by a line; bars where the panel has ticks."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Histogram:
    """Counts between edges. ``filled``: drawn as an area."""

    label: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    filled: bool = False


@dataclass(frozen=True)
class Line:
    """A vertical line with a name."""

    label: str
    x: float


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    ``ratio``: the second histogram over the first, below it. ``ticks``: names of the places 0, 1,
    ... at which curves are drawn as bars.
    """

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    lines: tuple[Line, ...] = ()
    log_x: bool = False
    log_y: bool = False
    ratio: bool = False
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Panels that belong together; ``caption`` says what they show and what it was measured on."""

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return asdict(self)


def from_json(content: dict[str, Any]) -> Picture:
    """Rebuild what `Picture.to_json` returned."""
    panels = tuple(
        Panel(
            **{
                **panel,
                "curves": tuple(Curve(**_tuples(item)) for item in panel["curves"]),
                "histograms": tuple(Histogram(**_tuples(item)) for item in panel["histograms"]),
                "ticks": tuple(panel["ticks"]),
                "lines": tuple(Line(**item) for item in panel["lines"]),
            }
        )
        for panel in content["panels"]
    )
    return Picture(content["name"], content["title"], content["caption"], panels)


def _tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}


def numbers(values: Sequence[float] | Floats) -> tuple[float, ...]:
    """Return plain floats."""
    return tuple(float(value) for value in values)


def histogram(label: str, values: Floats, edges: Floats, *, filled: bool = False) -> Histogram:
    """Count values between edges; what lies beyond is in the first and the last bin."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Histogram(label, numbers(edges), numbers(counts), filled)


def thinned(x: Floats, y: Floats, points: int = 300) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return at most so many points of a curve, the first and the last among them."""
    keep = np.unique(np.linspace(0, len(x) - 1, points).round().astype(int))
    return numbers(x[keep]), numbers(y[keep])
