"""Splits by a hash of each event: disjoint, complete, and the same when events are added."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.config.load import load as load_config
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.split import hash_split, uniform
from aetrig.errors import UserError

PROCESSES = (Process("qcd", "background"), Process("soft", "minbias"), Process("a", "signal"))


def dataset(x: np.ndarray, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    features = tuple(Feature(f"f{i}", Grid(1.0, 12, True, "1")) for i in range(x.shape[1]))
    process = (np.abs(x.sum(axis=1)) % 3).astype(np.int16)
    split = np.full(len(x), -1, np.int8)
    return Dataset(x, features, PROCESSES, process, rng.random(len(x)), split)


def drawn(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-2000, 2000, (rows, 4)).astype(np.int32)


@given(st.integers(0, 1000), st.floats(0.1, 0.5), st.floats(0.0, 0.4))
def test_parts_are_disjoint_and_complete(seed: int, validation: float, test: float) -> None:
    data = dataset(drawn(2000, seed))
    training, judging, held = hash_split(data, validation, test)
    together = np.sort(np.concatenate((training, judging, held)))
    np.testing.assert_array_equal(together, np.arange(2000))
    assert data.rows("background")[training].all()
    for rows, share in ((held, test), (judging[data.rows("background")[judging]], validation)):
        total = 2000 if rows is held else int(data.rows("background").sum())
        error = (share * (1 - share) / total) ** 0.5
        assert abs(len(rows) / total - share) < 6 * error + 1e-9


@given(st.integers(0, 1000), st.integers(1, 500))
def test_adding_events_moves_none(seed: int, more: int) -> None:
    first, second = drawn(500, seed), drawn(more, seed + 5000)
    both = np.concatenate((second, first))
    before = hash_split(dataset(first), 0.3, 0.2)
    after = hash_split(dataset(both), 0.3, 0.2)
    for part, grown in zip(before, after, strict=True):
        assert set(part + more) <= set(grown)


def test_equal_events_are_in_one_part_and_columns_count_in_order() -> None:
    x = drawn(100, 1)
    np.testing.assert_array_equal(uniform(x), uniform(np.concatenate((x, x)))[100:])
    assert (uniform(x) != uniform(x[:, ::-1].copy())).all()
    assert (uniform(x) != uniform(x[:, :3].copy())).all()


def test_places_are_uniform_and_what_they_always_were() -> None:
    places = uniform(drawn(100_000, 2))
    counts, _ = np.histogram(places, 50, (0, 1))
    chi2 = ((counts - 2000) ** 2 / 2000).sum()
    assert 20 < chi2 < 95  # 49 degrees of freedom, about five standard deviations
    fixed = uniform(np.array([[0, 0], [1, -1], [2047, -2048]], np.int32))
    np.testing.assert_array_equal(fixed, FIXED)


FIXED = np.array([0.3922164624235318, 0.9230401474946464, 0.33887796719803975])


def test_nothing_left_is_one_line() -> None:
    data = dataset(drawn(3, 3))
    with pytest.raises(UserError, match="no background events left"):
        hash_split(data, 1e-9, 0.0)
    with pytest.raises(UserError, match="needs split: hash"):
        load_config(None, ["train.test_fraction=0.1"])
    with pytest.raises(UserError, match="leave nothing to train on"):
        load_config(None, ["train.split=hash", "train.test_fraction=0.8"])
