import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.errors import UserError
from aetrig.physics.rate import (
    effective_events,
    efficiency,
    given_threshold,
    smallest_rate,
    threshold_at,
    wilson,
    working_point,
)

discrete = st.lists(st.integers(0, 12), min_size=1, max_size=60)


@given(discrete, st.floats(0.01, 0.99))
def test_accepted_share_never_exceeds_the_rate_and_is_the_largest_possible(
    values: list[int], rate: float
) -> None:
    scores = np.array(values, dtype=np.float64)
    threshold = threshold_at(scores, rate, np.ones(scores.size))
    assert (scores > threshold).mean() <= rate
    lower = scores[scores < threshold]
    if lower.size:  # the next lower score as threshold would accept too many
        assert (scores > lower.max()).mean() > rate
    else:  # the lowest score is the threshold, all equal to it are rejected
        assert threshold == scores.min()


@given(st.integers(20, 5000))
def test_smallest_rate_accepts_exactly_ten_distinct_events(count: int) -> None:
    generator = np.random.default_rng(count)
    scores = generator.permutation(count).astype(np.float64)
    point = working_point(scores, np.ones(count), 1e-9)
    assert point.accepted == 10
    assert point.rate == point.target == 10 / count
    assert point.relative_error == pytest.approx(10**-0.5)


def test_requested_rate_is_used_where_the_sample_supports_it() -> None:
    point = working_point(np.arange(1000.0), np.ones(1000), 0.05)
    assert (point.target, point.rate, point.threshold) == (0.05, 0.05, 949.0)


def test_weights_count_in_the_rate() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    weight = np.array([1.0, 1.0, 1.0, 7.0])
    assert threshold_at(scores, 0.5, weight) == 4.0  # the top event alone is 70 %
    assert threshold_at(scores, 0.75, weight) == 3.0


def test_too_few_background_events_are_refused() -> None:
    with pytest.raises(UserError, match="19 background events"):
        smallest_rate(np.ones(19))
    with pytest.raises(UserError, match="too few"):
        smallest_rate(np.zeros(1000))


def test_effective_events_of_equal_weights_are_the_events() -> None:
    assert effective_events(np.full(37, 0.25)) == 37
    assert effective_events(np.array([1.0, 0.0])) == 1


def test_given_threshold_states_the_rate_and_has_no_target() -> None:
    point = given_threshold(np.arange(100.0), np.ones(100), 89.5)
    assert (point.accepted, point.rate, point.target, point.requested) == (10, 0.1, None, None)
    assert given_threshold(np.arange(100.0), np.ones(100), 1e6).relative_error is None


def test_wilson_interval_against_published_values() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3: 81/263 and 0/20 at 95 %
    assert wilson(81 / 263, 263, 1.959964) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20, 1.959964) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_efficiency_carries_the_uncertainty_of_the_threshold() -> None:
    background = np.arange(1000.0)
    signal = np.arange(0, 1000.0, 2)
    point = working_point(background, np.ones(1000), 0.01)
    found = efficiency(signal, np.ones(500), point, background, np.ones(1000))
    # 10 +- 3.16 background events: thresholds that accept 6 and 13 of 1000
    assert found.value == pytest.approx(0.01)
    assert found.from_threshold == pytest.approx((6 - 3) / 500 / 2, abs=1e-3)
    assert found.low < found.value < found.high
    assert found.error > found.from_threshold
    fixed = given_threshold(background, np.ones(1000), 989.0)
    assert efficiency(signal, np.ones(500), fixed, background, np.ones(1000)).from_threshold == 0
