import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.physics.roc import auc, roc

Floats = npt.NDArray[np.float64]
# few distinct scores, so that ties are common
scored = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), min_size=1, max_size=25)


def arrays(events: list[tuple[int, int]]) -> tuple[Floats, Floats]:
    values = np.array(events, dtype=np.float64)
    return values[:, 0], values[:, 1]


@given(scored, scored)
def test_auc_equals_brute_force_over_pairs(
    background: list[tuple[int, int]], signal: list[tuple[int, int]]
) -> None:
    (b, wb), (s, ws) = arrays(background), arrays(signal)
    pairs = sum(
        w * v * ((x > y) + 0.5 * (x == y))
        for x, w in zip(s, ws, strict=True)
        for y, v in zip(b, wb, strict=True)
    )
    assert auc(b, s, wb, ws).value == pytest.approx(pairs / (wb.sum() * ws.sum()), abs=1e-12)


@given(scored, scored)
def test_area_under_the_roc_curve_is_the_auc(
    background: list[tuple[int, int]], signal: list[tuple[int, int]]
) -> None:
    (b, wb), (s, ws) = arrays(background), arrays(signal)
    curve = roc(b, s, wb, ws)
    assert (curve.background[0], curve.signal[0]) == (0, 0)
    assert (curve.background[-1], curve.signal[-1]) == (1, 1)
    area = np.trapezoid(curve.signal, curve.background)
    assert area == pytest.approx(auc(b, s, wb, ws).value, abs=1e-12)


def test_auc_of_equal_samples_is_one_half_and_of_separated_ones_is_one() -> None:
    values = np.arange(50.0)
    assert auc(values, values).value == pytest.approx(0.5, abs=1e-15)
    assert auc(values, values + 50).value == 1.0
    assert auc(values, values + 50).error == 0.0


def test_auc_error_is_the_spread_of_repeated_experiments() -> None:
    generator = np.random.default_rng(3)
    found = [auc(generator.normal(size=200), generator.normal(0.7, size=150)) for _ in range(300)]
    spread = np.std([result.value for result in found])
    assert np.mean([result.error for result in found]) == pytest.approx(spread, rel=0.15)
