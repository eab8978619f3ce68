"""Sums of partitions, and what they say of the trigger: shares and rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aetrig.physics.rate import wilson
from aetrig.physics.trigger_rate import ZERO, RatePoint
from aetrig.score.partition import Counts


@dataclass(frozen=True)
class Accepted:
    """What a working point accepts of some events.

    ``low``, ``high``: Wilson's 68.27 % interval of the share. ``rate``: None unless the events are
    minimum-bias crossings.
    """

    point: str
    accepted: int
    share: float
    low: float
    high: float
    rate: RatePoint | None

    @property
    def error(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum of partitions' counts, in integers."""
    read, by_label, beyond = 0, dict[str, list[int]](), dict[str, int]()
    for one in counts:
        read += one.read
        for label, found in one.by_label.items():
            before = by_label.get(label, [0] * len(found))
            by_label[label] = [a + b for a, b in zip(before, found, strict=True)]
        for name, values in one.beyond.items():
            beyond[name] = beyond.get(name, 0) + values
    return Counts(read, dict(sorted(by_label.items())), dict(sorted(beyond.items())))


def accepted(
    found: Sequence[int], points: Sequence[str], crossing_rate: float | None
) -> tuple[Accepted, ...]:
    """Return each working point's share, and its rate where the events are crossings.

    ``found``: events, then those accepted by each of ``points``. ``crossing_rate``: filled
    crossings in Hz, of which the events are a fair sample; None: they are not.
    """
    events = found[0]
    made = []
    for point, count in zip(points, found[1:], strict=True):
        share = count / events if events else 0.0
        low, high = wilson(share, events) if events else (0.0, 1.0)
        rate = None if crossing_rate is None or not events else _rate(count, events, crossing_rate)
        made.append(Accepted(point, count, share, low, high, rate))
    return tuple(made)


def _rate(count: int, events: int, crossing_rate: float) -> RatePoint:
    """Return what `physics.trigger_rate.rate_above` does for events of equal weight."""
    weight = crossing_rate / events
    error = weight * (math.sqrt(count) if count else ZERO)
    return RatePoint(weight * count, error, count)
