"""Rates of the trigger's working points, of each stage's scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aetrig.config.model import TriggerOptions
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.physics.trigger_rate import rate_above
from aetrig.program.model import WorkingPoint
from aetrig.trigger.events import rated_events
from aetrig.verify.performance import Reconstruction
from aetrig.verify.verdict import TriggerRate


def trigger_rates(
    vectors: Vectors,
    stages: Sequence[Reconstruction],
    points: Sequence[WorkingPoint],
    unit: tuple[int, int],
    options: TriggerOptions,
) -> tuple[TriggerRate, ...]:
    """Return a rate a working point and stage; none where the data give no rate.

    ``unit``: log2 of the score integer's unit, and the divisor of a mean: a threshold in units of
    the score is made by the operations that made the scores, so that equal integers stay equal.
    """
    try:
        rated = rated_events(vectors, options)
    except UserError:
        return ()
    scores = {stage.stage: stage.score[rated.rows] for stage in stages}
    exponent, divisor = unit
    return tuple(
        TriggerRate(
            point.name,
            point.threshold,
            {
                name: rate_above(
                    found, rated.weight_hz, math.ldexp(point.threshold, exponent) / divisor
                )
                for name, found in scores.items()
            },
        )
        for point in points
    )
