"""Tables of every format onto the grid, and one line for every fault of a file."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from aetrig.config import load as load_config
from aetrig.config.model import Scaling
from aetrig.config.sources import TableSource
from aetrig.data.dataset import Process
from aetrig.data.load import load
from aetrig.data.scaling import fit_scaling
from aetrig.errors import UserError

ROWS = 200
ENDINGS = ("parquet", "csv", "h5", "pkl", "arrow", "npz")


def frame(label: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    content = {
        "pt": rng.integers(0, 100, ROWS) / 4 + 1,
        "eta": rng.normal(0, 1, ROWS),
        "n": np.arange(ROWS) % 7,
    }
    if label:
        content["kind"] = np.arange(ROWS) % 3
    return pd.DataFrame(content)


def write(path: Path, table: pd.DataFrame) -> Path:
    match path.suffix:
        case ".parquet":
            table.to_parquet(path)
        case ".csv":
            table.to_csv(path, index=False)
        case ".pkl":
            table.to_pickle(path)
        case ".arrow":
            table.to_feather(path)
        case ".npz":
            columns = {name: table[name].to_numpy() for name in table.columns}
            np.savez_compressed(path, **columns)
        case ".h5":
            with h5py.File(path, "w") as file:
                for name in table.columns:
                    file.create_dataset(name, data=table[name].to_numpy())
    return path


def source(*files: Path | str, **changes: object) -> TableSource:
    content: dict[str, object] = {
        "source": "table",
        "files": [str(file) for file in files],
        "columns": [
            {"name": "pt", "step": 0.25, "bits": 8, "signed": False, "unit": "GeV"},
            {"name": "eta", "step": 0.01, "bits": 10},
            {"name": "n", "step": 1, "bits": 4},
        ],
    }
    return TableSource.model_validate(content | changes)


def fails(source: TableSource, base: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(source, base)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_integers(tmp_path, ending):
    table = frame()
    write(tmp_path / f"t.{ending}", table)
    found = load(source(f"t.{ending}"), tmp_path)
    assert found.x.dtype == np.int32
    np.testing.assert_array_equal(found.x[:, 0], table["pt"] * 4)
    np.testing.assert_array_equal(found.x[:, 1], np.rint(table["eta"] / 0.01))
    np.testing.assert_array_equal(found.x[:, 2], table["n"])
    assert found.processes == (Process("data", "background"),)
    assert (found.split == -1).all()
    assert found.present().all()
    assert [f.grid.unit for f in found.features] == ["GeV", "1", "1"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_labels_become_processes(tmp_path, ending):
    write(tmp_path / f"t.{ending}", frame(label=True))
    found = load(source(f"t.{ending}", label="kind", background=["0", "2"]), tmp_path)
    roles = {process.name: process.role for process in found.processes}
    assert roles == {"0": "background", "1": "signal", "2": "background"}
    assert [found.processes[i].name for i in found.process[:4]] == ["0", "1", "2", "0"]
    text = fails(source(f"t.{ending}", label="kind", background=["9"]), tmp_path)
    assert "no row has the label '9'; column 'kind' has 0, 1, 2" in text


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_labels_may_be_text_and_must_not_be_empty(tmp_path, ending):
    table = frame()
    table["kind"] = ["w", "qcd"] * (ROWS // 2)
    write(tmp_path / f"t.{ending}", table)
    chosen = source(f"t.{ending}", label="kind", background=["qcd"])
    assert load(chosen, tmp_path).processes == (
        Process("qcd", "background"),
        Process("w", "signal"),
    )
    assert "did you mean 'qcd'" in fails(
        source(f"t.{ending}", label="kind", background=["qdc"]), tmp_path
    )
    table.loc[5, "kind"] = None
    write(tmp_path / f"t.{ending}", table)
    assert "label column 'kind' is empty in 1 rows, the first is row 5" in fails(chosen, tmp_path)


def test_validation_files_are_the_split_and_max_events_is_for_each_file(tmp_path):
    write(tmp_path / "a.csv", frame())
    write(tmp_path / "b.parquet", frame())
    found = load(source("a.csv", validation_files=["b.parquet"], max_events=30), tmp_path)
    assert found.split.tolist() == [0] * 30 + [1] * 30
    np.testing.assert_array_equal(found.x[:30], found.x[30:])


@pytest.mark.parametrize("layout", ["group", "compound", "matrix"])
def test_other_layouts_of_hdf5(tmp_path, layout):
    table = frame()
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["elsewhere/pt"] = np.zeros(3)
        if layout == "group":
            for name in table.columns:
                file[f"jets/{name}"] = table[name].to_numpy()
        elif layout == "compound":
            file["jets"] = table.to_records(index=False)
        else:
            file["jets"] = table.to_numpy(dtype=float)
            file["jets"].attrs["columns"] = list(table.columns)
    found = load(source("t.h5"), tmp_path)
    np.testing.assert_array_equal(found.x[:, 0], table["pt"] * 4)
    np.testing.assert_array_equal(found.x[:, 2], table["n"])


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_file(tmp_path, ending, monkeypatch):
    monkeypatch.setenv("AETRIG_DATA", "/no/such/folder")
    text = fails(source(f"t.{ending}"), tmp_path)
    assert text.startswith(f"data file 't.{ending}' not found; looked in /no/such/folder, ")
    assert str(tmp_path) in text
    assert str(Path.cwd()) in text


@pytest.mark.parametrize("ending", ENDINGS)
def test_empty_file(tmp_path, ending):
    (tmp_path / f"t.{ending}").touch()
    assert f"t.{ending} is empty (0 bytes)" in fails(source(f"t.{ending}"), tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_table_without_rows(tmp_path, ending):
    write(tmp_path / f"t.{ending}", frame().iloc[:0])
    assert "no rows" in fails(source(f"t.{ending}"), tmp_path)


@pytest.mark.parametrize("ending", ["parquet", "h5", "pkl", "arrow", "npz"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_truncated_file(tmp_path, ending, share):
    path = write(tmp_path / f"t.{ending}", frame())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "truncated" in fails(source(f"t.{ending}"), tmp_path)


def test_csv_cut_in_a_row(tmp_path):
    path = write(tmp_path / "t.csv", frame())
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:50]) + "\n" + lines[50].split(",")[0])
    text = fails(source("t.csv"), tmp_path)
    assert "Expected 3 columns, got 1" in text


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("real", ENDINGS)
def test_wrong_format(tmp_path, ending, real):
    if real == ending:
        return
    write(tmp_path / f"t.{real}", frame()).rename(tmp_path / f"t.{ending}")
    kinds = {
        "parquet": "Parquet", "csv": "text", "h5": "HDF5", "pkl": "pickle", "arrow": "Arrow",
        "npz": "zip",
    }  # fmt: skip
    text = fails(source(f"t.{ending}"), tmp_path)
    assert f"expected {kinds[ending]} by its name, found {kinds[real]}" in text


def test_unknown_ending_and_folder(tmp_path):
    (tmp_path / "t.rut").write_bytes(b"root....")
    assert "unknown kind of table '.rut' (content: ROOT)" in fails(source("t.rut"), tmp_path)
    (tmp_path / "t.csv").mkdir()
    assert "a folder, expected a file" in fails(source("t.csv"), tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_column(tmp_path, ending):
    write(tmp_path / f"t.{ending}", frame().rename(columns={"eta": "Eta"}))
    text = fails(source(f"t.{ending}"), tmp_path)
    assert "no column 'eta' among 3 columns" in text
    assert "did you mean 'Eta'?" in text


def test_column_named_twice_in_a_csv(tmp_path):
    (tmp_path / "t.csv").write_text("pt,eta,n,pt\n1,2,3,4\n")
    assert "column 'pt' occurs twice" in fails(source("t.csv"), tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(tmp_path, ending, bad):
    table = frame()
    table.loc[[17, 40], "eta"] = bad
    write(tmp_path / f"t.{ending}", table)
    text = fails(source(f"t.{ending}"), tmp_path)
    assert "column 'eta' has 2 values that are not finite numbers, the first in row 17" in text
    assert ("NaN" if np.isnan(bad) else "infinity") in text


def test_rows_are_counted_in_the_file_also_behind_a_selection(tmp_path):
    table = frame()
    table.loc[[17, 40], "eta"] = np.nan
    write(tmp_path / "t.csv", table)
    text = fails(source("t.csv", select="n == 5"), tmp_path)  # rows 5, 12 ... 40 ...
    assert "has 1 values that are not finite numbers, the first in row 40" in text


@pytest.mark.parametrize("ending", ["parquet", "csv", "pkl"])
def test_text_where_numbers_should_be(tmp_path, ending):
    table = frame().astype({"eta": object})
    table["eta"] = table["eta"].astype(str)
    table.loc[3, "eta"] = "high"
    write(tmp_path / f"t.{ending}", table)
    text = fails(source(f"t.{ending}"), tmp_path)
    assert "'eta'" in text or "'high'" in text


def test_columns_of_different_length(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["pt"], file["eta"], file["n"] = np.ones(3), np.ones(4), np.ones(3)
    assert "columns differ in length" in fails(source("t.h5"), tmp_path)


def test_pandas_hdf5_is_named(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_group("df").attrs["pandas_type"] = "frame"
    assert "written by pandas to_hdf" in fails(source("t.h5"), tmp_path)


def test_the_bomb_is_refused_through_the_front_door(tmp_path):
    (tmp_path / "t.pkl").write_bytes(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.")
    assert "refers to 'posix.system'" in fails(source("t.pkl"), tmp_path)


def test_the_real_jets(real_data):
    config = load_config(
        Path(__file__).parents[2] / "configs" / "atlas-jets.yaml", [f"data.folder={real_data}"]
    )
    found = load(config.data, Path.cwd())
    assert found.x.shape == (139_723, 4)
    assert ((found.split == 0).sum(), (found.split == 1).sum()) == (111_778, 27_945)
    jets = pd.read_pickle(real_data / "all_jets_train_4D_100_percent.pkl")  # noqa: S301
    exact = np.log10(0.001 * jets["pt"].to_numpy())
    assert np.abs(found.x[:111_778, 1] * 0.0005 - exact).max() <= 0.00025 + 1e-12
    assert [f.name for f in found.features] == ["m", "pt", "phi", "eta"]
    assert "host preprocessing, not in firmware: 'pt' is log10(0.001 * pt)" in found.notes
    assert not [note for note in found.notes if "saturated" in note]
    assert found.notes[-1].startswith("rounding to the grid, rms in units of each feature's")


def test_the_real_jets_do_not_fit_a_narrow_grid(real_data):
    narrow = source(
        "all_jets_test_4D_100_percent.pkl",
        folder=str(real_data),
        columns=[{"name": "pt", "scale": 0.001, "step": 0.5, "bits": 8, "signed": False}],
    )
    assert "lie beyond the grid's 0 to 127.5" in fails(narrow, Path.cwd())


def test_real_csv_with_other_columns(real_data):
    columns = [{"name": "pt1", "step": 0.5, "bits": 9}, {"name": "eta1", "step": 0.02, "bits": 9}]
    chosen = source("Zee_Run2011A.csv", folder=str(real_data), columns=columns)
    chosen = chosen.model_copy(update={"label": "type1", "background": ("EB",)})
    found = load(chosen, Path.cwd())
    assert len(found.x) == 18_885
    assert [(p.name, p.role) for p in found.processes] == [("EB", "background"), ("EE", "signal")]


@pytest.mark.parametrize("given_folder", [True, False])
def test_where_files_are_looked_for(tmp_path, monkeypatch, given_folder):
    folders = {name: tmp_path / name for name in ("variable", "base", "cwd", "folder")}
    for number, folder in enumerate(folders.values()):
        folder.mkdir()
        write(folder / "t.csv", frame().iloc[: 10 + number])
    monkeypatch.setenv("AETRIG_DATA", str(folders["variable"]))
    monkeypatch.chdir(folders["cwd"])
    if given_folder:
        relative = os.path.relpath(folders["folder"], folders["cwd"])
        assert len(load(source("t.csv", folder=relative), folders["base"]).x) == 13
        assert len(load(source("t.csv", folder=str(folders["folder"])), folders["base"]).x) == 13
        (folders["folder"] / "t.csv").unlink()
        assert "not found" in fails(source("t.csv", folder=relative), folders["base"])
        return
    for number, name in enumerate(("variable", "base", "cwd")):
        assert len(load(source("t.csv"), folders["base"]).x) == 10 + number
        (folders[name] / "t.csv").unlink()
    assert "looked in" in fails(source("t.csv"), folders["base"])
    assert len(load(source(folders["folder"] / "t.csv"), folders["base"]).x) == 13


def test_expressions_selection_and_units(tmp_path):
    table = frame()
    write(tmp_path / "t.parquet", table)
    columns = [
        {"name": "ratio", "expression": "pt / (abs(eta) + 1)", "step": 2.0**-6, "bits": 14},
        {"name": "pt", "transform": "log10", "scale": 2.0, "add": 3.0, "subtract": 0.5,
         "divide": 4.0, "step": 2.0**-10, "bits": 14},
    ]  # fmt: skip
    data = load(source("t.parquet", columns=columns, select="eta > 0"), tmp_path)
    kept = table[table.eta > 0]
    assert len(data.x) == len(kept) < len(table)
    np.testing.assert_array_equal(data.x[:, 0], np.rint(kept.pt / (abs(kept.eta) + 1) * 64))
    exact = (np.log10(2 * kept.pt + 3) - 0.5) / 4
    np.testing.assert_array_equal(data.x[:, 1], np.rint(exact * 1024))
    assert any("(log10(2 * pt + 3) - 0.5) / 4" in note for note in data.notes)
    rows, unit = np.arange(len(data.x)), Scaling(kind="unit")
    scaling = fit_scaling(data, rows, unit)
    assert scaling.shift.tolist() == [6, 10]
    assert not scaling.offset.any()
    assert f"select keeps {len(kept)} of {ROWS} rows of t.parquet" in data.notes
    first = load(source("t.parquet", columns=columns, select="eta > 0", max_events=50), tmp_path)
    np.testing.assert_array_equal(first.x, data.x[: (table.eta[:50] > 0).sum()])
    columns[0]["step"] = 0.3
    with pytest.raises(UserError, match=r"no power of two; use 0\.25"):
        fit_scaling(load(source("t.parquet", columns=columns), tmp_path), rows, unit)
