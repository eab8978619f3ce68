"""What `aetrig stability` found, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetrig.errors import UserError, did_you_mean
from aetrig.stability.judge import rate_text

Table = tuple[str, list[str], list[list[str]]]
Item = dict[str, Any]
UNITS = ((1e6, " MHz"), (1e3, " kHz"), (1.0, " Hz"))


@dataclass(frozen=True)
class StabilityResult:
    """``content``: that of stability.json."""

    path: Path
    content: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether no limit was missed."""
        return bool(self.content["passed"])

    @property
    def failures(self) -> list[str]:
        """One line for each limit that was missed, the worst first."""
        return list(self.content["failures"])

    def points(self) -> list[str]:
        """Return the names of the working points, loosest first."""
        return [point["name"] for point in self.content["points"]]

    def tables(self, point: str | None = None, *, details: bool = False) -> list[Table]:
        """Return (title, columns, rows): what moved at a working point, and what is left out.

        ``point``: default: the middle one; ``details``: every condition of a family, not its worst
        and its mean alone. Raises UserError for a point that there is none of.
        """
        names = self.points()
        if point is not None and point not in names:
            raise UserError(
                f"--point {point}: no such working point; there are {', '.join(names)}"
                f"{did_you_mean(point, names)}"
            )
        chosen = point or names[len(names) // 2]
        rows = [self._nominal(chosen), *self._rows(chosen, details=details)]
        columns = ["condition", "rate", "times nominal", "decisions changed"]
        columns += [f"efficiency {signal}" for signal in self.content["signals"]]
        tables = [(f"Stability at working point '{chosen}'", columns, rows)]
        if self.content["left_out"]:
            left = [[item["group"], item["reason"]] for item in self.content["left_out"]]
            tables.append(("Left out", ["conditions", "reason"], left))
        return tables

    def summary(self) -> str:
        """Return one line."""
        count, missed = len(self.content["conditions"]), len(self.failures)
        word = "PASSED" if self.passed else "FAILED"
        return (
            f"{word}: {count} conditions, {missed} limits missed; rates from "
            f"{self.content['rates_from']}; working points: {self.content['points_from']}"
        )

    def _nominal(self, point: str) -> list[str]:
        found = next(item for item in self.content["points"] if item["name"] == point)
        efficiency = [f"{value:.3f}" for value in found["efficiency"].values()]
        rate = self._rate(found)
        return ["nominal", rate, "1", "", *efficiency]

    def _rows(self, point: str, *, details: bool) -> Iterator[list[str]]:
        families: dict[str, list[Item]] = {}
        for item in self.content["conditions"]:
            if not details and self._minor(item):
                continue
            families.setdefault(item["family"] or item["name"], []).append(item)
        for items in families.values():
            if details or items[0]["family"] is None:
                yield from (self._row(item["name"], item["points"][point]) for item in items)
                continue
            worst = max(items, key=lambda item: item["points"][point]["rate"])
            yield self._row(f"{worst['name']}, worst of {len(items)}", worst["points"][point])
            yield self._mean(
                f"mean of these {len(items)}", [item["points"][point] for item in items]
            )

    def _minor(self, item: Item) -> bool:
        """Say whether it is one kind's energies, by less than the most that was tried."""
        sizes = [i["size"] for i in self.content["conditions"] if i["group"] == "scale"]
        kind = item["group"] == "scale" and not item["name"].startswith("all energies")
        return kind and item["size"] not in (min(sizes), max(sizes))

    def _row(self, name: str, found: Item) -> list[str]:
        factor = "-"
        if found["factor"] is not None:
            factor = f"{found['factor']:.3g} ± {found['factor_error']:.2g}"
        cells = [self._shift(found["efficiency"].get(name)) for name in self.content["signals"]]
        return [name, self._rate(found), factor, f"{found['changed']:.3%}", *cells]

    def _mean(self, name: str, found: list[Item]) -> list[str]:
        count = len(found)
        factors = [item["factor"] for item in found if item["factor"] is not None]
        factor = f"{sum(factors) / len(factors):.3g}" if factors else "-"
        cells = []
        for signal in self.content["signals"]:
            shifts = [item["efficiency"][signal] for item in found if item["efficiency"]]
            if not shifts:
                cells.append("-")
                continue
            value, change = (sum(s[key] for s in shifts) / count for key in ("value", "change"))
            cells.append(f"{value:.3f} {change:+.3f}")
        rate = rate_text(sum(item["rate"] for item in found) / count, self.content["unit"])
        changed = sum(item["changed"] for item in found) / count
        return [name, rate, factor, f"{changed:.3%}", *cells]

    def _rate(self, found: Item) -> str:
        size, unit = 1.0, ""
        if self.content["unit"] == "Hz":
            size, unit = next((u for u in UNITS if found["rate"] >= u[0]), UNITS[-1])
        return f"{found['rate'] / size:.3g} ± {found['error'] / size:.2g}{unit}"

    @staticmethod
    def _shift(found: Item | None) -> str:
        if found is None:
            return "-"
        return f"{found['value']:.3f} {found['change']:+.3f} ± {found['error']:.3f}"
