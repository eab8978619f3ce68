"""The split, the vectors on disk, and the description of a source."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aetrig.data import vectors
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.info import describe
from aetrig.data.split import split
from aetrig.errors import UserError

PROCESSES = (Process("qcd", "background"), Process("mb", "minbias"), Process("a", "signal"))


@pytest.fixture
def data() -> Dataset:
    n = 1000
    rng = np.random.default_rng(3)
    x = rng.integers(-8, 8, (n, 2)).astype(np.int32)
    x[:, 0] = rng.integers(0, 4, n)
    grid = Grid(0.5, 4, signed=True, unit="GeV")
    return Dataset(
        x,
        (Feature("pt", Grid(0.5, 4, signed=False, unit="GeV"), 0), Feature("eta", grid, 0)),
        PROCESSES,
        rng.integers(0, 3, n).astype(np.int16),
        rng.random(n),
        np.full(n, -1, np.int8),
        ("a note",),
    )


def test_training_is_background_and_validation_is_the_rest(data):
    training, validation = split(data, 0.2, 1)
    background = data.rows("background")
    assert background[training].all()
    assert sorted([*training, *validation]) == list(range(1000))
    assert background[validation].sum() == round(0.2 * background.sum())
    assert np.isin(np.flatnonzero(~background), validation).all()


def test_the_seed_decides(data):
    first, again, other = split(data, 0.2, 1), split(data, 0.2, 1), split(data, 0.2, 2)
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_a_split_of_the_source_is_kept(data):
    given = (np.arange(1000) >= 700).astype(np.int8)
    training, validation = split(dataclasses.replace(data, split=given), 0.5, 1)
    background = data.rows("background")
    assert np.array_equal(training, np.flatnonzero(background & (given == 0)))
    assert np.array_equal(validation, np.flatnonzero(~background | (given == 1)))


def test_nothing_to_train_on(data):
    signals = dataclasses.replace(data, process=np.full(1000, 2, np.int16))
    with pytest.raises(UserError, match=r"no background events to train on.*qcd \(background\)"):
        split(signals, 0.2, 1)
    with pytest.raises(UserError, match="left for training of 1"):
        split(data.select(np.flatnonzero(data.rows("background"))[:1]), 0.2, 1)


def test_vectors_come_back_equal(tmp_path, data):
    path = tmp_path / "vectors" / "validation.npz"
    vectors.save(path, data)
    found = vectors.load(path)
    assert np.array_equal(found.x, data.x)
    assert np.array_equal(found.process, data.process)
    assert np.array_equal(found.weight, data.weight)
    assert (found.x.dtype, found.process.dtype, found.weight.dtype) == ("int32", "int16", "float64")
    assert found.processes == PROCESSES
    assert found.features == ("pt", "eta")
    assert np.array_equal(found.rows("signal"), data.rows("signal"))
    assert [item.name for item in path.parent.iterdir()] == ["validation.npz"]


def test_equal_vectors_are_equal_files(tmp_path, data):
    vectors.save(tmp_path / "a.npz", data)
    vectors.save(tmp_path / "b.npz", data)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_damaged_vectors(tmp_path, data):
    path = tmp_path / "v.npz"
    with pytest.raises(UserError, match="missing; make it with: aetrig qat"):
        vectors.load(path)
    vectors.save(path, data)
    whole = path.read_bytes()
    for part in (b"", b"x", whole[:100], whole[: len(whole) // 2]):
        path.write_bytes(part)
        with pytest.raises(UserError, match=r"v\.npz: not a readable"):
            vectors.load(path)
    middle = bytearray(whole)
    middle[200:300] = bytes(100)
    path.write_bytes(middle)
    with pytest.raises(UserError, match=r"v\.npz"):
        vectors.load(path)
    np.savez(path, x=data.x)
    with pytest.raises(UserError, match="no array 'process'"):
        vectors.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((1000, 2))}, "'x' is float64"),
        ({"process": np.zeros(3, np.int16)}, "do not fit"),
        ({"process": np.full(1000, 3, np.int16)}, "points beyond the 3 names"),
        ({"roles": np.array(["background", "minbias", "odd"])}, "unknown role 'odd'"),
    ],
)
def test_wrong_vectors(tmp_path, data, change, message):
    path = tmp_path / "v.npz"
    vectors.save(path, data)
    with np.load(path) as archive:
        content = dict(archive) | change
    np.savez(path, **content)
    with pytest.raises(UserError, match=message):
        vectors.load(path)


def test_description(data):
    found = describe(data)
    assert [(p.name, p.events) for p in found.processes] == [
        (name.name, int((data.process == i).sum())) for i, name in enumerate(PROCESSES)
    ]
    assert sum(p.weight for p in found.processes) == pytest.approx(data.weight.sum())
    pt, eta = found.features
    assert (pt.low, pt.high) == (1, 3)  # zero is padding
    assert pt.present == eta.present == np.mean(data.x[:, 0] != 0)
    assert (eta.low, eta.high) == (-8, 7)
    assert eta.saturated == pytest.approx(np.isin(data.x[data.x[:, 0] != 0, 1], [-8, 7]).mean())
    assert found.notes == ("a note",)
    for _, heads, rows in found.tables():
        assert all(len(row) == len(heads) for row in rows)
