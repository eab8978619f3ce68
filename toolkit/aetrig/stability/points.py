"""The working points that conditions are measured at: the trigger's, or chosen in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.config.model import RunConfig, TriggerOptions
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.physics.rate import threshold_at
from aetrig.program.model import Program
from aetrig.trigger.events import Rated, rated_events
from aetrig.trigger.points import working_points

BACKGROUND = "background"  # the name of a point chosen at a share of the background
FEWEST = 100  # accepted events from which on a rate is known to a tenth
Scores = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Thresholds by name, loosest first, and where they come from."""

    thresholds: dict[str, int]
    origin: str


def counted(vectors: Vectors, options: TriggerOptions) -> tuple[Rated, str]:
    """Return the events that a rate is counted with, and its unit: Hz, or a share of background."""
    try:
        return rated_events(vectors, options), "Hz"
    except UserError:
        rows = np.flatnonzero(vectors.rows("background"))
        if not rows.size:
            raise UserError("the validation events have no background to count with") from None
        origin = f"{rows.size:,} background events"
        return Rated(rows, np.full(rows.size, 1 / rows.size), 1.0, origin), "share"


def chosen(
    program: Program,
    config: RunConfig,
    rates: Mapping[str, float] | None,
    scores: Scores,
    vectors: Vectors,
    rated: Rated,
    unit: str,
    *,
    anew: bool = False,
) -> Points:
    """Return the thresholds of ``rates`` in Hz, else the trigger's, else as the config says.

    ``scores``: of all of ``vectors``; ``anew``: not the trigger's, which are for other scores.
    Raises UserError for a rate that the data do not give.
    """
    if rates:
        options = config.trigger.model_copy(
            update={"working_points": dict(rates), "thresholds": None, "shares": None}
        )
        if unit != "Hz":
            rated_events(vectors, options)  # says why there is no rate
        return _as_threshold(options, scores, vectors, rated, "chosen in memory at --rate")
    if program.trigger is not None and program.trigger.points and not anew:
        points = sorted(program.trigger.points, key=lambda point: point.threshold)
        return Points({p.name: p.threshold for p in points}, "those of the trigger")
    why = "behind a cut" if anew else "no trigger is set"
    if unit == "Hz" or config.trigger.thresholds or config.trigger.shares:
        text = f"{why}: chosen in memory, as aetrig threshold would"
        return _as_threshold(config.trigger, scores, vectors, rated, text)
    share = max(config.verify.background_rate, FEWEST / rated.rows.size)
    own = scores[rated.rows].astype(np.float64)
    threshold = int(threshold_at(own, share, np.ones(own.size)))
    return Points(
        {BACKGROUND: threshold},
        f"{why}: chosen in memory at a share {share:.3g} of the background",
    )


def _as_threshold(
    options: TriggerOptions, scores: Scores, vectors: Vectors, rated: Rated, origin: str
) -> Points:
    found = working_points(scores, vectors, rated, options)
    return Points({point.name: point.threshold for point in found}, origin)
