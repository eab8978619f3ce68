"""Which limits were missed, by which condition, at which working point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aetrig.physics.trigger_rate import hertz


def failures(content: Mapping[str, Any]) -> list[str]:
    """Return one line for each limit that a condition missed, the worst first.

    ``content``: of stability.json.
    """
    found = [*_rates(content), *_efficiencies(content)]
    return [line for _, line in sorted(found, key=lambda item: -item[0])]


def rate_text(rate: float, unit: str) -> str:
    """Return a rate in Hz, or a share of background."""
    return hertz(rate) if unit == "Hz" else f"{rate:.3g}"


def _rates(content: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    limits = content["limits"]["rate_factor"]
    for item in content["conditions"]:
        limit = limits.get(item["group"])
        for name, found in item["points"].items():
            factor = found["factor"]
            if limit is not None and factor is not None and factor > limit:
                rate = rate_text(found["rate"], content["unit"])
                text = f"{factor:.3g} ± {found['factor_error']:.2g} times the nominal one"
                line = f"{item['name']}, {name}: rate {rate}, {text}, limit {limit:g}"
                yield factor / limit, line


def _efficiencies(content: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    limits = content["limits"]["efficiency"]
    for item in content["conditions"]:
        limit = limits.get(item["group"])
        for name, found in item["points"].items():
            for signal, shift in found["efficiency"].items():
                before = shift["value"] - shift["change"]
                if limit is not None and before > 0 and shift["value"] < limit * before:
                    share = shift["value"] / before
                    text = f"efficiency of {signal} {share:.3g} of the nominal one"
                    line = f"{item['name']}, {name}: {text}, limit {limit:g}"
                    yield limit / max(share, 1e-9), line
