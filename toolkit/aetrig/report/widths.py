"""A picture of the bits: what weights and activations use of the range that they are given."""

from __future__ import annotations

import numpy as np

from aetrig.program.model import Affine, Format, Quantize
from aetrig.report.events import Events
from aetrig.report.picture import Curve, Panel, Picture, numbers


def ranges(events: Events) -> Picture:
    """Return, layer by layer, the bits given and those that the values reach."""
    weights, activations = [], []
    for op in events.network.operations:
        if isinstance(op, Affine):
            weights.append((op.name, op.weight_format, op.weight))
        elif isinstance(op, Quantize):
            activations.append((op.name, op.format, events.layer(op.name)))
    panels = tuple(
        _panel(title, layers)
        for title, layers in (("weights", weights), ("activations", activations))
    )
    caption = (
        "Bits of each layer's format, bits that its largest value reaches, and bits of its "
        "standard deviation; activations on the validation events."
    )
    return Picture("widths", "Ranges against bits", caption, panels)


def _panel(title: str, layers: list[tuple[str, Format, np.ndarray]]) -> Panel:
    x = numbers(range(len(layers)))
    given = numbers([form.bits for _, form, _ in layers])
    reached = numbers([_bits(np.abs(values).max(), form) for _, form, values in layers])
    spread = numbers([_bits(values.std(), form) for _, form, values in layers])
    names = tuple(name.removesuffix("_quant") for name, _, _ in layers)
    curves = (
        Curve("given", x, given),
        Curve("reached", x, reached),
        Curve("spread", x, spread),
    )
    return Panel(title, "", "bits", curves, ticks=names)


def _bits(value: float, form: Format) -> float:
    return float(np.log2(max(float(value), 0.5)) + int(form.signed))
