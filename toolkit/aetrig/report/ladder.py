"""A picture of the ladder: how many integers each pair of stages was compared in."""

from __future__ import annotations

from typing import Any

from aetrig.report.picture import Curve, Panel, Picture, numbers


def rungs(verify: dict[str, Any] | None) -> Picture | None:
    """Return, for each pair of neighbouring stages, the integers compared; None unverified."""
    if verify is None or not verify["ladder"]:
        return None
    pairs: dict[tuple[str, str], list[int]] = {}
    for item in verify["ladder"]:
        pair = item["reference"], item["other"].partition(" (")[0]
        total = pairs.setdefault(pair, [0, 0])
        total[0] += item["values"]
        total[1] += item["differing"]
    names = tuple(_name(pair, *counts) for pair, counts in pairs.items())
    place = numbers(range(len(pairs)))
    compared = Curve("compared", place, numbers([total for total, _ in pairs.values()]))
    differing = Curve("differing", place, numbers([bad for _, bad in pairs.values()]))
    curves = (compared, differing) if any(differing.y) else (Curve("", place, compared.y),)
    missing = sorted({str(item["where"]) for item in verify["not_run"]})
    caption = "Integers of every quantized layer, compared one by one on the same vectors."
    if missing:
        caption += f" Not run: {', '.join(missing)}."
    panel = Panel("", "integers compared", "", curves, ticks=names, sideways=True)
    return Picture("ladder", "Ladder of verification", caption, (panel,))


def _name(pair: tuple[str, str], values: int, differing: int) -> str:
    sign = "=" if differing == 0 else "≠"
    other = "other levels" if pair[0] == pair[1] else pair[1]
    return f"{pair[0]} {sign} {other}\n{differing:,} of {values:,} differ"
