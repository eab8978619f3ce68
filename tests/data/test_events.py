"""The embedded sample and ADC2021 files: one layout of 57 integers."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetrig.config.sources import Adc2021Source, L1Source
from aetrig.data import adc2021, l1
from aetrig.data.load import load
from aetrig.data.objects import ETA_STEP, NAMES, PHI_STEP, PT_STEP, features
from aetrig.errors import UserError

EVENTS = 60


def integers(events=EVENTS, seed=0):
    """Events in hardware units with padding, each value inside its grid."""
    rng = np.random.default_rng(seed)
    x = np.zeros((events, 57), np.int32)
    for i, feature in enumerate(features()):
        high = {0: min(feature.grid.high, 400), 1: 100, 2: 71}[i % 3]
        low = {0: 1, 1: -100, 2: -72}[i % 3]
        x[:, i] = rng.integers(low, high, events, endpoint=True)
    x[:, 1] = 0
    for i in range(3, 57, 3):
        x[rng.random(events) < 0.5, i : i + 3] = 0
    return x


def tiny(path, *, drop="", metadata=True, roles=("background", "signal", "minbias", "signal")):
    names = ("qcd", "a_4l", "minbias", "lq_btau")
    x = integers()
    process = np.arange(EVENTS) % 4
    facts = {
        feature.name: {
            "step": feature.grid.step,
            "bits": feature.grid.bits,
            "signed": feature.grid.signed,
            "unit": feature.grid.unit,
        }
        for feature in features()
    }
    columns = {name: pa.array(x[:, i].astype(np.int16)) for i, name in enumerate(NAMES)}
    columns["process"] = pa.DictionaryArray.from_arrays(process.astype(np.int8), names)
    columns["role"] = pa.array([roles[i] for i in process])
    columns["weight"] = pa.array(process.astype(np.float32) + 1)
    columns.pop(drop, None)
    about = {"aetrig.sample": json.dumps({"columns": facts})} if metadata else {}
    pq.write_table(pa.table(columns).replace_schema_metadata(about), path)
    return x


def test_the_layout_of_the_sample(tmp_path):
    x = tiny(tmp_path / "l1.parquet")
    found = l1.load(L1Source(signals=("lq_btau",)), tmp_path / "l1.parquet")
    kept = np.arange(EVENTS) % 4 != 1
    np.testing.assert_array_equal(found.x, x[kept])
    assert found.features == features()
    assert [(p.name, p.role) for p in found.processes] == [
        ("lq_btau", "signal"),
        ("minbias", "minbias"),
        ("qcd", "background"),
    ]
    names = np.array(["qcd", "a_4l", "minbias", "lq_btau"])[np.arange(EVENTS) % 4]
    assert [found.processes[i].name for i in found.process] == names[kept].tolist()
    np.testing.assert_array_equal(found.weight, (np.arange(EVENTS) % 4 + 1.0)[kept])
    assert found.weight.dtype == np.float64
    present = found.present()
    assert present[:, :3].all()  # MET is never padding
    np.testing.assert_array_equal(present[:, 5], found.x[:, 3] != 0)


def test_max_events_are_the_first(tmp_path):
    tiny(tmp_path / "l1.parquet")
    everything = l1.load(L1Source(signals=("a_4l",)), tmp_path / "l1.parquet")
    some = l1.load(L1Source(signals=("a_4l",), max_events=7), tmp_path / "l1.parquet")
    np.testing.assert_array_equal(some.x, everything.x[:7])


def test_unknown_signal(tmp_path):
    tiny(tmp_path / "l1.parquet")
    with pytest.raises(UserError, match=r"no signal 'lq_tau'.*did you mean 'lq_btau'"):
        l1.load(L1Source(signals=("lq_tau",)), tmp_path / "l1.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": "j10_phi"}, "column 'j10_phi' is missing"),
        ({"metadata": False}, "metadata lacks step"),
        ({"roles": ("background", "odd", "minbias", "signal")}, "process 'a_4l' has the roles"),
    ],
)
def test_damaged_samples(tmp_path, change, message):
    tiny(tmp_path / "l1.parquet", **change)
    with pytest.raises(UserError, match=message):
        l1.load(L1Source(signals=()), tmp_path / "l1.parquet")


def test_missing_or_cut_sample(tmp_path):
    path = tmp_path / "l1.parquet"
    with pytest.raises(UserError, match=r"embedded sample .* is missing"):
        l1.load(L1Source(), path)
    tiny(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged"):
        l1.load(L1Source(), path)


def test_the_embedded_sample_itself(tmp_path):
    if not l1.SAMPLE.exists():
        pytest.skip("the embedded sample has not been generated in this checkout")
    found = load(L1Source(), tmp_path)
    assert found.features == features()
    for role, least in (("background", 100_000), ("minbias", 50_000), ("signal", 20_000)):
        assert found.rows(role).sum() >= least
    assert (found.weight > 0).all()
    padded = ~found.present()
    assert not found.x[padded].any()


def physical(x):
    """What an ADC2021 file would hold for events in hardware units."""
    values = np.zeros((len(x), 19, 4), np.float32)
    values[..., :3] = x.reshape(-1, 19, 3) * [PT_STEP, ETA_STEP, PHI_STEP]
    values[..., 3] = np.where(values[..., 0] > 0, adc2021.CLASSES, 0)
    return values


def write(path, values, key="Particles"):
    with h5py.File(path, "w") as file:
        file[key] = values
    return path


def source(tmp_path, **changes):
    content = {"source": "adc2021", "folder": tmp_path, "background": ["bkg.h5"]}
    return Adc2021Source.model_validate(content | changes)


@pytest.mark.parametrize("block", [1, 7, EVENTS, 10_000])
def test_adc2021_round_trip_in_any_block_size(tmp_path, block):
    x, signal = integers(), integers(11, seed=5)
    write(tmp_path / "bkg.h5", physical(x))
    write(tmp_path / "a.h5", physical(signal))
    find = tmp_path.joinpath
    found = adc2021.load(source(tmp_path, signals={"a_4l": "a.h5"}), find, block=block)
    np.testing.assert_array_equal(found.x, np.concatenate([x, signal]))
    assert [(p.name, p.role) for p in found.processes] == [
        ("background", "background"),
        ("a_4l", "signal"),
    ]
    assert found.process.tolist() == [0] * EVENTS + [1] * 11
    assert found.features == features()
    assert found.notes == ()


def test_adc2021_reads_no_more_than_a_block(tmp_path, monkeypatch):
    write(tmp_path / "bkg.h5", physical(integers()))
    read = []
    original = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset,
        "__getitem__",
        lambda self, rows: read.append(rows) or original(self, rows),
    )
    found = adc2021.load(source(tmp_path, max_events=25), tmp_path.joinpath, block=10)
    assert [(rows.start, rows.stop) for rows in read] == [(0, 10), (10, 20), (20, 25)]
    assert len(found.x) == 25


def test_adc2021_several_background_files(tmp_path):
    x = integers()
    write(tmp_path / "one.h5", physical(x[:20]))
    write(tmp_path / "two.h5", physical(x[20:]))
    found = load(source(tmp_path, background=["one.h5", "two.h5"]), tmp_path)
    np.testing.assert_array_equal(found.x, x)
    assert not found.process.any()


def test_pi_and_minus_pi_are_one_direction_and_soft_objects_are_padding(tmp_path):
    values = physical(integers())
    values[:, 0, 2] = np.float32(np.pi)
    values[:, 1] = [0.2, 1.0, 1.0, 2]
    write(tmp_path / "bkg.h5", values)
    found = load(source(tmp_path), tmp_path)
    assert (found.x[:, 2] == -72).all()
    assert not found.x[:, 3:6].any()


def test_adc2021_saturation(tmp_path):
    values = physical(integers(1000))
    values[:5, 9, 0] = 5000
    write(tmp_path / "bkg.h5", values)
    found = load(source(tmp_path), tmp_path)
    assert (found.x[:5, 27] == 2047).all()
    assert len(found.notes) == 1
    assert "5 values of j1_pt" in found.notes[0]
    values[..., 0] *= 1000  # MeV
    write(tmp_path / "bkg.h5", values)
    with pytest.raises(UserError, match="are pT in GeV"):
        load(source(tmp_path), tmp_path)


def test_adc2021_objects_out_of_place_are_noted(tmp_path):
    write(tmp_path / "bkg.h5", physical(integers())[:, ::-1])
    assert "laid out as in ADC2021" in load(source(tmp_path), tmp_path).notes[-1]


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ((41, 3, 1), np.nan, r"event 41, e3 eta: not a finite number \(nan\), and 0 more"),
        ((41, 9, 0), np.inf, r"event 41, j1 pt: not a finite number \(inf\)"),
        ((3, 0, 0), -1.0, r"event 3, met pt: a negative pT"),
    ],
)
def test_adc2021_bad_values(tmp_path, where, value, message):
    values = physical(integers())
    values[where] = value
    write(tmp_path / "bkg.h5", values)
    with pytest.raises(UserError, match=message):
        adc2021.load(source(tmp_path), tmp_path.joinpath, block=10)


def test_adc2021_bad_files(tmp_path):
    def fails(message):
        with pytest.raises(UserError, match=message) as caught:
            load(source(tmp_path), tmp_path)
        assert "\n" not in str(caught.value)

    path = tmp_path / "bkg.h5"
    fails("data file 'bkg.h5' not found; looked in")
    path.touch()
    fails("is empty")
    path.write_text("pt,eta\n1,2\n")
    fails("expected HDF5 by its name, found text")
    write(path, np.zeros((2, 19, 4)), key="particles")
    fails("no key 'Particles' .* did you mean 'particles'")
    for shape in ((2, 18, 4), (2, 19, 3), (2, 76)):
        write(path, np.zeros(shape))
        fails(r"expected numbers of shape \(N, 19, 4\)")
    write(path, np.zeros((0, 19, 4)))
    fails("has no events")
    write(path, physical(integers(2000)))
    whole = path.read_bytes()
    for share in (0.01, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        fails("truncated or damaged HDF5")


def test_features_by_pattern_keep_order_and_padding():
    every = l1.load(L1Source(max_events=200))
    found = l1.load(L1Source(max_events=200, features=("mu?_*", "met_pt")))
    names = [feature.name for feature in found.features]
    assert names == ["met_pt", *(f"mu{i}_{k}" for i in range(1, 5) for k in ("pt", "eta", "phi"))]
    columns = [[f.name for f in every.features].index(name) for name in names]
    np.testing.assert_array_equal(found.x, every.x[:, columns])
    np.testing.assert_array_equal(found.present(), every.present()[:, columns])
    with pytest.raises(UserError, match=r"data.features: 'muon\*' names no input"):
        l1.load(L1Source(features=("muon*",)))
