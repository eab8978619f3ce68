"""ROOT files: events with padded objects or objects as rows, and one line for every fault."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.config.sources import TableSource
from aetrig.data.dataset import Dataset
from aetrig.data.load import load
from aetrig.data.root_file import Lists, read_tree
from aetrig.errors import MissingToolError, UserError

uproot = pytest.importorskip("uproot", reason="uproot is not installed: pip install 'aetrig[root]'")
ak = pytest.importorskip("awkward")

DATA = Path(os.environ.get("AETRIG_DATA", Path(__file__).parents[3] / "shared" / "data"))
PT = ak.Array([[50.0, 30.0], [], [20.0], [90.0, 80.0, 10.0], [25.0]])
ETA = ak.Array([[0.5, 0.0], [], [-1.0], [0.0, 2.0, 1.5], [-2.5]])
MUON = ak.Array([[7.0], [8.0], [], [], [9.0]])
MET = np.array([10.0, 20, 30, 40, 50])
PT_COLUMN = {"step": 0.5, "bits": 10, "signed": False, "unit": "GeV"}


def write(path: Path, kind: str = "TTree") -> Path:
    jets = ak.zip({"pt": PT, "eta": ETA})
    content = {
        "run": np.full(5, 7, dtype=np.uint32),
        "event": np.array([2**63, 11, 12, 13, 11], dtype=np.uint64),
        "MET.pt": MET,
        "Jet": jets,
        "Muon_pt": MUON,
        "cells": np.arange(10.0).reshape(5, 2),
    }
    with uproot.recreate(path) as file:
        if kind == "RNTuple":
            file["Events"] = {key.replace(".", "_"): value for key, value in content.items()}
            return path
        kinds = {
            key: "var * float64" if key == "Muon_pt" else jets.type.content
            if key == "Jet" else np.dtype((value.dtype, value.shape[1:]))
            for key, value in content.items()
        }  # fmt: skip
        file.mktree("Events", kinds).extend(content)
        file.mktree("Runs", {"run": np.dtype("u4")}).extend({"run": np.array([7], np.uint32)})
    return path


def source(columns: list[dict[str, Any]], **changes: Any) -> TableSource:
    made = [{"step": 0.01, "bits": 16} | column for column in columns]
    given = {"source": "table", "files": ["t.root"], "columns": made} | changes
    return TableSource.model_validate(given)


def fails(source: TableSource, base: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(source, base)
    assert "\n" not in str(caught.value)
    return str(caught.value)


EVENTS = [
    {"name": "met", "expression": "MET_pt", **PT_COLUMN},
    {"name": "jet0_pt", "expression": "Jet_pt[0]", **PT_COLUMN},
    {"name": "jet0_eta", "expression": "Jet_eta[0]"},
    {"name": "jet1_pt", "expression": "Jet_pt[1]", **PT_COLUMN},
    {"name": "deta", "expression": "Jet_eta[0] - Jet_eta[1]"},
    {"name": "jet0_log", "expression": "log10(Jet_pt[0])"},
]


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_events_with_padded_objects(tmp_path, kind):
    write(tmp_path / "t.root", kind)
    found = load(source(EVENTS), tmp_path)
    expected = [
        [20, 100, 50, 60, 50, 170],
        [40, 0, 0, 0, 0, 0],
        [60, 40, -100, 0, 0, 130],
        [80, 180, 0, 160, -200, 195],
        [100, 50, -250, 0, 0, 140],
    ]
    np.testing.assert_array_equal(found.x, expected)
    # deta needs both jets, so that the second marks it
    assert [feature.presence for feature in found.features] == [None, 1, 1, 3, 3, 1]
    np.testing.assert_array_equal(found.present()[:, 4], [True, False, False, True, False])
    np.testing.assert_array_equal(found.present()[:, 2], [True, False, True, True, True])
    assert not any("MET_pt" in note for note in found.notes)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_objects_as_rows(tmp_path, kind):
    write(tmp_path / "t.root", kind)
    columns = [
        {"name": "Jet_pt", **PT_COLUMN},
        {"name": "Jet_eta"},
        {"name": "met", "expression": "MET_pt", **PT_COLUMN},
        {"name": "of_first", "expression": "Jet_pt / Jet_pt[0]"},
        {"name": "muon", "expression": "Muon_pt[0]", **PT_COLUMN},
    ]
    found = load(source(columns, rows="Jet", split_by=["run", "event"]), tmp_path)
    np.testing.assert_array_equal(found.x[:, 0], 2 * ak.flatten(PT).to_numpy())
    np.testing.assert_array_equal(found.x[:, 1], np.rint(100 * ak.flatten(ETA).to_numpy()))
    np.testing.assert_array_equal(found.x[:, 2], [20, 20, 60, 80, 80, 80, 100])
    np.testing.assert_array_equal(found.x[:, 3], [100, 60, 100, 100, 89, 11, 100])
    np.testing.assert_array_equal(found.x[:, 4], [14, 14, 0, 0, 0, 0, 18])
    assert [feature.presence for feature in found.features] == [None, None, None, None, 4]
    assert found.event is not None
    _, event = np.unique(found.event, return_inverse=True)
    assert len({*event.tolist()}) == 4
    assert event[0] == event[1]
    assert event[3] == event[4] == event[5] != event[6]


def test_selections_count_absent_objects_as_zero_and_say_what_they_keep(tmp_path):
    write(tmp_path / "t.root")
    found = load(source(EVENTS, select="Jet_pt[1] > 20"), tmp_path)
    assert found.x[:, 1].tolist() == [100, 180]
    assert "select keeps 2 of 5 rows of t.root" in found.notes
    columns = [{"name": "Jet_pt", **PT_COLUMN}]
    cut = "Jet_pt > 20 and abs(Jet_eta) < 2.4"
    found = load(source(columns, rows="Jet", select=cut, max_events=4), tmp_path)
    assert found.x[:, 0].tolist() == [100, 60, 180, 160]
    assert "select keeps 4 of 6 Jet rows in 4 events of t.root" in found.notes


def test_max_events_stops_early_and_only_named_branches_are_read(tmp_path, monkeypatch):
    with uproot.recreate(tmp_path / "t.root") as file:
        tree = file.mktree("t", {"a": np.dtype("f8"), "b": np.dtype("f8")})
        for start in range(0, 1000, 100):
            tree.extend({"a": np.arange(start, start + 100.0), "b": np.zeros(100)})
    seen = []
    whole = uproot.models.TBasket.Model_TBasket.array
    monkeypatch.setattr(
        uproot.models.TBasket.Model_TBasket,
        "array",
        lambda basket, *rest, **named: (
            seen.append(basket.parent.name) or whole(basket, *rest, **named)
        ),
    )
    found = read_tree(tmp_path / "t.root", ["a"], None, 150)
    np.testing.assert_array_equal(found.columns["a"], np.arange(150.0))
    assert set(seen) <= {"a"}
    assert len(seen) <= 2


def test_labels_of_numbers_and_text(tmp_path):
    with uproot.recreate(tmp_path / "t.root") as file:
        file.mktree("t", {"x": np.dtype("f8"), "kind": np.dtype("i4")}).extend(
            {"x": np.arange(4.0), "kind": np.array([0, 1, 0, 1], np.int32)}
        )
        file["n"] = {"x": np.arange(3.0), "kind": ak.Array(["qcd", "w", "qcd"])}
    columns = [{"name": "x", "step": 1, "bits": 4}]
    found = load(source(columns, label="kind", background=["0"], tree="t"), tmp_path)
    assert [(p.name, p.role) for p in found.processes] == [("0", "background"), ("1", "signal")]
    found = load(source(columns, label="kind", background=["qcd"], tree="n"), tmp_path)
    assert [found.processes[i].name for i in found.process] == ["qcd", "w", "qcd"]
    write(tmp_path / "jets.root")
    columns = [{"name": "Jet_pt", **PT_COLUMN}]
    by_jet = {"files": ["jets.root"], "rows": "Jet", "label": "Jet_eta", "background": ["0.0"]}
    found = load(source(columns, **by_jet), tmp_path)
    assert [found.processes[i].name for i in found.process][:3] == ["0.5", "0.0", "-1.0"]
    columns = [{"name": "x", "step": 1, "bits": 4}]
    assert "several trees (t, n); name one with data.tree" in fails(source(columns), tmp_path)


@pytest.mark.parametrize(
    ("column", "changes", "message"),
    [
        ("Jet_ptt[0]", {}, "no column 'Jet_ptt' among 9 columns"),
        ("Jet_ptt[0]", {}, "did you mean 'Jet_pt'?"),
        ("Jet_pt", {}, "holds a list an event; take one of it, as in Jet_pt[0]"),
        ("Jet_pt", {}, "data.rows: Jet"),
        ("MET_pt[0]", {}, "leave the index out"),
        ("Muon_pt", {"rows": "Jet"}, "no column takes a list of that collection"),
        ("Jet_pt + Muon_pt", {"rows": "Jet"}, "branch 'Muon_pt' holds a list an event"),
        ("Jet_pt", {"rows": "Jets"}, "such as Jets_pt; did you mean 'Jet'?"),
        ("MET_pt", {"tree": "Event"}, "no tree 'Event'; it has Events, Runs; did you mean"),
        ("cells", {}, "branch 'cells' holds a list an event"),
        ("cells[2]", {}, "branch 'cells' is an array of 2, counted from 0"),
        ("MET_pt", {"select": "MET_pt > 1000"}, "keeps none of 5 rows"),
        ("Jet_pt[-1]", {}, "not taken"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, column, changes, message):
    write(tmp_path / "t.root")
    assert message in fails(source([{"name": "x", "expression": column}], **changes), tmp_path)


def test_options_of_root_files_are_for_root_files() -> None:
    for key in ("tree", "rows"):
        with pytest.raises(ValueError, match=f"'{key}' is for ROOT files, and 't.csv' is none"):
            source([{"name": "x"}], files=["t.root", "t.csv"], **{key: "Jet"})


def test_nothing_marks_what_has_only_signed_features(tmp_path):
    write(tmp_path / "t.root")
    found = load(source([{"name": "eta", "expression": "Jet_eta[0]"}]), tmp_path)
    assert found.features[0].presence is None
    assert any("nothing marks an absent Jet[0]" in note for note in found.notes)


def test_arrays_of_fixed_length_are_no_objects(tmp_path):
    write(tmp_path / "t.root")
    columns = [{"name": f"cell{i}", "expression": f"cells[{i}]", **PT_COLUMN} for i in (0, 1)]
    found = load(source(columns), tmp_path)
    np.testing.assert_array_equal(found.x, 2 * np.arange(10).reshape(5, 2))
    assert [feature.presence for feature in found.features] == [None, None]


def test_files_whose_lists_differ_in_kind(tmp_path):
    write(tmp_path / "t.root")
    with uproot.recreate(tmp_path / "u.root") as file:
        file.mktree("Events", {"Jet_pt": np.dtype("(2,)f8")}).extend({"Jet_pt": np.ones((3, 2))})
    columns = [{"name": "pt", "expression": "Jet_pt[0]", **PT_COLUMN}]
    text = fails(source(columns, files=["t.root", "u.root"]), tmp_path)
    assert "u.root: its lists are of other collections, or of fixed lengths, than" in text


def test_a_mark_that_is_zero_for_objects_that_are_there(tmp_path):
    pt = [[0.1]] + [[40.0 + i] for i in range(150)]
    with uproot.recreate(tmp_path / "t.root") as file:
        file.mktree("t", {"Jet_pt": "var * float64", "Jet_eta": "var * float64"}).extend(
            {"Jet_pt": ak.Array(pt), "Jet_eta": ak.Array([[1.0]] * 151)}
        )
    columns = [
        {"name": "eta", "expression": "Jet_eta[0]"},
        {"name": "pt", "expression": "Jet_pt[0]", **PT_COLUMN},
    ]
    # two counters, njet_pt and nJet_eta: of no common collection by their names
    assert [f.presence for f in load(source(columns), tmp_path).features] == [None, 1]
    found = load(source(columns[1:]), tmp_path)
    assert found.x[0].tolist() == [0]
    assert any("is zero on the grid for 1 of 151 objects" in note for note in found.notes)
    assert "come first" in fails(source(columns[1:], select="Jet_pt[0] < 60"), tmp_path)


def test_files_that_are_no_root_file_or_have_no_tree(tmp_path):
    (tmp_path / "t.root").write_text("pt\n1\n")
    assert "expected ROOT by its name, found text" in fails(source(EVENTS), tmp_path)
    with uproot.recreate(tmp_path / "t.root") as file:
        file["note"] = "hello"
    assert "no TTree or RNTuple among note" in fails(source(EVENTS), tmp_path)
    with uproot.recreate(tmp_path / "t.root") as file:
        file.mktree("t", {"x": np.dtype("f8")})
    assert "the tree has no events" in fails(source([{"name": "x"}]), tmp_path)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_a_file_cut_anywhere(tmp_path, kind):
    whole = write(tmp_path / "t.root", kind).read_bytes()
    for length in range(8, len(whole), len(whole) // 25):
        (tmp_path / "t.root").write_bytes(whole[:length])
        assert "truncated or damaged ROOT file" in fails(source(EVENTS), tmp_path)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_damage_is_one_line_or_harmless(tmp_path, kind):
    whole = write(tmp_path / "t.root", kind).read_bytes()
    rng = np.random.default_rng(8)
    for _ in range(15):
        content = np.frombuffer(whole, np.uint8).copy()
        content[rng.integers(len(whole), size=4)] = rng.integers(256, size=4)
        (tmp_path / "t.root").write_bytes(content.tobytes())
        with suppress(UserError):  # anything else fails the test
            load(source(EVENTS), tmp_path)


def test_without_uproot(tmp_path, monkeypatch):
    write(tmp_path / "t.root")
    monkeypatch.setitem(sys.modules, "uproot", None)
    with pytest.raises(MissingToolError, match=r"pip install 'aetrig\[root\]'"):
        load(source(EVENTS), tmp_path)


@given(st.lists(st.lists(st.integers(-100, 100), max_size=5), max_size=20), st.integers(0, 6))
def test_padding_is_zero_exactly_where_a_list_is_too_short(events, index):
    lists = Lists(
        np.array([value for event in events for value in event], dtype=np.int32),
        np.array([len(event) for event in events], dtype=np.int64),
    )
    values, present = lists.at(index)
    assert present.tolist() == [len(event) > index for event in events]
    assert values.tolist() == [event[index] if len(event) > index else 0 for event in events]


def real(name: str, **changes: Any) -> Dataset:
    if not (DATA / name).exists():
        pytest.skip(f"{name} not found in {DATA}; set AETRIG_DATA to its folder")
    return load(source(**changes, files=[name], folder=str(DATA)), DATA)


def test_the_real_higgs_events():
    columns = [
        {"name": f"jet{i}_pt", "expression": f"hypot(Jet_Px[{i}], Jet_Py[{i}])",
         "step": 0.5, "bits": 12, "signed": False}
        for i in range(2)
    ] + [{"name": "jet1_z", "expression": "Jet_Pz[1]", "step": 1, "bits": 12}]  # fmt: skip
    found = real("uproot-HZZ.root", columns=columns, select="NJet >= 1 and triggerIsoMu24")
    with uproot.open(DATA / "uproot-HZZ.root") as file:
        events = file["events"].arrays(["NJet", "Jet_Px", "Jet_Py", "Jet_Pz", "triggerIsoMu24"])
    events = events[(events.NJet >= 1) & events.triggerIsoMu24]
    exact = np.hypot(events.Jet_Px, events.Jet_Py)
    for i in range(2):
        padded = ak.fill_none(ak.pad_none(exact, 2)[:, i], 0).to_numpy()
        np.testing.assert_array_equal(found.x[:, i], np.rint(padded.astype(np.float64) * 2))
    np.testing.assert_array_equal(found.present()[:, 2], events.NJet.to_numpy() > 1)
    np.testing.assert_array_equal(found.x[:, 2] != 0, found.x[:, 2] * found.present()[:, 2] != 0)
    assert [feature.presence for feature in found.features] == [0, 1, 1]
    assert f"select keeps {len(events)} of 2421 rows of uproot-HZZ.root" in found.notes


def test_the_real_nanoaod_jets():
    columns = [{"name": "Jet_pt", **PT_COLUMN, "bits": 12}, {"name": "Jet_phi"}]
    name = "nanoAOD_2015_CMS_Open_Data_ttbar.root"
    identity = ["run", "luminosityBlock", "event"]
    found = real(name, columns=columns, rows="Jet", split_by=identity)
    with uproot.open(DATA / name) as file:
        events = file["Events"].arrays(["Jet_pt", "Jet_phi", "event"])
    np.testing.assert_array_equal(
        found.x[:, 0], np.rint(ak.flatten(events.Jet_pt).to_numpy().astype(np.float64) * 2)
    )
    assert found.event is not None
    with_jets = np.count_nonzero(ak.num(events.Jet_pt))
    assert len(np.unique(found.event)) == with_jets
