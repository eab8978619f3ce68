"""The embedded level-1-like sample: the committed file, and the pure steps of the script."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "toolkit" / "aetrig" / "data" / "samples" / "l1.parquet"
SCRIPTS = REPOSITORY / "scripts" / "l1_sample"

OBJECTS = {"e": 4, "mu": 4, "j": 10}
BACKGROUND_SHARES = {"w": 0.592, "qcd": 0.338, "z": 0.067, "top": 0.003}
SIGNALS = ("a_4l", "lq_btau", "h0_tautau", "hplus_taunu")


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pq.read_table(SAMPLE)


@pytest.fixture(scope="module")
def about(table: pa.Table) -> dict[str, Any]:
    return json.loads(table.schema.metadata[b"aetrig.sample"])


@pytest.fixture(scope="module")
def process(table: pa.Table) -> np.ndarray:
    return np.array(table["process"].combine_chunks().dictionary_decode().to_pylist())


def axis(table: pa.Table, kind: str, name: str) -> np.ndarray:
    """One coordinate of all objects of a class, (events, objects)."""
    columns = [f"{kind}{i}_{name}" for i in range(1, OBJECTS[kind] + 1)]
    return np.stack([table[column].to_numpy() for column in columns], axis=1)


def test_the_file_is_small() -> None:
    assert SAMPLE.stat().st_size <= 8_000_000


def test_columns_and_types(table: pa.Table) -> None:
    names = ["met_pt", "met_eta", "met_phi"]
    for kind, count in OBJECTS.items():
        names += [f"{kind}{i}_{a}" for i in range(1, count + 1) for a in ("pt", "eta", "phi")]
    assert table.column_names == [*names, "process", "role", "weight"]
    assert all(table.schema.field(name).type == pa.int16() for name in names)
    assert table.schema.field("weight").type == pa.float32()
    assert pa.types.is_dictionary(table.schema.field("process").type)
    assert pa.types.is_dictionary(table.schema.field("role").type)


def test_counts(table: pa.Table, process: np.ndarray) -> None:
    role = np.array(table["role"].combine_chunks().dictionary_decode().to_pylist())
    assert (role == "background").sum() >= 100_000
    assert (process == "minbias").sum() >= 50_000
    assert ((process == "minbias") == (role == "minbias")).all()
    for signal in SIGNALS:
        assert (process == signal).sum() >= 5_000
        assert set(role[process == signal]) == {"signal"}


def test_background_shares_are_near_the_challenge(process: np.ndarray) -> None:
    counts = {name: (process == name).sum() for name in BACKGROUND_SHARES}
    for name, share in BACKGROUND_SHARES.items():
        assert counts[name] / sum(counts.values()) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("kind", list(OBJECTS))
def test_objects_are_ordered_and_padded_with_zeros(table: pa.Table, kind: str) -> None:
    pt, eta, phi = (axis(table, kind, name) for name in ("pt", "eta", "phi"))
    assert (np.diff(pt, axis=1) <= 0).all()
    empty = pt == 0
    assert (eta[empty] == 0).all()
    assert (phi[empty] == 0).all()


def test_values_fit_the_hardware_bits(table: pa.Table, about: dict[str, Any]) -> None:
    for name, fact in about["columns"].items():
        values = table[name].to_numpy()
        bits, signed = fact["bits"], fact["signed"]
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        assert low <= values.min(), name
        assert values.max() <= high, name
        if name.endswith("_phi"):
            assert values.min() >= -72, name
            assert values.max() <= 71, name
    assert (table["met_eta"].to_numpy() == 0).all()


def test_acceptance(table: pa.Table, about: dict[str, Any]) -> None:
    step = about["steps"]["eta"]["step"]
    limits = {"e": 2.5, "mu": 2.4, "j": 5.0}
    thresholds = {"e": 5.0, "mu": 3.0, "j": 20.0}
    for kind, limit in limits.items():
        assert np.abs(axis(table, kind, "eta")).max() * step <= limit + step / 2
        pt = axis(table, kind, "pt")
        assert pt[pt > 0].min() * about["steps"]["pt"]["step"] >= thresholds[kind]


def test_metadata(table: pa.Table, about: dict[str, Any], process: np.ndarray) -> None:
    assert about["layout_version"] == 1
    assert about["steps"]["pt"] == {"step": 0.5, "unit": "GeV"}
    assert about["steps"]["eta"]["step"] == 0.0435
    assert about["steps"]["phi"]["step"] == pytest.approx(2 * np.pi / 144)
    assert len(about["columns"]) == 57
    assert about["crossing_rate_hz"] == pytest.approx(2544 * 11245)
    assert about["pile_up_mean"] == 50
    assert about["pool"]["events"] >= 20_000
    assert {"pythia8mc", "fastjet"} <= set(about["versions"])
    for name, fact in about["processes"].items():
        assert fact["kept"] == (process == name).sum()
        if name != "minbias":
            assert fact["sigma_error_pb"] < 0.1 * fact["sigma_pb"]


def test_weights(table: pa.Table, about: dict[str, Any], process: np.ndarray) -> None:
    weight = table["weight"].to_numpy().astype(float)
    assert weight[process == "minbias"].sum() == pytest.approx(1.0, rel=1e-4)
    for name in (*BACKGROUND_SHARES, *SIGNALS):
        expected = about["processes"][name]["sigma_pb"]
        assert weight[process == name].sum() == pytest.approx(expected, rel=1e-4)


def test_any_part_is_a_fair_mix(process: np.ndarray) -> None:
    share = (process == "w").mean()
    for part in np.array_split(process == "w", 10):
        assert part.mean() == pytest.approx(share, abs=0.02)


def test_the_physics_is_sensible(table: pa.Table, process: np.ndarray) -> None:
    jets = (axis(table, "j", "pt") > 0).sum(axis=1)
    leptons = (axis(table, "e", "pt") > 0).sum(axis=1) + (axis(table, "mu", "pt") > 0).sum(axis=1)
    met = table["met_pt"].to_numpy() * 0.5
    assert jets[process == "minbias"].mean() < 3
    assert leptons[process == "minbias"].mean() < 0.2
    assert leptons[process == "a_4l"].mean() > 2
    assert met[process == "w"].mean() > met[process == "minbias"].mean()
    assert jets[process == "top"].mean() > jets[process == "qcd"].mean()


def test_the_card_agrees_with_the_file(table: pa.Table) -> None:
    card = SAMPLE.with_suffix(".md").read_text(encoding="utf-8")
    assert f"{len(table):,} simulated" in card
    assert f"{SAMPLE.stat().st_size:,} bytes" in card


@pytest.fixture(scope="module")
def scripts() -> Iterator[SimpleNamespace]:
    """The script's modules, which import one another by bare name."""
    loaded: dict[str, ModuleType] = {}
    for name in ("generate", "detector"):
        spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        loaded[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded[name])
    yield SimpleNamespace(**loaded)
    for name in loaded:
        del sys.modules[name]


