"""Pictures of the latent space: how the classes lie in it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError
from aetrig.program import cut
from aetrig.program.model import Integers, Program, Quantize
from aetrig.report.events import Events
from aetrig.report.picture import Floats, Panel, Picture, counted, histogram, image

BINS, DIMENSIONS, CLASSES = 50, 3, 12


def space(events: Events) -> Picture | None:
    """Return two-dimensional histograms of the latent numbers: all events, then class by class.

    Of more than three latent dimensions, the three of the largest spread; classes are shown in the
    first two of these. None for a network without a latent space.
    """
    quantizer = latent_quantizer(events)
    if quantizer is None:
        return None
    values = events.layer(quantizer.name)
    chosen = _widest(values)
    unit = np.float64(2.0**quantizer.format.exponent)
    edges = {i: _edges(values[:, i]) * unit for i in chosen}
    numbers = values * unit
    if len(chosen) == 1:
        panels = _lines(events, numbers[:, chosen[0]], edges[chosen[0]])
    else:
        panels = _maps(events, numbers, edges)
    caption = (
        f"Latent numbers of {len(values):,} validation events by the quantized network; colour: "
        "events, on a logarithmic scale; what lies beyond is in the outer bins."
    )
    return Picture("latent", "Latent space", caption, panels)


def latent_quantizer(events: Events) -> Quantize | None:
    """Return the quantizer behind the encoder; None where the network has no narrowest layer."""
    name = f"{events.config.net.encoder_names[-1]}_quant"
    return _named(events.network, name) or _narrowest(events.network)


def _named(network: Program, name: str) -> Quantize | None:
    found = (op for op in network.operations if isinstance(op, Quantize) and op.name == name)
    return next(found, None)


def _narrowest(network: Program) -> Quantize | None:
    try:
        return cut.latent(network)
    except UserError:
        return None


def _widest(values: Integers) -> list[int]:
    """Return the dimensions of the largest spread, in order; none that never moves."""
    spread = values.std(axis=0)
    first = np.argsort(-spread, kind="stable")[:DIMENSIONS]
    return sorted(int(i) for i in first if spread[i] > 0) or [0]


def _edges(values: Integers) -> Floats:
    """Return edges between integers, so that each bin holds equally many of them."""
    low, high = (int(v) for v in np.quantile(values, [0.0005, 0.9995]).round())
    step = max(1, -(-(high - low + 1) // BINS))
    return np.arange(low, high + step + 1, step).astype(np.float64) - 0.5


def _maps(events: Events, numbers: Floats, edges: dict[int, Floats]) -> tuple[Panel, ...]:
    pairs = list(combinations(edges, 2))
    everyone = np.ones(len(numbers), dtype=np.bool_)
    asked = [("all", everyone, pair) for pair in pairs]
    asked += [(name, rows, pairs[0]) for name, rows in _classes(events)]
    counts = [
        counted(numbers[rows, a], numbers[rows, b], edges[a], edges[b]) for _, rows, (a, b) in asked
    ]
    most = max(found.max() for found in counts)
    return tuple(
        Panel(
            name, f"latent {a}", f"latent {b}", image=image(found, edges[a], edges[b], most)
        )
        for (name, _, (a, b)), found in zip(asked, counts, strict=True)
    )  # fmt: skip


def _lines(events: Events, numbers: Floats, edges: Floats) -> tuple[Panel, ...]:
    found = tuple(histogram(name, numbers[rows], edges) for name, rows in _classes(events))
    return (Panel("", "latent 0", "events", histograms=found, log_y=True),)


def _classes(events: Events) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    vectors = events.vectors
    found = [(p.name, vectors.process == i) for i, p in enumerate(vectors.processes)]
    return [(name, rows) for name, rows in found if rows.any()][:CLASSES]
