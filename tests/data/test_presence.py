"""Which feature marks an object as padding, and that padding is zero in all of its features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.config.sources import Column
from aetrig.data.presence import markers, objects_of, pad, unmarked
from aetrig.errors import UserError

OBJECTS = {"Jet_eta[0]": ("Jet", 0), "Jet_pt[0]": ("Jet", 0), "Jet_pt[1]": ("Jet", 1),
           "Muon_pt[0]": ("Muon", 0)}  # fmt: skip
ETA = Column(name="eta", step=1, bits=8)
PT = Column(name="pt", step=1, bits=8, signed=False)


def test_the_last_object_of_each_collection_counts() -> None:
    assert objects_of(["MET_pt"], OBJECTS) == ()
    assert objects_of(["Jet_pt[1]", "Jet_eta[0]"], OBJECTS) == (("Jet", 1),)
    assert objects_of(["Muon_pt[0]", "Jet_pt[0]"], OBJECTS) == (("Jet", 0), ("Muon", 0))


def test_the_first_unsigned_feature_marks() -> None:
    jet, muon = (("Jet", 0),), (("Muon", 0),)
    assert markers([ETA, PT, PT, PT], [jet, jet, jet, ()]) == (1, 1, 1, None)
    assert markers([ETA, PT], [muon, jet]) == (None, 1)
    absent = np.array([[True, True], [False, False]])
    notes = unmarked([ETA, PT], absent, [muon, jet], (None, 1))
    assert len(notes) == 1
    assert "column 'eta': nothing marks an absent Muon[0]" in notes[0]
    assert not unmarked([ETA, PT], absent | True, [muon, jet], (None, 1))


@given(st.integers(0, 1000), st.floats(0, 1), st.integers(0, 2))
def test_padding_is_zero_and_the_rest_is_kept(seed: int, share: float, zeros: int) -> None:
    rng = np.random.default_rng(seed)
    there = rng.random(400) < share
    x = np.stack([rng.integers(-9, 9, 400), rng.integers(1, 9, 400)], axis=1).astype(np.int32)
    x[~there] = 0
    rounded = rng.choice(np.flatnonzero(there), zeros, replace=False) if there.sum() > 300 else []
    x[rounded, 1] = 0
    before = x.copy()
    notes = pad(x, np.stack([there, there], axis=1), (1, 1), (ETA, PT), "f")
    kept = x[:, 1] != 0
    np.testing.assert_array_equal(x[kept], before[kept])
    assert not x[~kept].any()
    assert kept.sum() == there.sum() - len(rounded)
    assert bool(notes) == bool(len(rounded))


def test_objects_that_are_there_must_not_be_zero_or_disagree() -> None:
    x, there = np.zeros((9, 2), dtype=np.int32), np.ones((9, 2), dtype=np.bool_)
    with pytest.raises(UserError, match="is zero on the grid for 9 of 9 objects"):
        pad(x, there, (1, 1), (ETA, PT), "f")
    there[3, 0] = False
    with pytest.raises(UserError, match="'pt' and 'eta' are of one collection"):
        pad(x, there, (1, 1), (ETA, PT), "f")
