from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aetrig.physics.score import score_floats, score_integers

integers = st.integers(-(2**15), 2**15 - 1)


@given(
    st.integers(1, 6).flatmap(
        lambda width: st.lists(
            st.tuples(
                st.lists(integers, min_size=width, max_size=width),
                st.lists(integers, min_size=width, max_size=width),
            ),
            min_size=1,
            max_size=4,
        )
    ),
    st.integers(-12, 4),
    st.integers(-12, 4),
)
def test_score_of_integers_equals_rational_arithmetic(
    events: list[tuple[list[int], list[int]]], ex: int, ey: int
) -> None:
    qx = np.array([event[0] for event in events], dtype=np.int64)
    qy = np.array([event[1] for event in events], dtype=np.int64)
    found = score_integers("mse", qx, qy, ex, ey)
    for row, (inputs, outputs) in enumerate(events):
        squares = [
            (q * Fraction(2) ** ex - r * Fraction(2) ** ey) ** 2
            for q, r in zip(inputs, outputs, strict=True)
        ]
        total = sum(squares) * Fraction(2) ** (-2 * min(ex, ey))
        # the exact sum rounded once, then one division
        expected = np.ldexp(float(total), 2 * min(ex, ey)) / len(inputs)
        assert found[row] == expected


def test_score_does_not_overflow_where_squares_need_more_than_64_bits() -> None:
    qx = np.full((1, 8), 2**15, dtype=np.int64)
    qy = np.full((1, 8), -(2**15), dtype=np.int64)
    found = score_integers("mse", qx, qy, 20, 20)
    assert found[0] == float(2**72)
    shifted = score_integers("mse", qx, qy, 20, -2)
    assert shifted[0] == float((2**35 + 2**13) ** 2)


def test_float_score_is_the_mean_square() -> None:
    x, y = np.array([[1.0, 2.0], [0.5, 0.5]]), np.array([[0.0, 0.0], [0.5, 1.5]])
    assert score_floats("mse", x, y).tolist() == [2.5, 0.5]
    assert score_floats("embedding", x, y).tolist() == [2.5, 0.5]
    assert score_floats("mae", x, y).tolist() == [1.5, 0.5]
    assert score_floats("latent", None, x).tolist() == [5.0, 0.5]


def test_integer_scores_of_every_kind_equal_the_float_ones() -> None:
    rng = np.random.default_rng(2)
    qx, qy = rng.integers(-100, 100, (2, 50, 7))
    x, y = qx * 2.0**-3, qy * 2.0**-5
    for kind in ("mse", "mae", "embedding"):
        found = score_integers(kind, qx, qy, -3, -5)
        np.testing.assert_allclose(found, score_floats(kind, x, y), rtol=1e-12)
    found = score_integers("latent", None, qy, 0, -5)
    np.testing.assert_allclose(found, score_floats("latent", None, y), rtol=1e-12)
