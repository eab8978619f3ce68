"""The embedded jets: five classes on declared grids, and what their features must look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aetrig.config.sources import JetsSource
from aetrig.data.dataset import Dataset
from aetrig.data.files import finder
from aetrig.data.jets import CLASSES, COLUMNS, SAMPLE, load
from aetrig.errors import UserError

FIND = finder(None, Path())


@pytest.fixture(scope="module")
def jets() -> Dataset:
    return load(JetsSource(source="jets"), FIND)


def physical(jets: Dataset, name: str, of: str) -> np.ndarray:
    column = [feature.name for feature in jets.features].index(name)
    kind = [process.name for process in jets.processes].index(of)
    return jets.x[jets.process == kind, column] * jets.features[column].grid.step


def test_sizes(jets: Dataset) -> None:
    assert len(jets.x) >= 100_000
    assert SAMPLE.stat().st_size <= 8_000_000
    assert len(jets.features) == 16
    counts = {p.name: int((jets.process == i).sum()) for i, p in enumerate(jets.processes)}
    assert set(counts) == set(CLASSES)
    assert len(set(counts.values())) == 1
    assert {process.role for process in jets.processes} == {"background"}


def test_the_grid_costs_little_and_nothing_saturates_but_a_tail(jets: Dataset) -> None:
    for i, feature in enumerate(jets.features):
        assert (jets.x[:, i] == feature.grid.high).mean() < 1e-3, feature.name
        assert len(np.unique(jets.x[:, i])) > 80, feature.name


def test_bosons_and_tops_have_their_masses(jets: Dataset) -> None:
    for kind, mass in (("w", 80.4), ("z", 91.2), ("t", 172.5)):
        found = physical(jets, "mass_mmdt", kind)
        histogram, edges = np.histogram(found, bins=np.arange(20, 300, 5.0))
        peak = edges[np.argmax(histogram)] + 2.5
        assert abs(peak - mass) < 8, kind


def test_gluons_have_more_constituents_than_quarks(jets: Dataset) -> None:
    gluon, quark = (physical(jets, "multiplicity", kind) for kind in "gq")
    assert gluon.mean() > quark.mean() + 10


def test_two_prongs_have_a_smaller_d2_than_one(jets: Dataset) -> None:
    assert np.median(physical(jets, "d2_b1_mmdt", "w")) < np.median(
        physical(jets, "d2_b1_mmdt", "g")
    )


def test_choices() -> None:
    chosen = JetsSource(source="jets", background=("q", "g"), features=("mass*", "n2*"))
    data = load(chosen.model_copy(update={"max_events": 500}), FIND)
    assert [feature.name for feature in data.features] == ["n2_b1_mmdt", "n2_b2_mmdt", "mass_mmdt"]
    roles = {process.name: process.role for process in data.processes}
    assert roles == {"g": "background", "q": "background"} | dict.fromkeys("twz", "signal")
    assert len(data.x) == 500
    with pytest.raises(UserError, match="no class 'b'; there are g, q"):
        load(JetsSource(source="jets", background=("b",)), FIND)
    with pytest.raises(UserError, match="match none of zlogz"):
        load(JetsSource(source="jets", features=("pt*",)), FIND)


def test_the_published_format_in_place_of_the_sample(tmp_path: Path) -> None:
    names = [column.name for column in COLUMNS]
    rng = np.random.default_rng(0)
    rows = rng.uniform(0.1, 0.2, (50, 16)).round(4)
    rows[:, names.index("mass_mmdt")] = rng.uniform(20, 180, 50).round(2)
    rows[:, names.index("multiplicity")] = rng.integers(10, 90, 50)
    lines = [
        f"{','.join(map(str, row))},{kind}" for row, kind in zip(rows, "gqtwz" * 10, strict=True)
    ]
    head = [f"@ATTRIBUTE {name} REAL" for name in names]
    path = tmp_path / "hlf.arff"
    path.write_text(
        "\n".join(
            [
                "% made up",
                "@RELATION jets",
                "",
                *head,
                "@ATTRIBUTE class {g,q,t,w,z}",
                "@DATA",
                *lines,
            ]
        )
    )
    source = JetsSource(source="jets", file=Path("hlf.arff"), background=("g", "q"))
    found = load(source, finder(None, tmp_path))
    assert [process.role for process in found.processes] == ["background"] * 2 + ["signal"] * 3
    column = names.index("multiplicity")
    assert found.x[:, column].tolist() == rows[:, column].tolist()
    path.write_text("@RELATION r\n@DATA\n1,2\n")
    with pytest.raises(UserError, match="not ARFF"):
        load(source, finder(None, tmp_path))
