"""A picture of the firmware: cells against the part, latency against its budget."""

from __future__ import annotations

from typing import Any

from aetrig.report.picture import Curve, Panel, Picture, numbers

CELLS = {"LUT": "lut", "FF": "ff", "DSP": "dsp", "BRAM": "bram36"}  # yosys' names, the part's


def resources(
    rtl: dict[str, Any] | None,
    part: dict[str, Any] | None,
    latency: dict[str, Any] | None,
    budget_ns: float | None,
) -> Picture | None:
    """Return the share of the part that cells take, and the latency, from rtl.json and verify.json.

    ``part``: cells by name. None without RTL.
    """
    if rtl is None:
        return None
    panels = []
    shares = _shares(rtl, part or {})
    if shares:
        names = tuple(name for name, _ in shares)
        share = Curve("", numbers(range(len(shares))), numbers([s for _, s in shares]))
        panels.append(Panel(rtl["part"], "% of the part", "", (share,), ticks=names, sideways=True))
    found = latency or {}
    if found.get("nanoseconds") is not None:
        bars = [(str(found["source"]), float(found["nanoseconds"]))]
        bars += [("budget", budget_ns)] if budget_ns else []
        curve = Curve("", numbers(range(len(bars))), numbers([ns for _, ns in bars]))
        title = f"{found['cycles']} cycles of {found['clock_ns']:g} ns"
        names = tuple(name for name, _ in bars)
        panels.append(Panel(title, "latency [ns]", "", (curve,), ticks=names, sideways=True))
    if not panels:
        return None
    caption = (
        "Cells as a share of the part, each by the tool that counted it; latency in cycles of the "
        "clock that was asked for, which simulation does not show to be met."
    )
    return Picture("firmware", "Resources and latency", caption, tuple(panels))


def _shares(rtl: dict[str, Any], part: dict[str, Any]) -> list[tuple[str, float]]:
    counts = [("LUT estimated by alkaid", "lut", rtl["estimate"]["lut"])]
    cells = (rtl.get("synthesis") or {}).get("cells", {})
    counts += [
        (f"{name} by yosys", key, cells[name])
        for name, key in CELLS.items()
        if isinstance(cells.get(name), int | float)
    ]
    return [(label, 100 * count / part[name]) for label, name, count in counts if part.get(name)]
