"""Trigger rates: against a sum written out, and what a sample cannot reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.errors import UserError
from aetrig.physics.trigger_rate import hertz, rate_above, threshold_at_rate


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_threshold_is_the_lowest_integer_that_keeps_the_rate(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 300, 500)
    weight = rng.choice([1.0, 1.5, 2.0], 500)
    rate = share * weight.sum()
    threshold, point = threshold_at_rate(scores, weight, rate)
    by_hand = [sum(w for s, w in zip(scores, weight, strict=True) if s > t) for t in range(300)]
    assert threshold == next(t for t, found in enumerate(by_hand) if found <= rate)
    assert point.rate == pytest.approx(by_hand[threshold])
    passed = weight[scores > threshold]
    assert point.error == pytest.approx(float(np.sqrt((passed**2).sum())))
    assert point.accepted == passed.size


def test_uncertainty_of_equal_weights_is_poisson() -> None:
    point = rate_above(np.arange(1000), np.full(1000, 28.6), 899)
    assert point.rate == pytest.approx(2860)
    assert point.error / point.rate == pytest.approx(0.1)


def test_nothing_accepted_has_an_upper_limit_and_no_zero_error() -> None:
    point = rate_above(np.arange(1000), np.full(1000, 10.0), 2000)
    assert (point.rate, point.accepted) == (0, 0)
    assert point.error == pytest.approx(18.41, abs=0.01)


def test_reach_says_how_many_events_it_takes() -> None:
    scores, weight = np.arange(100_000), np.full(100_000, 286.0)
    threshold_at_rate(scores, weight, 2860.0)
    with pytest.raises(
        UserError, match=r"below this sample's reach.*at 2\.86 kHz; it takes about 286,000 events"
    ):
        threshold_at_rate(scores, weight, 1000.0)


def test_weighted_events_count_by_their_effective_number() -> None:
    # one event carries nearly all of the tail's rate: ten more do not make ten effective events
    scores = np.arange(1000)
    weight = np.where(scores == 990, 1000.0, 1.0)
    with pytest.raises(UserError, match="reach"):
        threshold_at_rate(scores, weight, 1011.0)


def test_all_events_are_no_working_point() -> None:
    with pytest.raises(UserError, match="not below that of all events, 1 kHz"):
        threshold_at_rate(np.arange(100), np.full(100, 10.0), 1000.0)


@pytest.mark.parametrize(
    ("rate", "text"), [(950, "950 Hz"), (28607.28, "28.61 kHz"), (3e7, "30 MHz")]
)
def test_rates_have_units(rate: float, text: str) -> None:
    assert hertz(rate) == text
