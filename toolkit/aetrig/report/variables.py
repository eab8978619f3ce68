"""Pictures of the inputs: overlaid with their reconstruction, and the residuals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aetrig.physics.residuals import residuals
from aetrig.report.events import Events
from aetrig.report.picture import Panel, Picture, histogram

Floats = npt.NDArray[np.float64]
BINS, RESIDUAL_BINS = 40, 60


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
    """Return output minus input of every feature in its own unit, with mean and width."""
    pair = _background(events)
    if pair is None:
        return None
    x, y = pair
    panels = []
    for i, feature in enumerate(events.features):
        rows = _present(events, i, x)
        difference = (y[rows, i] - x[rows, i]) * feature.grid.step
        if not difference.size or x[:, i].min() == x[:, i].max():
            continue
        found = residuals(feature.name, difference)
        reach = 5 * found.sigma68.value or float(np.abs(difference).max()) or 1.0
        edges = np.linspace(-reach, reach, RESIDUAL_BINS + 1)
        label = (
            f"mean {found.mean.value:.3g} ± {found.mean.error:.1g}\n"
            f"width {found.sigma68.value:.3g} ± {found.sigma68.error:.1g}"
        )
        panels.append(
            Panel(
                "", f"{feature.name}: output - input [{feature.grid.unit}]", "events",
                histograms=(histogram(label, difference, edges, filled=True),),
            )
        )  # fmt: skip
    caption = (
        "Residuals on background in validation, padding left out; width: half of the central "
        "68.27 %."
    )
    return Picture("residuals", "Residuals", caption, tuple(panels))


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
