"""Offset and shift: what they promise for any integers, and the special features."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aetrig.config.model import Scaling
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.scaling import CENTRAL, InputScaling, central_half_width, fit_scaling
from aetrig.errors import UserError

GRID = Grid(1.0, 24, signed=True, unit="1")
SHIFT = Scaling()
columns = arrays(np.int32, st.integers(2, 60), elements=st.integers(-(2**20), 2**20))


def dataset(*features: np.ndarray, presence: int | None = None) -> Dataset:
    x = np.stack(features, axis=1).astype(np.int32)
    return Dataset(
        x,
        tuple(Feature(f"f{i}", GRID, presence) for i in range(len(features))),
        (Process("b", "background"),),
        np.zeros(len(x), np.int16),
        np.ones(len(x)),
        np.full(len(x), -1, np.int8),
    )


def fit(*features: np.ndarray, scaling: Scaling = SHIFT, presence: int | None = None):
    data = dataset(*features, presence=presence)
    return fit_scaling(data, np.ones(len(data.x), bool), scaling)


@given(columns)
def test_shift_brings_the_spread_near_one(x):
    found = fit(x)
    spread = np.quantile(abs(x - found.offset[0]), CENTRAL)
    assert found.factor[0] == 2.0 ** -int(found.shift[0])
    assert found.center[0] == found.offset[0] == np.rint(np.median(x)) or found.constant[0]
    assert found.rounding_loss[0] == 0
    if spread > 0:
        assert 2**-0.5 <= spread * found.factor[0] <= 2**0.5


@given(columns, st.integers(-(2**18), 2**18))
def test_a_moved_feature_has_a_moved_offset_and_the_same_shift(x, by):
    here, there = fit(2 * x), fit(2 * x + 2 * by)
    assert there.offset[0] == here.offset[0] + 2 * by
    assert there.shift[0] == here.shift[0]


@given(columns, st.integers(1, 3))
def test_a_doubled_feature_has_one_shift_more(x, times):
    zero = Scaling(center="zero")  # a median may lie between two integers, and is rounded
    if np.quantile(abs(x), CENTRAL) > 0 and np.ptp(x) > 0:
        once, more = fit(x, scaling=zero), fit(x * 2**times, scaling=zero)
        assert more.shift[0] == once.shift[0] + times


@given(columns)
def test_without_an_offset_the_present_objects_are_near_one(x):
    """A soft jet of 41 +- 2 steps must not become the number 20 because 41 are close together."""
    x = 1000 + abs(x) % 50
    scaled = x * fit(x, scaling=Scaling(center="zero")).factor[0]
    assert 2**-0.5 < np.median(scaled) < 2**0.5 or np.ptp(x) == 0


@given(columns, st.sampled_from(["shift", "standard", "minmax"]))
def test_every_scaling_is_finite_and_survives_json(x, kind):
    found = fit(x, scaling=Scaling(kind=kind))
    assert -16 <= found.shift[0] <= 31
    assert np.isfinite(found.factor).all()
    assert (found.factor > 0).all()
    again = InputScaling.from_json(json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    assert again.offset.dtype == again.shift.dtype == np.int64


@given(columns)
def test_standard_and_minmax_measure_the_loss_of_rounding(x):
    for kind in ("standard", "minmax"):
        found = fit(x, scaling=Scaling(kind=kind))
        if found.constant[0]:
            continue
        exact = (x - found.center[0]) * found.factor[0]
        rounded = (x - found.offset[0]) * 2.0 ** -found.shift[0]
        assert found.rounding_loss[0] == pytest.approx(np.mean((exact - rounded) ** 2))
        if kind == "minmax":
            assert exact.min() == 0
            assert exact.max() == pytest.approx(1)
        else:
            assert exact.std() == pytest.approx(1)


def test_padding_counts_neither_for_the_spread_nor_for_the_center():
    rng = np.random.default_rng(1)
    pt = rng.integers(100, 200, 1000)
    alone = fit(pt)
    padded = fit(np.concatenate([pt, np.zeros(9000, int)]), presence=0)
    assert padded.offset[0] == 0
    assert padded.shift[0] == 7  # 68 percent lie below 168 steps
    assert alone.shift[0] == 5  # and 34 steps from the median
    assert alone.offset[0] == np.rint(np.median(pt))
    median = Scaling(center="median")
    forced = fit(np.concatenate([pt, np.zeros(9000, int)]), presence=0, scaling=median)
    assert forced.offset[0] == alone.offset[0]
    assert fit(pt, scaling=Scaling(center="zero")).offset[0] == 0


@pytest.mark.parametrize("kind", ["shift", "standard", "minmax"])
@pytest.mark.parametrize("value", [0, 7, -7])
def test_a_constant_feature_becomes_zero_with_a_warning(kind, value):
    found = fit(np.full(10, value), scaling=Scaling(kind=kind))
    assert found.constant[0]
    assert (found.offset[0], found.shift[0], found.factor[0]) == (value, 0, 1)
    (warning,) = found.warnings
    assert warning == (
        f"feature 'f0' is constant ({value}) in training: it becomes zero in the network, but a "
        "bit of it that is stuck one day does not: leave it out"
    )


def test_an_object_seen_once_is_scaled_by_its_size_and_not_by_nothing():
    found = fit(np.array([0] * 50 + [40]), presence=0)
    assert found.shift[0] == 5
    assert not found.constant[0]
    assert found.warnings == ()


def test_a_feature_that_is_rarely_off_its_value_is_not_blown_up():
    assert fit(np.array([0] * 99 + [1])).shift[0] == 0


def test_an_extra_shift_halves_the_matching_features():
    x = np.arange(100)
    plain = fit(x, x)
    extra = fit(x, x, scaling=Scaling(extra_shift={"f1": 2, "f*": 1}))
    assert (extra.shift - plain.shift).tolist() == [1, 3]
    assert (extra.offset == plain.offset).all()
    with pytest.raises(UserError, match=r"no feature matches 'f1_phi'; did you mean 'f1'"):
        fit(x, x, scaling=Scaling(extra_shift={"f1_phi": 2}))


def test_only_the_given_rows_count():
    data = dataset(np.array([1, 2, 3, 4, 100000]))
    found = fit_scaling(data, np.arange(4), SHIFT)
    assert found.offset[0] == 2


def test_no_rows_is_an_error():
    with pytest.raises(UserError, match="no training events"):
        fit_scaling(dataset(np.array([1, 2])), np.zeros(2, bool), SHIFT)


@pytest.mark.parametrize("change", [{"shift": [1, 2]}, {"offset": ["x"]}, {"names": None}])
def test_a_damaged_scaling_file_is_named(change):
    content = fit(np.arange(9)).to_json() | change
    with pytest.raises(UserError, match="scaling: "):
        InputScaling.from_json(content)


def test_sigma68_of_a_gaussian_is_its_standard_deviation():
    x = np.random.default_rng(0).normal(3, 50, 200_000)
    assert central_half_width(x) == pytest.approx(50, rel=0.01)
    assert central_half_width(np.array([])) == 0
