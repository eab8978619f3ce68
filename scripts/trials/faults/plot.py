"""Rates against bit positions as one small SVG, a panel a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from trials.faults.found import Found

WIDTH, HEIGHT, LEFT, TOP, GAP = 220, 210, 62, 46, 26
LOW, HIGH = -2.0, 3.0  # log10 of the factor; what lies outside is drawn at the edge
BAND, LINE, DOT = "#9ec5e8", "#0072b2", "#d55e00"
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def plot(found: list[Found]) -> str:
    """Return the SVG: for each weight bit the median, two bands and the extremes of the factor."""
    shown = [one for one in found if one.points]
    width = LEFT + len(shown) * (WIDTH + GAP)
    height = TOP + HEIGHT + 56
    title = "Accept rate with one flipped weight bit over the rate without, by bit position"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12" role="img"',
        f' aria-label="{title}"><rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">{title}</text>',
    ]
    for index, one in enumerate(shown):
        parts += _panel(one, LEFT + index * (WIDTH + GAP), first=index == 0)
    parts.append(
        f'<text x="{LEFT}" y="{height - 8}">bit position, 0 the lowest; line: median, bands: 25 to '
        "75 and 5 to 95 percent, dots: extremes; at an edge: beyond it (a killed rate at the "
        "lowest)</text></svg>\n"
    )
    return "\n".join(parts)


def _panel(one: Found, left: int, *, first: bool) -> Iterator[str]:
    rows = _by_bit(one)
    step = WIDTH / max(1, len(rows))
    yield f'<text x="{left}" y="{TOP - 8}">{one.network}, {one.points[one.nominal]}</text>'
    yield (
        f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
        'stroke="#44546a"/>'
    )
    for power in range(int(LOW), int(HIGH) + 1):
        y = _y(10.0**power)
        yield f'<path d="M{left} {y}h{WIDTH}" stroke="#d0d7de" stroke-width="0.7"/>'
        if first:
            yield f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>'
    for index, (bit, values) in enumerate(rows.items()):
        middle = left + (index + 0.5) * step
        a, b, c, d, e = (_y(v) for v in np.quantile(values, SHARES))
        half = step * 0.36
        yield _box(middle - half, e, 2 * half, a, BAND, 0.5)
        yield _box(middle - half, d, 2 * half, b, BAND, 1.0)
        yield (
            f'<path d="M{middle - half:.1f} {c}h{2 * half:.1f}" stroke="{LINE}" stroke-width="2"/>'
        )
        for value in (values.min(), values.max()):
            yield f'<circle cx="{middle:.1f}" cy="{_y(value)}" r="2.4" fill="{DOT}"/>'
        yield f'<text x="{middle:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{bit}</text>'


def _box(x: float, top: float, width: float, bottom: float, colour: str, opacity: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{max(1.0, bottom - top):.1f}" '
        f'fill="{colour}" fill-opacity="{opacity}"/>'
    )


def _by_bit(one: Found) -> dict[int, Any]:
    found = {}
    for bit in sorted(set(one.bit[one.kind == "weight"].tolist())):
        rows = (one.kind == "weight") & (one.bit == bit) & ~one.proven
        if rows.any():
            found[bit] = one.factor[rows, one.nominal]
    return found


def _y(factor: float) -> float:
    power = math.log10(factor) if factor > 0 else LOW
    inside = min(max(power, LOW), HIGH)
    return round(TOP + HEIGHT * (HIGH - inside) / (HIGH - LOW), 1)