def one_event(generate: ModuleType, tower: int, et: float, muon_phi: float) -> Any:
    """An event with one electromagnetic tower and one muon of 10 GeV at eta 1."""
    real, whole = np.float32, np.int16
    return generate.Events(
        tower_start=np.array([0, 1]),
        tower=np.array([tower], whole),
        em=np.array([et], real),
        had=np.zeros(1, real),
        lepton_start=np.array([0, 1]),
        lepton_kind=np.array([13], whole),
        lepton_pt=np.array([10.0], real),
        lepton_eta=np.array([1.0], real),
        lepton_phi=np.array([muon_phi], real),
    )


def test_digitisation_truncates_saturates_and_wraps(scripts: SimpleNamespace) -> None:
    objects = np.array([[10.99, 0.0435, np.pi], [1e6, -2.5, -np.pi / 2], [0.49, 1.0, 1.0]])
    codes = scripts.detector.digitised(objects, 9)
    assert codes.tolist() == [[21, 1, -72], [511, -57, -36], [0, 0, 0]]


def test_overlay_conserves_energy_and_is_reproducible(scripts: SimpleNamespace) -> None:
    generate, detector = scripts.generate, scripts.detector
    pool = one_event(generate, tower=5 * 72 + 3, et=2.0, muon_phi=0.0)
    hard = generate.concatenate([one_event(generate, 50 * 72, 30.0, 1.0), generate.nothing(1)])
    first = detector.overlay(hard, pool, 4.0, np.random.default_rng(1))
    second = detector.overlay(hard, pool, 4.0, np.random.default_rng(1))
    em, had, leptons = first
    assert (em == second[0]).all()
    drawn = np.bincount(leptons.event, minlength=2) - [1, 0]
    assert em.sum(axis=1) == pytest.approx([30.0, 0.0] + 2.0 * drawn)
    assert had.sum() == 0
    rings = set(np.nonzero(em)[1] // 72)
    assert rings <= {5, detector.ETA_TOWERS - 1 - 5, 50}
    assert set(np.abs(leptons.eta)) == {1.0}


def test_smearing_is_unbiased_and_never_negative(scripts: SimpleNamespace) -> None:
    rng = np.random.default_rng(2)
    value = scripts.detector.smeared(np.full(200_000, 3.0), np.full(200_000, 0.5), rng)
    assert value.min() > 0
    assert value.mean() == pytest.approx(3.0, rel=0.01)
    assert value.std() == pytest.approx(1.5, rel=0.02)


def test_ring_subtraction_removes_a_flat_level_and_keeps_a_jet(scripts: SimpleNamespace) -> None:
    detector = scripts.detector
    towers = np.full((1, detector.TOWERS), 0.4)
    towers[0, 1000] = 60.0
    clean = detector.subtracted(towers, 2.0, 1.0)
    assert np.count_nonzero(clean) == 1
    assert clean[0, 1000] == pytest.approx(60.0 - (71 * 0.4 + 2.0) / 72)


def test_leading_objects_are_the_hardest_first(scripts: SimpleNamespace) -> None:
    event = np.array([1, 0, 1, 1])
    pt = np.array([5.0, 7.0, 9.0, 6.0])
    table = scripts.detector.leading(event, pt, pt, pt, count=3, keep=2)
    assert table[:, :, 0].tolist() == [[7.0, 0.0], [9.0, 6.0], [0.0, 0.0]]


def test_bending_keeps_soft_particles_out_of_the_barrel(scripts: SimpleNamespace) -> None:
    pt, eta = np.array([0.3, 50.0, 50.0]), np.array([0.5, 0.5, 0.5])
    eta_hit, phi_hit = scripts.generate.at_calorimeter(
        pt, eta, np.zeros(3), np.array([1.0, 1.0, 0.0])
    )
    assert eta_hit[0] > 1.5  # curled to the endcap
    assert eta_hit[1] == pytest.approx(0.5, abs=1e-3)
    assert -0.03 < phi_hit[1] < 0.0
    assert (eta_hit[2], phi_hit[2]) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.0, abs=1e-6))


def test_a_lone_tower_becomes_a_jet(scripts: SimpleNamespace) -> None:
    pytest.importorskip("fastjet")
    detector = scripts.detector
    towers = np.zeros((2, detector.TOWERS))
    towers[:, 60 * 72 + 10] = [50.0, 30.0]
    crossing, pt, eta, phi = detector.jets(towers, detector.DEFAULT)
    assert crossing.tolist() == [0, 1]
    assert pt == pytest.approx([50.0, 30.0])
    assert eta == pytest.approx(detector.TOWER_ETA[60])
    assert phi == pytest.approx(detector.TOWER_PHI[10])
