"""A picture of how the trigger's rate moves under conditions that drift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from aetrig.report.picture import Curve, Line, Panel, Picture, numbers, thinned
from aetrig.report.tables import Row, Table

FACTOR = "rate over nominal"
SERIES = {
    "scale": ("energy scale", "change of energies [%]"),
    "pile-up": ("pile-up", "share of another crossing"),
    "jets": ("soft jets", "more jets an event, mean"),
}
BARS = {"region": "dead regions", "hot": "hot tower", "noise": "noise", "lost": "lost inputs",
        "saturated": "saturated inputs"}  # fmt: skip
MOST_BARS, POINTS = 16, 100


def picture(content: dict[str, Any]) -> Picture:
    """Return, from stability.json, the rate over the nominal one for each group of conditions.

    At the middle working point; series of sizes are curves at every one.
    """
    names = [point["name"] for point in content["points"]]
    middle = names[len(names) // 2]
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in content["conditions"]:
        groups.setdefault(item["group"], []).append(item)
    panels: list[Panel] = []
    for group, (title, axis) in SERIES.items():
        if group in groups:
            panels += _series(title, axis, groups[group], names, middle)
    for group, title in BARS.items():
        if group in groups:
            panels.append(_bars(title, groups[group], middle))
    if "stuck" in groups:
        panels.append(_stuck(groups["stuck"], names))
    caption = (
        f"Rate of the same events under each condition over the nominal one, at working point "
        f"'{middle}' where no other is named; {content['rates_from']}. Working points: "
        f"{content['points_from']}. Of many places the {MOST_BARS} worst are shown."
    )
    return Picture("stability", "Stability of the trigger", caption, tuple(panels))


def from_record(content: dict[str, Any] | None) -> Picture | None:
    """Return the picture where the stage has run."""
    return None if content is None else picture(content)


def table(files: dict[str, Any]) -> Table | None:
    """Return, of each group, its worst condition at each working point."""
    content = files["stability"]
    if content is None:
        return None
    names = [point["name"] for point in content["points"]]
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in content["conditions"]:
        groups.setdefault(item["group"], []).append(item)
    rows = [
        Row((group, name, item["name"], _factor_text(item, name), _limit(content, group)))
        for group, items in groups.items()
        for name in names
        for item in [max(items, key=lambda item: _factor(item, name))]
    ]
    missed = len(content["failures"])
    note = f"{missed} limits missed" + (": " if missed else "") + "; ".join(content["failures"][:3])
    note += "."
    if content["left_out"]:
        left = (f"{item['group']} ({item['reason']})" for item in content["left_out"])
        note += f" Left out: {'; '.join(left)}."
    columns = ("conditions", "working point", "worst", "rate over nominal", "limit")
    return Table("Stability: the worst of each group", columns, tuple(rows), note)


def _factor(item: dict[str, Any], point: str) -> float:
    found = item["points"][point]["factor"]
    return 0.0 if found is None else float(found)


def _factor_text(item: dict[str, Any], point: str) -> str:
    found = item["points"][point]
    if found["factor"] is None:
        return "-"
    return f"{found['factor']:.3g} ± {found['factor_error']:.2g}"


def _limit(content: dict[str, Any], group: str) -> str:
    limit = content["limits"]["rate_factor"].get(group)
    return "" if limit is None else f"≤ {limit:g}"


def _series(
    title: str, axis: str, items: list[dict[str, Any]], points: list[str], middle: str
) -> Iterator[Panel]:
    """Yield the first series at each working point, and the others at the middle one."""
    series: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        series.setdefault(_series_name(item), []).append(item)
    first = next(iter(series))
    curves = tuple(_curve(point, series[first], point) for point in points)
    yield Panel(f"{title}, {first}" if len(series) > 1 else title, axis, FACTOR, curves)
    if len(series) > 1:
        others = tuple(_curve(name, found, middle) for name, found in series.items())
        yield Panel(f"{title}, one kind at a time", axis, FACTOR, others)


def _series_name(item: dict[str, Any]) -> str:
    """Return a condition's name without its size."""
    return str(item["name"]).rsplit(" ", 2)[0] if item["group"] == "scale" else ""


def _curve(label: str, items: list[dict[str, Any]], point: str) -> Curve:
    # as it is belongs to every series
    found = sorted([(0.0, 1.0), *((float(i["size"]), _factor(i, point)) for i in items)])
    return Curve(label, numbers([x for x, _ in found]), numbers([y for _, y in found]), marked=True)


def _bars(title: str, items: list[dict[str, Any]], point: str) -> Panel:
    shown = sorted(items, key=lambda item: -_factor(item, point))[:MOST_BARS]
    place = numbers(range(len(shown)))
    curve = Curve("", place, numbers([_factor(item, point) for item in shown]))
    names = tuple(str(i["name"]).removeprefix("dead ").removeprefix("hot tower, ") for i in shown)
    lines = (Line("", 1.0),)
    return Panel(title, FACTOR, "", (curve,), lines=lines, ticks=names, sideways=True)


def _stuck(items: list[dict[str, Any]], points: list[str]) -> Panel:
    curves = []
    for point in points:
        falling = sorted((_factor(item, point) for item in items), reverse=True)
        x, y = np.arange(1.0, len(falling) + 1), np.array(falling)
        curves.append(Curve(point, *thinned(x, y, POINTS)))
    title = f"each of {len(items)} stuck bits"
    return Panel(title, "bits, worst first", FACTOR, tuple(curves), log_y=True)
