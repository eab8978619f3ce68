"""The files behind a data set: found by the config's names, and by where they were."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aetrig.config.sources import Adc2021Source, Column, JetsSource, L1Source, TableSource
from aetrig.data.origin import here, origin


def table(*names: str) -> TableSource:
    column = Column(name="a", step=1, bits=8)
    return TableSource(source="table", files=tuple(map(Path, names)), columns=(column,))


def test_each_file_is_named_as_in_the_config(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    found = origin(table("a.csv", "b.csv"), tmp_path)
    assert list(found) == ["a.csv", "b.csv"]
    assert found["b.csv"] == {
        "bytes": 5,
        "sha256": hashlib.sha256(b"b.csv").hexdigest(),
        "path": str(tmp_path / "b.csv"),
    }
    source = Adc2021Source(
        source="adc2021", background=(Path("a.csv"),), signals={"x": Path("b.csv")}
    )
    assert origin(source, tmp_path) == found


@pytest.mark.parametrize(
    ("source", "name"), [(L1Source(), "l1.parquet"), (JetsSource(source="jets"), "jets.parquet")]
)
def test_embedded_samples_have_no_path(source: L1Source | JetsSource, name: str) -> None:
    ((key, recorded),) = origin(source, Path.cwd()).items()
    assert key == f"aetrig:{name}"
    assert set(recorded) == {"bytes", "sha256"}
    assert here(key, recorded, source, []) is not None
    assert here("aetrig:../../none.parquet", recorded, source, []) is None


def test_a_file_is_looked_for_where_it_was_and_where_the_config_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AETRIG_DATA", raising=False)
    path = tmp_path / "was" / "a.csv"
    path.parent.mkdir()
    path.write_text("1", encoding="utf-8")
    source = table("a.csv")
    recorded = origin(source, path.parent)["a.csv"]
    assert here("a.csv", recorded, source, []) == path
    now = tmp_path / "now"
    path.parent.rename(now)
    assert here("a.csv", recorded, source, []) is None
    assert here("a.csv", recorded, source, [now]) == now / "a.csv"
    # a name that the config has not is not looked for, wherever the record points
    assert here("b.csv", {"path": str(now / "a.csv")}, source, [now]) is None
