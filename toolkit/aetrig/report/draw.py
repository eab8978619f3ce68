"""Pictures drawn: matplotlib and mplhep, to SVG whose text and axes take the page's colour."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import mplhep
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from aetrig.report.picture import Curve, Histogram, Image, Panel, Picture

# told apart by people who see no red or no green, and on white as on black (Okabe and Ito)
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b58900",
    "#7b3294", "#1b9e3e", "#8c510a", "#e41a8b",
)  # fmt: skip
INK = "#123456"  # stands for the page's own colour
WIDTH, HEIGHT, COLUMNS, LEGEND_COLUMNS = 4.6, 3.2, 3, 4
DECADE = 5  # of values, from which on a logarithmic axis is worth it
STYLE: Any = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.titlesize": 10,
    "text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK,
    "ytick.color": INK, "legend.frameon": False, "legend.fontsize": 8, "axes.linewidth": 0.8,
    "xtick.direction": "in", "ytick.direction": "in",
}  # fmt: skip
_HASHED = re.compile(r'(id="|url\(#|href="#)([a-zA-Z]+[0-9a-f]{10})(?=["\)])')
_SIZE = re.compile(r' (width|height)="[^"]*"')


def svg(picture: Picture) -> str:
    """Return a picture as an SVG element that scales with its place; the same for the same data."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": picture.name}):
        figure = _figure(picture)
        content = io.StringIO()
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    text = _numbered(content.getvalue())
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    tag, rest = text.split(">", 1)
    tag = _SIZE.sub("", tag) + f' role="img" aria-label="{picture.title}"'
    return f"{tag}>{rest}"


def _numbered(text: str) -> str:
    """Number the names of clip paths and markers: hashes of places would differ by roundings."""
    names = dict.fromkeys(name for _, name in _HASHED.findall(text))
    numbers = {name: f"n{i}" for i, name in enumerate(names)}
    return _HASHED.sub(lambda found: found[1] + numbers[found[2]], text)


def panels(picture: Picture) -> list[str]:
    """Return each panel as an SVG element of its own, for a page that places them by its width."""
    found = []
    for i, panel in enumerate(picture.panels):
        alone = (replace(panel, place=None),)
        text = svg(replace(picture, name=f"{picture.name}-{i}", panels=alone))
        # names of clip paths and markers are the page's, which holds many pictures
        found.append(re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{picture.name}-{i}-", text))
    return found


def _figure(picture: Picture) -> Figure:
    places = _places(picture.panels)
    rows, columns = (1 + max(place[i] for place in places) for i in (0, 1))
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows), layout="constrained")
    grid = figure.add_gridspec(rows, columns)
    for place, panel in zip(places, picture.panels, strict=True):
        _panel(figure, grid[place], panel)
    return figure


def _places(drawn: tuple[Panel, ...]) -> list[tuple[int, int]]:
    """Return row and column of each panel: its own, or three in a row."""
    columns = min(COLUMNS, len(drawn))
    return [panel.place or divmod(i, columns) for i, panel in enumerate(drawn)]


def _panel(figure: Figure, place: Any, panel: Panel) -> None:
    if panel.ratio:
        parts = place.subgridspec(2, 1, height_ratios=(3, 1), hspace=0)
        axes, below = figure.add_subplot(parts[0]), figure.add_subplot(parts[1])
        axes.set_xticklabels([])
        _ratio(below, *panel.histograms[:2])
        below.set_xlabel(panel.x)
    else:
        axes = figure.add_subplot(place)
        axes.set_xlabel(panel.x)
    if panel.image:
        _image(figure, axes, panel.image)
    _content(axes, panel)
    axes.set(title=panel.title, ylabel=panel.y)
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y and _spans_decades(panel):
        axes.set_yscale("log")
    if panel.curves and not panel.ticks and _integers(panel):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    _legend(axes, panel)


def _legend(axes: Any, panel: Panel) -> None:
    _, labels = axes.get_legend_handles_labels()
    if panel.ticks and labels and not panel.sideways:
        columns = min(len(labels), LEGEND_COLUMNS)
        axes.margins(y=0.25 * -(-len(labels) // max(columns, 1)))  # room above the bars
        axes.legend(loc="upper center", ncols=columns)
    elif panel.sideways and labels:
        # below: bars fill the axes, and names beside them make these narrow
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=LEGEND_COLUMNS - 1)
    elif labels and panel.points:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))  # points fill the axes
    elif labels:
        axes.legend()


