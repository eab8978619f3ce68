import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.physics.agreement import Pair, efficiency_fall, equal_decisions, spearman
from aetrig.physics.rate import working_point


def pair(reference: np.ndarray, other: np.ndarray) -> Pair:
    return Pair(reference, other, np.ones(reference.size))


def test_equal_decisions_counts_both_directions() -> None:
    scores = np.arange(100.0)
    swapped = scores.copy()
    swapped[[0, 99]] = swapped[[99, 0]]
    point = working_point(scores, np.ones(100), 0.1)
    assert equal_decisions(pair(scores, scores), point, point) == 1.0
    assert equal_decisions(pair(scores, swapped), point, point) == 0.98


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=40, unique=True))
def test_spearman_sees_only_the_order(values: list[int]) -> None:
    scores = np.array(values, dtype=np.float64)
    assert spearman(pair(scores, np.exp(scores / 10))) == pytest.approx(1.0)
    assert spearman(pair(scores, -(scores**3))) == pytest.approx(-1.0)


def test_spearman_shares_ranks_among_equal_scores() -> None:
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: by hand 4.5 / sqrt(4.5 * 5)
    found = spearman(pair(np.array([1.0, 2, 2, 3]), np.array([1.0, 2, 3, 4])))
    assert found == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert spearman(pair(np.ones(3), np.ones(3))) == 1.0
    assert spearman(pair(np.ones(3), np.arange(3.0))) == 0.0


def sample(generator: np.random.Generator, noise: float) -> tuple[Pair, Pair]:
    def one(mean: float, size: int) -> Pair:
        scores = generator.normal(mean, size=size)
        return pair(scores, scores + noise * generator.normal(size=size))

    return one(0.0, 2000), one(2.0, 500)


def test_identical_stages_fall_by_nothing_with_no_error() -> None:
    background, signal = sample(np.random.default_rng(1), 0.0)
    point = working_point(background.reference, background.weight, 0.01)
    found = efficiency_fall(background, signal, point, point)
    assert (found.value, found.error) == (0, 0)


def test_error_of_the_fall_is_the_spread_of_repeated_experiments() -> None:
    generator = np.random.default_rng(2)
    found = []
    for _ in range(60):
        background, signal = sample(generator, 0.3)
        points = [
            working_point(scores, background.weight, 0.01)
            for scores in (background.reference, background.other)
        ]
        found.append(efficiency_fall(background, signal, *points))
    spread = np.std([fall.value for fall in found])
    assert np.mean([fall.error for fall in found]) == pytest.approx(spread, rel=0.35)
