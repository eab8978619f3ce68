"""Pictures of training: the loss, epoch by epoch."""

from __future__ import annotations

from typing import Any

from aetrig.config.model import LatentRemoval
from aetrig.report.picture import Curve, Line, Panel, Picture, numbers

PHASES = {"float": "float", "embedding": "second autoencoder", "qat": "quantization-aware"}


def losses(lines: list[dict[str, Any]], removal: LatentRemoval | None = None) -> Picture | None:
    """Return training and validation loss of each phase, from the lines of metrics.jsonl.

    ``removal``: marked where the float phase lost latent dimensions.
    """
    panels = []
    for phase, title in PHASES.items():
        own = [line for line in lines if line["phase"] == phase]
        if not own:
            continue
        epochs = numbers([line["epoch"] for line in own])
        curves = tuple(
            Curve(label, epochs, numbers([line[key] for line in own]), marked=len(own) < 3)
            for label, key in (("training", "train_loss"), ("validation", "val_loss"))
        )
        marks = _marks(removal) if phase == "float" else ()
        panels.append(Panel(title, "epoch", "loss", curves, lines=marks, log_y=True))
    if not panels:
        return None
    caption = "Loss of each epoch, as training lowers it; the best epoch's weights are kept."
    return Picture("loss", "Loss", caption, tuple(panels))


def _marks(removal: LatentRemoval | None) -> tuple[Line, ...]:
    if removal is None:
        return ()
    gone = ", ".join(str(i) for i in removal.dimensions)
    return (Line(f"latent {gone} removed", float(removal.epoch)),)
