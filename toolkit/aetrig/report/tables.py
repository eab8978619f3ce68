"""The tables of the page, from the JSON files of one run or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Files = dict[str, Any]  # a run's JSON files by their name without ending; None where there is none


@dataclass(frozen=True)
class Row:
    """Cells of a row; ``differs``: marked, in a comparison."""

    cells: tuple[str, ...]
    differs: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its title and a note below that."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


def ladder(files: Files) -> Table | None:
    """Return the comparisons of neighbouring stages."""
    if files["verify"] is None:
        return None
    rows = tuple(
        Row((
            f"{item['reference']} = {item['other']}", item["vectors"], f"{item['events']:,}",
            f"{item['values']:,}", f"{item['differing']:,}",
        ))
        for item in files["verify"]["ladder"]
    )  # fmt: skip
    columns = ("stages", "vectors", "events", "integers", "differing")
    return Table("Bit accuracy", columns, rows, "The bar is zero differing integers.")


def checks(files: Files) -> Table | None:
    """Return what was held to a limit."""
    if files["verify"] is None or not files["verify"]["checks"]:
        return None
    rows = tuple(
        Row((
            item["name"], _number(item["value"]),
            f"{'≤' if item['at_most'] else '≥'} {_number(item['limit'])}", item["text"],
        ))
        for item in files["verify"]["checks"]
    )  # fmt: skip
    return Table("Limits", ("check", "value", "limit", "result"), rows)


def working_points(files: Files) -> Table | None:
    """Return thresholds, rates and what each process is accepted with."""
    trigger = files["trigger"]
    if trigger is None:
        return None
    points = trigger["working_points"]
    rates = [
        ""
        if p["measured"] is None
        else f"{p['measured']['rate']:,.0f} ± {p['measured']['error']:,.0f}"
        for p in points
    ]
    rows = [
        Row(("threshold", *(f"{point['threshold']:,}" for point in points))),
        Row(("rate [Hz]", *rates)),
    ]
    rows += [
        Row((process, *(f"{found[p['name']]['value']:.4f}" for p in points)))
        for process, found in trigger["efficiency"].items()
    ]
    names = ("", *(point["name"] for point in points))
    return Table("Working points", names, tuple(rows), str(trigger["rates_from"] or ""))


def environment(files: Files) -> Table | None:
    """Return versions, machine and seed."""
    found = files["environment"]
    if found is None:
        return None
    flat = {
        "python": found["python"], "platform": found["platform"], **found["packages"],
        "device": found["device"], "seed": found["seed"], "data": found["data"]["sha256"][:16],
        "commit": (found.get("git") or {}).get("commit", "")[:12],
    }  # fmt: skip
    rows = tuple(Row((name, str(value))) for name, value in flat.items())
    return Table("Environment", ("", ""), rows)


def comparison(names: Sequence[str], runs: Sequence[Files]) -> Table:
    """Return figures of several runs side by side; rows that differ are marked."""
    figures = [_figures(files) for files in runs]
    keys = list(dict.fromkeys(key for found in figures for key in found))
    rows = []
    for key in keys:
        cells = [found.get(key, "") for found in figures]
        rows.append(Row((key, *cells), differs=len(set(cells)) > 1))
    note = "Rows that differ are bold."
    return Table("Side by side", ("figure", *names), tuple(rows), note)


def _figures(files: Files) -> dict[str, str]:
    found: dict[str, str] = {}
    if files["verify"] is not None:
        differing = sum(item["differing"] for item in files["verify"]["ladder"])
        found["differing integers"] = f"{differing:,}"
        for item in files["verify"]["checks"]:
            found[item["name"]] = _number(item["value"])
        latency = files["verify"]["latency"] or {}
        if latency.get("cycles") is not None:
            found[f"latency [cycles], {latency['source']}"] = str(latency["cycles"])
    if files["rtl"] is not None:
        found["LUT, estimated by alkaid"] = f"{files['rtl']['estimate']['lut']:,.0f}"
    for process, area in ((files["trigger"] or {}).get("auc") or {}).items():
        found[f"AUC {process}, quantized"] = f"{area['value']:.4f} ± {area['error']:.4f}"
    return found


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
