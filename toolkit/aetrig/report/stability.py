"""A picture of how the trigger's rate and efficiency move under conditions that drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from aetrig.report.picture import Curve, Line, Panel, Picture, numbers, thinned
from aetrig.report.tables import Row, Table

RATE, BOTH = "rate over nominal", "rate and efficiency over nominal"
# a group's title, its axis, and what its sizes are multiplied with
SERIES = {
    "scale": ("energy scale", "change of energies [%]", 1.0),
    "pile-up": ("pile-up", "more interactions [%]", 100.0),
    "jets": ("soft jets", "more jets an event, mean", 1.0),
}
BARS = {"region": "dead regions", "hot": "hot tower", "noise": "noise", "lost": "lost inputs",
        "saturated": "saturated inputs"}  # fmt: skip
MOST_BARS, POINTS = 16, 100
FAR = 30.0  # over nominal, from where on a linear axis shows nothing else

Item = dict[str, Any]
Value = tuple[float, float]  # and its uncertainty


def picture(content: dict[str, Any]) -> Picture:
    """Return, from stability.json, rate and efficiencies over nominal for each group of conditions.

    At the middle working point; the rate in a series of sizes is a curve at every one.
    """
    names = [point["name"] for point in content["points"]]
    middle = content["points"][len(names) // 2]
    groups = _by(_group, content["conditions"])
    panels: list[Panel] = []
    for group in SERIES:
        if group in groups:
            panels += _series(group, groups[group], names, middle)
    for group, title in BARS.items():
        # places of one kind are compared with each other
        for family, items in _by(_family, groups.get(group, [])).items():
            panels.append(_bars(f"{title}: {family}" if family else title, items, middle))
    if "stuck" in groups:
        panels.append(_stuck(groups["stuck"], names))
    caption = (
        f"Rate and signals' efficiency of the same events under each condition, over the nominal "
        f"ones, at working point '{middle['name']}' where no other is named; "
        f"{content['rates_from']}. Error bars are statistical uncertainties of the change. Working "
        f"points: {content['points_from']}. Of more than {MOST_BARS} places those with the "
        "highest rate are shown."
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
    rows = [
        Row((group, name, item["name"], _factor_text(item, name), _limit(content, group)))
        for group, items in _by(_group, content["conditions"]).items()
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


def _by(name: Callable[[Item], str], items: list[Item]) -> dict[str, list[Item]]:
    """Return conditions by a name that they share, in order."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(name(item), []).append(item)
    return found


def _group(item: Item) -> str:
    return str(item["group"])


def _family(item: Item) -> str:
    """Return what conditions share that differ in their place alone; empty for one of no family."""
    return item["family"] or ""


def _series(
    group: str, items: list[Item], points: list[str], middle: dict[str, Any]
) -> Iterator[Panel]:
    """Yield rates of the first series at each working point, then what moves at the middle one."""
    title, axis, unit = SERIES[group]
    series = _by(_series_name, items)
    first, *others = series
    name = f"{title}, {first}" if others else title
    rate = partial(_rate, middle["name"])
    if len(points) > 1 or not _seen(middle):
        curves = [_curve(point, series[first], unit, partial(_rate, point)) for point in points]
        yield Panel(name, axis, RATE, tuple(curves))
    curves = [
        _curve(signal, series[first], unit, partial(_efficiency, middle, signal))
        for signal in _seen(middle)
    ]
    if curves:
        curves = [_curve("rate", series[first], unit, rate), *curves]
        yield Panel(name, axis, BOTH, tuple(curves))
    if others:
        curves = [_curve(name, found, unit, rate) for name, found in series.items()]
        yield Panel(f"{title}, one kind at a time", axis, RATE, tuple(curves))


def _series_name(item: Item) -> str:
    """Return a condition's name without its size."""
    return str(item["name"]).rsplit(" ", 2)[0] if item["group"] == "scale" else ""


def _seen(point: dict[str, Any]) -> list[str]:
    """Return the signals of which something is accepted: others have no ratio."""
    return [name for name, value in point["efficiency"].items() if value > 0]


def _rate(point: str, item: Item) -> Value:
    return _factor(item, point), float(item["points"][point]["factor_error"] or 0.0)


def _efficiency(point: dict[str, Any], signal: str, item: Item) -> Value:
    nominal, found = point["efficiency"][signal], item["points"][point["name"]]["efficiency"]
    return found[signal]["value"] / nominal, found[signal]["error"] / nominal


def _curve(label: str, items: list[Item], unit: float, value: Callable[[Item], Value]) -> Curve:
    # as it is belongs to every series
    found = sorted([(0.0, 1.0, 0.0), *((unit * float(i["size"]), *value(i)) for i in items)])
    x, y, error = (numbers(column) for column in zip(*found, strict=True))
    return Curve(label, x, y, marked=True, error=error)


def _bars(title: str, items: list[Item], point: dict[str, Any]) -> Panel:
    shown = items
    if len(items) > MOST_BARS:
        shown = sorted(items, key=lambda item: -_factor(item, point["name"]))[:MOST_BARS]
    signals = _seen(point)
    curves = [_placed("rate" if signals else "", shown, partial(_rate, point["name"]))]
    for signal in signals:
        found = _placed(signal, shown, partial(_efficiency, point, signal))
        curves.append(replace(found, marked=True))
    names = tuple(_short(str(item["name"])) for item in shown)
    far = max(y for curve in curves for y in curve.y) > FAR
    return Panel(title, BOTH if signals else RATE, "", tuple(curves), lines=(Line("", 1.0),),
                 ticks=names, sideways=True, log_x=far)  # fmt: skip


def _placed(label: str, items: list[Item], value: Callable[[Item], Value]) -> Curve:
    y, error = zip(*(value(item) for item in items), strict=True)
    return Curve(label, numbers(range(len(items))), numbers(y), error=numbers(error))


def _short(name: str) -> str:
    for known in ("dead ", "cell of ", "hot tower, a fake "):
        name = name.removeprefix(known)
    for known in (" of the events", " at zero", " at the top"):
        name = name.removesuffix(known)
    return name


def _stuck(items: list[Item], points: list[str]) -> Panel:
    curves = []
    for point in points:
        falling = sorted((_factor(item, point) for item in items), reverse=True)
        x, y = np.arange(1.0, len(falling) + 1), np.array(falling)
        curves.append(Curve(point, *thinned(x, y, POINTS)))
    title = f"each of {len(items)} stuck bits"
    return Panel(title, "bits, worst first", RATE, tuple(curves), log_y=True)
