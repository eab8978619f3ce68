"""Pictures of the inputs: overlaid with their reconstruction, and the residuals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from aetrig.physics.residuals import Estimate, residuals
from aetrig.report.events import Events
from aetrig.report.picture import Curve, Floats, Panel, Picture, Points, histogram, numbers

BINS, RESIDUAL_BINS = 40, 60
PAIRED, OUTLIERS = 6, 250  # features in the corner plot, points in each of its panels
SEED = 20


@dataclass(frozen=True)
class Residual:
    """What a feature's reconstruction misses, (events,); NaN where its object is not there.

    ``label``: relative for a feature that is positive throughout, else in the feature's unit.
    """

    name: str
    label: str
    values: Floats


def overlays(events: Events) -> Picture | None:
    """Return input and output of every feature on background, with their ratio."""
    pair = _background(events)
    if pair is None:
        return None
    x, y = pair
    panels = []
    for i, feature in enumerate(events.features):
        rows = _present(events, i, x)
        before, after = x[rows, i] * feature.grid.step, y[rows, i] * feature.grid.step
        if not before.size or before.min() == before.max():
            continue
        low, high = np.quantile(before, [0.0005, 0.9995])
        edges = np.linspace(low, max(high, low + feature.grid.step), BINS + 1)
        panels.append(
            Panel(
                "", f"{feature.name} [{feature.grid.unit}]", "events",
                histograms=(
                    histogram("input", before, edges, filled=True),
                    histogram("output", after, edges),
                ),
                log_y=True, ratio=True,
            )
        )  # fmt: skip
    caption = (
        f"Inputs of {len(x):,} background events in validation and what the quantized network "
        "makes of them, padding left out; below, output over input. What lies beyond is in the "
        "outer bins."
    )
    return Picture("overlay", "Input and output", caption, tuple(panels))


def differences(events: Events) -> Picture | None:
    """Return the residuals of every feature, with mean and width."""
    found = _residuals(events)
    if not found:
        return None
    panels = []
    for residual in found:
        values = residual.values[np.isfinite(residual.values)]
        summary = residuals(residual.name, values)
        reach = 5 * summary.sigma68.value or float(np.abs(values).max()) or 1.0
        edges = np.linspace(-reach, reach, RESIDUAL_BINS + 1)
        label = f"mean {_text(summary.mean)}\nwidth {_text(summary.sigma68)}"
        counts = histogram(label, values, edges, filled=True)
        panels.append(Panel("", residual.label, "events", histograms=(counts,)))
    caption = (
        "Residuals on background in validation, padding left out: output over input minus one for "
        "features that are positive throughout, output minus input for the others, angles around "
        "the circle the short way; width: half of the central 68.27 %."
    )
    return Picture("residuals", "Residuals", caption, tuple(panels))


def corner(events: Events) -> Picture | None:
    """Return each pair of residuals: its one-sigma ellipse, and events outside it as points.

    Ellipse and points have the colour of the pair's correlation. Of more than six features, the
    six whose residuals correlate most.
    """
    found = _most_correlated(_residuals(events) or [])
    if len(found) < 2:
        return None
    panels = tuple(
        _pair(found[i], found[j], (j - 1, i)) for i, j in combinations(range(len(found)), 2)
    )
    caption = (
        "Pairs of residuals on background in validation, in units of their widths. Filled: the "
        "ellipse of one sigma; points: events outside it, at most "
        f"{OUTLIERS} of them. The colour goes with the correlation, blue -1 to red +1, of values "
        "clipped at five widths."
    )
    return Picture("corner", "Pairs of residuals", caption, panels)


def _residuals(events: Events) -> list[Residual] | None:
    """Return the residuals of the features that vary, in physical units; None without output."""
    pair = _background(events)
    if pair is None:
        return None
    x, y = pair
    found = []
    for i, feature in enumerate(events.features):
        rows = _present(events, i, x)
        if not rows.any() or x[rows, i].min() == x[rows, i].max():
            continue
        before, after = events.physical(i, x[:, i]), events.physical(i, y[:, i])
        relative = (before[rows] > 0).all() and events.period(i) is None
        label = "output / input - 1" if relative else f"output - input [{events.unit(i)}]"
        values = np.full(len(x), np.nan)
        values[rows] = (
            after[rows] / before[rows] - 1
            if relative
            else around(after[rows] - before[rows], events.period(i))
        )
        found.append(Residual(feature.name, f"{feature.name}: {label}", values))
    return found


def around(difference: Floats, period: float | None) -> Floats:
    """Return differences the short way around a circle; ``period`` None: as they are."""
    return difference if period is None else difference - period * np.rint(difference / period)


def _normalized(residual: Residual) -> Floats:
    """Return residuals in units of their width around their median, clipped at five."""
    inside = residual.values[np.isfinite(residual.values)]
    width = residuals(residual.name, inside).sigma68.value or float(inside.std()) or 1.0
    return np.asarray(np.clip((residual.values - np.median(inside)) / width, -5, 5))


def _correlation(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or a[both].std() == 0 or b[both].std() == 0:
        return 0.0
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _most_correlated(found: list[Residual]) -> list[Residual]:
    if len(found) <= PAIRED:
        return found
    scaled = [_normalized(residual) for residual in found]
    strength = np.zeros(len(found))
    for i, j in combinations(range(len(found)), 2):
        value = abs(_correlation(scaled[i], scaled[j]))
        strength[[i, j]] = np.maximum(strength[[i, j]], value)
    chosen = sorted(np.argsort(-strength, kind="stable")[:PAIRED])
    return [found[i] for i in chosen]


def _pair(first: Residual, second: Residual, place: tuple[int, int]) -> Panel:
    a, b = _normalized(first), _normalized(second)
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    rho = _correlation(a, b)
    circle = np.linspace(0, 2 * np.pi, 73)
    # the points at Mahalanobis distance one, of unit widths and this correlation
    ellipse = Curve(
        "", numbers(np.cos(circle)), numbers(np.sin(circle + np.arcsin(np.clip(rho, -1, 1))))
    )
    outside = np.flatnonzero(a**2 - 2 * rho * a * b + b**2 > 1 - rho**2)
    drawn = np.random.default_rng(SEED).permutation(outside)[:OUTLIERS]
    points = Points(numbers(a[drawn].round(3)), numbers(b[drawn].round(3)))
    return Panel(
        f"correlation {rho:+.2f}", first.name, second.name, (ellipse,),
        points=(points,), tint=rho, place=place,
    )  # fmt: skip


def _text(estimate: Estimate) -> str:
    """Return a value with its error, both to the error's second digit."""
    if not estimate.error > 0:
        return f"{estimate.value:.3g}"
    digits = max(0, 1 - int(np.floor(np.log10(estimate.error))))
    if digits > 5:
        return f"{estimate.value:.3e} ± {estimate.error:.1e}"
    return f"{estimate.value:.{digits}f} ± {estimate.error:.{digits}f}"


def _present(events: Events, feature: int, x: Floats) -> npt.NDArray[np.bool_]:
    """Mark the events in which a feature's object is there."""
    presence = events.features[feature].presence
    marked: npt.NDArray[np.bool_] = (
        np.ones(len(x), np.bool_) if presence is None else x[:, presence] != 0
    )
    return marked


def _background(events: Events) -> tuple[Floats, Floats] | None:
    """Return input and reconstruction of background events, in hardware units."""
    if events.reconstructed is None:
        return None
    rows = events.vectors.rows("background")
    return events.vectors.x[rows].astype(np.float64), events.reconstructed[rows]
