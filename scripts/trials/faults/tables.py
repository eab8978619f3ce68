"""The trial's figures as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from trials.faults.found import ANY, DECIDED, SCORED, Flags, Found


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table; the first column is text."""
    columns = list(columns)
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def share(part: int, whole: int) -> str:
    """Return a share; with its binomial uncertainty where it is not certain."""
    return f"{part / whole:.2%}" if whole else "none"


def summary(found: list[Found]) -> str:
    """Return what changes and what shows, a row a network."""
    columns = (
        "network", "stored bits", "tried", "proven silent", "never changed", "change a result",
        "golden vectors", "show", "share", "least vectors for 99%",
        "score and accept alone", "accept alone",
    )  # fmt: skip
    rows = [_row(one, name, marks) for one in found for name, marks in one.parts()]
    return "Which faults change a result, and which the golden vectors show:\n\n" + (
        table(columns, rows)
    )


def _row(one: Found, name: str, rows: Flags) -> list[str]:
    tried, proven = int(rows.sum()), int(one.proven[rows].sum())
    changed = one.changed[rows].sum(axis=0)
    golden = (one.golden & one.changed)[rows].sum(axis=0)
    with_trigger = bool(one.points)
    bits = one.table_bits if name.endswith(", tables") else one.bits - one.table_bits
    spread = ""
    if tried < bits and changed[ANY]:
        p = golden[ANY] / changed[ANY]
        spread = f" ± {math.sqrt(max(p * (1 - p), 1 / changed[ANY]) / changed[ANY]):.2%}"
    return [
        name,
        f"{bits:,}",
        f"{tried:,}",
        f"{proven:,}",
        f"{tried - proven - changed[ANY]:,}",
        f"{changed[ANY]:,}",
        f"{one.vectors:,}",
        f"{golden[ANY]:,}",
        share(golden[ANY], changed[ANY]) + spread,
        f"{one.least:,}" if name == one.network else "",
        _of(golden, changed, SCORED) if with_trigger else "",
        _of(golden, changed, DECIDED) if with_trigger else "",
    ]


def _of(golden: npt.NDArray[Any], changed: npt.NDArray[Any], kind: int) -> str:
    return f"{share(golden[kind], changed[kind])} of {changed[kind]:,}"


def rate_table(found: list[Found]) -> str:
    """Return how the accept rate moves, a row a network and working point."""
    columns = (
        "network, working point", "accepted of", "faults", "rate unchanged", "1%", "median", "99%",
        "least", "most", "more than doubled", "less than halved", "killed",
    )  # fmt: skip
    rows = []
    for one in found:
        pairs = [(part, i) for part in one.parts() for i in range(len(one.points))]
        for (name, part), index in pairs:
            factor = one.factor[part & ~one.proven, index]
            low, middle, high = np.quantile(factor, (0.01, 0.5, 0.99))
            rows.append(
                [
                    f"{name}, {one.points[index]}",
                    f"{one.accepted[index]:,} of {one.rated[1]:,} {one.what}",
                    f"{factor.size:,}",
                    _percent(factor == 1),
                    f"{low:.3g}",
                    f"{middle:.3g}",
                    f"{high:.3g}",
                    f"{factor.min():.3g}",
                    f"{factor.max():.3g}",
                    _counted(factor > 2),
                    _counted(factor < 0.5),
                    _counted(factor == 0),
                ]
            )
    if not rows:
        return ""
    return "Accept rate with a fault over the rate without, for faults not proven silent:\n\n" + (
        table(columns, rows)
    )


def _percent(marks: Flags) -> str:
    return f"{marks.mean():.1%}" if marks.size else "none"


def _counted(marks: Flags) -> str:
    return f"{marks.sum():,} ({_percent(marks)})"


def details(one: Found) -> str:
    """Return a network's tables by layer and by bit."""
    kinds, bits = one.kind, one.bit
    names = dict.fromkeys(one.memory[np.argsort(one.memory, kind="stable")].tolist())
    layers = [(name, one.memory == name) for name in names]
    positions = [
        (f"{kind} bit {bit}", (kinds == kind) & (bits == bit))
        for kind in ("weight", "bias", "table", "threshold")
        for bit in sorted(set(bits[kinds == kind].tolist()))
    ]
    return f"{one.network}:\n\n" + "\n".join(
        table(_columns(one, title), (_part(one, name, rows) for name, rows in groups))
        for title, groups in (("memory", layers), ("bit", positions))
    )


def _columns(one: Found, title: str) -> list[str]:
    columns = [title, "tried", "proven silent", "change a result", "golden vectors show", "share"]
    if one.points:
        columns += ["rate more than doubled", "less than halved", "least", "most"]
    return columns


def _part(one: Found, name: str, rows: Flags) -> list[str]:
    changed = int(one.changed[rows, ANY].sum())
    golden = int((one.golden & one.changed)[rows, ANY].sum())
    cells = [
        name, f"{rows.sum():,}", f"{one.proven[rows].sum():,}", f"{changed:,}", f"{golden:,}",
        share(golden, changed),
    ]  # fmt: skip
    if one.points:
        factor = one.factor[rows & ~one.proven, one.nominal]
        if factor.size:
            cells += [_counted(factor > 2), _counted(factor < 0.5)]
            cells += [f"{factor.min():.3g}", f"{factor.max():.3g}"]
        else:
            cells += [""] * 4
    return cells
