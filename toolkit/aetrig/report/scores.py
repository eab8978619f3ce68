"""Pictures of the score: its distribution with the thresholds, and the ROC curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.physics.roc import auc, roc
from aetrig.physics.score import divisor
from aetrig.physics.trigger_rate import hertz
from aetrig.report.events import Events
from aetrig.report.picture import Curve, Line, Panel, Picture, histogram, thinned
from aetrig.verify.rungs import FIRMWARE

Floats = npt.NDArray[np.float64]
BINS = 60


def distributions(events: Events, trigger_json: dict[str, Any] | None) -> Picture:
    """Return the score of each process, normalized, with the working points and their rates."""
    scores, vectors = events.quantized_scores, events.vectors
    positive = scores[scores > 0]
    low, high = (
        (float(v) for v in np.quantile(positive, [0.001, 0.9999])) if len(positive) else (0.1, 1)
    )
    edges = np.geomspace(low, max(high, 2 * low), BINS + 1)
    groups = {role: vectors.rows(role) for role in ("background", "minbias")}
    groups |= {
        process.name: vectors.process == index
        for index, process in enumerate(vectors.processes)
        if process.role == "signal"
    }
    found = []
    for name, rows in groups.items():
        if rows.any():
            counted = histogram(name, scores[rows], edges, filled=name == "background")
            shares = tuple(count / int(rows.sum()) for count in counted.counts)
            found.append(replace(counted, counts=shares))
    trigger = events.program.trigger
    width = divisor(events.config.trigger.score, events.program.outputs)
    unit = 2.0**events.exponent / width
    rates = _rates(trigger_json)
    lines = tuple(
        Line(f"{p.name}{rates.get(p.name, '')}", p.threshold * unit)
        for p in (trigger.points if trigger else ())
    )
    panel = Panel("", "score", "share of events", (), tuple(found), lines, log_x=True, log_y=True)
    caption = (
        f"Score of {len(scores):,} validation events by the quantized network; each group is "
        "normalized to one, what lies beyond is in the outer bins. Lines: the working points."
    )
    return Picture("scores", "Scores", caption, (panel,))


def _rates(trigger_json: dict[str, Any] | None) -> dict[str, str]:
    """Return what each working point was found to accept, as text behind its name."""
    points = (trigger_json or {}).get("working_points", [])
    return {
        point["name"]: f", {hertz(point['measured']['rate'])}"
        for point in points
        if point["measured"] is not None
    }


def curves(events: Events, verify: dict[str, Any] | None) -> Picture | None:
    """Return the ROC curve of each signal: float, quantized, and firmware where it was compared.

    The firmware's scores are those of the quantized network where every integer of these events
    was found equal; where one differs, or none was compared, it has no curve. None without a
    signal.
    """
    vectors = events.vectors
    background = vectors.rows("background")
    # an imported network has no float weights
    stages = {"float": events.float_scores} if events.trained_here else {}
    stages["quantized"] = events.quantized_scores
    firmware = _compared_firmware(verify)
    panels = []
    for index, process in enumerate(vectors.processes):
        rows = vectors.process == index
        if process.role != "signal" or not rows.any():
            continue
        drawn = [_roc(label, scores[background], scores[rows]) for label, scores in stages.items()]
        if firmware:
            label = f"firmware ({', '.join(firmware)})"
            drawn.append(replace(drawn[-1], label=label, dashed=True))
        panels.append(
            Panel(process.name, "signal accepted", "background accepted", tuple(drawn), log_y=True)
        )
    if not panels:
        return None
    caption = (
        f"Accepted share of each signal and of {int(background.sum()):,} background events, on "
        "the validation events; curves end where a single background event is accepted. "
    )
    caption += (
        "The firmware's curve is that of the quantized network, since no integer of any compared "
        f"event differs: {', '.join(f'{k} on {n:,} events' for k, n in firmware.items())}."
        if firmware
        else "No firmware was compared on them yet, or it differs."
    )
    return Picture("roc", "ROC curves", caption, tuple(panels))


def _compared_firmware(verify: dict[str, Any] | None) -> dict[str, int]:
    """Return, for each firmware stage that equals its neighbours, the validation events compared.

    Empty where any stage differs: a ladder holds only as a whole.
    """
    ladder = (verify or {}).get("ladder", [])
    if any(item["differing"] for item in ladder):
        return {}
    return {
        item["other"]: item["events"]
        for item in ladder
        if item["other"] in FIRMWARE and item["vectors"] == "validation"
    }


def _roc(label: str, background: Floats, signal: Floats) -> Curve:
    found, area = roc(background, signal), auc(background, signal)
    kept = found.background > 0
    x, y = thinned(found.signal[kept], found.background[kept])
    return Curve(f"{label}, AUC {area.value:.4f} ± {area.error:.4f}", x, y)
