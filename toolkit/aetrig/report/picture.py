"""A picture as data: panels of curves and histograms, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.reading import read_json_as

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Points (x, y), joined by a line; bars where the panel has ticks.

    ``marked``: with dots, which alone are drawn where the panel has ticks. ``error``: of y.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dashed: bool = False
    marked: bool = False
    error: tuple[float, ...] = ()


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
class Image:
    """Counts in two dimensions, drawn with a logarithmic colour: ``counts[row of y][column of x]``.

    ``most``: the count of the brightest colour, so that panels can share a scale.
    """

    x_edges: tuple[float, ...]
    y_edges: tuple[float, ...]
    counts: tuple[tuple[float, ...], ...]
    most: float


@dataclass(frozen=True)
class Points:
    """Points that are not joined. ``size``: area of each in square points."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    label: str = ""
    size: float = 2.0


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    ``ratio``: the second histogram over the first, below it. ``ticks``: names of the places 0, 1,
    ... at which curves are drawn as bars; ``sideways``: bars that lie, the first on top.
    ``tint``: from -1 to 1, gives curves and points one colour of a diverging scale. ``place``: row
    and column in the picture's file, where these matter.
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
    sideways: bool = False
    image: Image | None = None
    points: tuple[Points, ...] = ()
    tint: float | None = None
    place: tuple[int, int] | None = None


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


def read_picture(path: Path) -> Picture:
    """Read a picture's JSON file; raise UserError where it is not what a stage wrote."""
    picture: Picture = read_json_as(path, Picture, "make it again: aetrig report --force")
    return picture


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
                "image": None if panel["image"] is None else Image(**_tuples(panel["image"])),
                "points": tuple(Points(**_tuples(item)) for item in panel["points"]),
                "place": None if panel["place"] is None else tuple(panel["place"]),
            }
        )
        for panel in content["panels"]
    )
    return Picture(content["name"], content["title"], content["caption"], panels)


def _tuples(item: dict[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in item.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value


def numbers(values: Sequence[float] | Floats) -> tuple[float, ...]:
    """Return plain floats."""
    return tuple(float(value) for value in values)


def histogram(label: str, values: Floats, edges: Floats, *, filled: bool = False) -> Histogram:
    """Count values between edges; what lies beyond is in the first and the last bin."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Histogram(label, numbers(edges), numbers(counts), filled)


def counted(x: Floats, y: Floats, x_edges: Floats, y_edges: Floats) -> npt.NDArray[np.float64]:
    """Count pairs between edges, (rows of y, columns of x); outer bins hold what lies beyond."""
    inside = (np.clip(y, y_edges[0], y_edges[-1]), np.clip(x, x_edges[0], x_edges[-1]))
    return np.histogram2d(*inside, (y_edges, x_edges))[0]


def image(counts: npt.NDArray[np.float64], x_edges: Floats, y_edges: Floats, most: float) -> Image:
    """Return counts as plain numbers."""
    rows = tuple(numbers(row) for row in counts)
    return Image(numbers(x_edges), numbers(y_edges), rows, float(most))


def thinned(x: Floats, y: Floats, points: int = 300) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return at most so many points of a curve, the first and the last among them."""
    keep = np.unique(np.linspace(0, len(x) - 1, points).round().astype(int))
    return numbers(x[keep]), numbers(y[keep])