def _content(axes: Any, panel: Panel) -> None:
    tint = None if panel.tint is None else mpl.colormaps["coolwarm"]((panel.tint + 1) / 2)
    for i, points in enumerate(panel.points):
        axes.scatter(
            points.x, points.y, s=points.size, color=tint or COLOURS[i % len(COLOURS)],
            linewidths=0, label=points.label or None,
        )  # fmt: skip
    for i, curve in enumerate(panel.curves):
        colour = tint or COLOURS[i % len(COLOURS)]
        if panel.ticks and not curve.marked:
            _bars(axes, panel, curve, colour)
        elif tint:
            axes.fill(curve.x, curve.y, color=colour, alpha=0.6)
        else:
            style = "none" if panel.ticks else "--" if curve.dashed else "-"
            marker = "o" if curve.marked else ""
            x, y = (curve.y, curve.x) if panel.sideways else (curve.x, curve.y)
            axes.plot(
                x, y, linestyle=style, marker=marker, markersize=4, color=colour,
                label=curve.label,
            )  # fmt: skip
            _errors(axes, curve, curve.x, colour, sideways=panel.sideways)
    if panel.sideways:
        if not panel.log_x:
            axes.locator_params(axis="x", nbins=5)
        axes.set_yticks(range(len(panel.ticks)), panel.ticks)
        axes.invert_yaxis()
    elif panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), panel.ticks, rotation=30, ha="right")
    for i, item in enumerate(panel.histograms):
        _histogram(axes, item, COLOURS[i % len(COLOURS)])
    for line in panel.lines:
        axes.axvline(line.x, color=INK, linewidth=0.8, linestyle="--")
        axes.annotate(
            line.label, (line.x, 0.98), xycoords=("data", "axes fraction"), rotation=90,
            ha="right", va="top", fontsize=7,
        )  # fmt: skip


def _bars(axes: Any, panel: Panel, curve: Curve, colour: Any) -> None:
    beside = [other for other in panel.curves if not other.marked]
    width = 0.8 / len(beside)
    places = np.add(curve.x, (beside.index(curve) - (len(beside) - 1) / 2) * width)
    label = curve.label or None
    if panel.sideways:
        axes.barh(places, curve.y, width, color=colour, label=label)
    else:
        axes.bar(places, curve.y, width, color=colour, label=label)
    _errors(axes, curve, places, INK, sideways=panel.sideways)


def _errors(axes: Any, curve: Curve, places: Any, colour: Any, *, sideways: bool) -> None:
    if not curve.error:
        return
    style = {"fmt": "none", "ecolor": colour, "elinewidth": 0.8}
    if sideways:
        axes.errorbar(curve.y, places, xerr=curve.error, **style)
    else:
        axes.errorbar(places, curve.y, yerr=curve.error, **style)


def _histogram(axes: Any, item: Histogram, colour: str) -> None:
    with warnings.catch_warnings():
        # it prepares error bars, which are not drawn, and would want scipy for them
        warnings.simplefilter("ignore", UserWarning)
        mplhep.histplot(
            item.counts, item.edges, ax=axes, label=item.label,
            color=colour, histtype="fill" if item.filled else "step",
            alpha=0.4 if item.filled else 1.0, edges=not item.filled, yerr=False,
        )  # fmt: skip


def _image(figure: Figure, axes: Any, found: Image) -> None:
    counts = np.ma.masked_less_equal(np.array(found.counts), 0)
    # one pixel a bin: small, and sharp at any size
    shown = axes.imshow(
        counts, origin="lower", aspect="auto", interpolation="none", cmap="viridis",
        extent=(found.x_edges[0], found.x_edges[-1], found.y_edges[0], found.y_edges[-1]),
        norm=LogNorm(1, max(found.most, 2)),
    )  # fmt: skip
    figure.colorbar(shown, ax=axes, label="events")


def _ratio(axes: Any, first: Histogram, second: Histogram) -> None:
    a, b = np.array(first.counts), np.array(second.counts)
    both = (a > 0) & (b > 0)
    middle = (np.array(first.edges[1:]) + np.array(first.edges[:-1])) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = b / a
        error = ratio * np.sqrt(1 / a + 1 / b)
    axes.axhline(1, color=INK, linewidth=0.8)
    axes.errorbar(
        middle[both],
        ratio[both],
        error[both],
        fmt=".",
        color=COLOURS[1],
        markersize=3,
        elinewidth=0.8,
    )
    axes.set(ylim=(0, 2), ylabel="ratio", xlim=(first.edges[0], first.edges[-1]))


def _spans_decades(panel: Panel) -> bool:
    """Say whether a logarithmic axis shows more than a linear one: counts, or curves that do."""
    if any(n > 0 for h in panel.histograms for n in h.counts):
        return True
    values = [y for curve in panel.curves for y in curve.y if y > 0]
    return bool(values) and max(values) > DECADE * min(values)


def _integers(panel: Panel) -> bool:
    return all(float(x).is_integer() for curve in panel.curves for x in curve.x)
