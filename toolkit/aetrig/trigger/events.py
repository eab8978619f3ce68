"""What rate each simulated event stands for: minimum-bias crossings, or processes by luminosity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.config.model import TriggerOptions
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError

SQUARE_CM_PER_PB = 1e-36


@dataclass(frozen=True)
class Rated:
    """Events whose rates sum to the trigger's.

    ``rows``: indices into the vectors; ``weight_hz``: float64, the rate of each in Hz;
    ``overlap``: how often each simulated interaction enters these events on average; ``origin``:
    what they are, for people.
    """

    rows: npt.NDArray[np.int64]
    weight_hz: npt.NDArray[np.float64]
    overlap: float
    origin: str


def rated_events(vectors: Vectors, options: TriggerOptions) -> Rated:
    """Return the events that a rate is counted with.

    Raises UserError where the data have no minimum bias, or a background without cross section:
    the share of an arbitrary mixture is no rate.
    """
    return (_crossings if options.source == "minbias" else _processes)(vectors, options)


def _crossings(vectors: Vectors, options: TriggerOptions) -> Rated:
    rows = np.flatnonzero(vectors.rows("minbias"))
    if not rows.size:
        raise UserError(
            "these data have no minimum-bias crossings to count a rate with: use --from processes "
            "where the backgrounds have cross sections, or give --fpr SHARE, --tpr SHARE "
            "or --threshold NAME=INTEGER"
        )
    overlap = max(p.overlap for p in vectors.processes if p.role == "minbias")
    weight = np.full(rows.size, options.crossing_rate / rows.size)
    origin = (
        f"{rows.size:,} minimum-bias crossings at {options.crossing_rate / 1e6:.4g} MHz of filled "
        "crossings"
    )
    return Rated(rows, weight, overlap, origin)


def _processes(vectors: Vectors, options: TriggerOptions) -> Rated:
    rows, weights, parts = [], [], []
    for index, process in enumerate(vectors.processes):
        mine = np.flatnonzero(vectors.process == index)
        if process.role != "background" or not mine.size:
            continue
        if process.cross_section_pb is None:
            raise UserError(
                f"background '{process.name}' has no cross section, and the share of an arbitrary "
                "mixture is no rate: use --from minbias, or give --fpr SHARE, --tpr SHARE "
                "or --threshold NAME=INTEGER"
            )
        rate = options.luminosity * process.cross_section_pb * SQUARE_CM_PER_PB
        rows.append(mine)
        weights.append(np.full(mine.size, rate / mine.size))
        parts.append(process.name)
    if not rows:
        raise UserError("there are no background events to count a rate with; give more data")
    origin = (
        f"{sum(map(len, rows)):,} events of {', '.join(parts)}, weighted by cross section, at "
        f"{options.luminosity:g} cm^-2 s^-1"
    )
    return Rated(np.concatenate(rows), np.concatenate(weights), 1.0, origin)
