"""ROOT files: ranges of events, padded objects, and objects as rows, as in training."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from aetrig.config.sources import TableSource
from aetrig.data.load import load
from aetrig.errors import UserError
from aetrig.run import Run
from aetrig.score import blocks
from aetrig.score.stage import score
from score.cluster import Cluster
from score.files import bits, expected, scored

uproot = pytest.importorskip("uproot", reason="uproot is not installed: pip install 'aetrig[root]'")
ak = pytest.importorskip("awkward")
EVENTS = 3000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, EVENTS)
    jets = {"pt": rng.uniform(1, 900, counts.sum()), "eta": rng.uniform(-5, 5, counts.sum())}
    path = tmp_path_factory.mktemp("root") / "events.root"
    made = ak.zip({name: ak.unflatten(values, counts) for name, values in jets.items()})
    with uproot.recreate(path) as target:
        target["Events"] = {"met": rng.uniform(-500, 500, EVENTS), "Jet": made}
    return path


def columns(*names: str) -> list[dict[str, object]]:
    made = []
    for i, name in enumerate(names):
        step = 0.01 if "eta" in name else 0.5
        made.append({"name": name, "step": step, "bits": 12, "signed": i % 2 == 0})
    return made


def run_of(table: Run, folder: Path, data: dict[str, object]) -> Run:
    run = Run(folder / "run")
    shutil.copytree(table.path, run.path)
    (run / "config.yaml").write_text(yaml.safe_dump({"name": "root", "data": data}))
    return run


@pytest.mark.parametrize("kind", ["events", "objects"])
def test_the_same_integers_as_in_training(
    kind: str, table: Run, cluster: Cluster, file: Path, tmp_path: Path
) -> None:
    data = {"source": "table", "files": [str(file)]}
    if kind == "events":
        given = columns("met", "Jet_pt[0]", "Jet_eta[0]", "Jet_pt[1]", "Jet_eta[1]", "Jet_pt[2]")
        data |= {"columns": given, "select": "met > -400"}
    else:
        given = columns("met", "Jet_pt", "Jet_eta", "a", "b", "c")
        for column, text in zip(
            given[3:], ("Jet_pt / 2", "Jet_eta * 2", "Jet_pt / 3"), strict=True
        ):
            column["expression"] = text
        data |= {"columns": given, "rows": "Jet"}
    run = run_of(table, tmp_path, data)
    x = load(TableSource.model_validate(data), tmp_path).x
    result = score(run, [file], tmp_path / "out", scheduler=cluster.address, chunk=1300)
    found, (scores, accept) = scored(tmp_path / "out"), expected(run, x)
    np.testing.assert_array_equal(found.column("score").to_numpy(), scores)
    np.testing.assert_array_equal(bits(found), accept)
    assert result.partitions == (3 if kind == "events" else 1)
    assert np.all(np.diff(found.column("row").to_numpy()) > 0)


def test_blocks_of_a_tree_follow_one_another(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = blocks.Part(file, 0, None, None, None, None, "Jet")
    whole = next(blocks.blocks(part, ["met", "Jet_pt"], integers=False))
    monkeypatch.setattr(blocks, "EVENTS", 700)
    pieces = list(blocks.blocks(part, ["met", "Jet_pt"], integers=False))
    assert len(pieces) == 5
    for name in ("met", "Jet_pt"):
        joined = np.concatenate([piece.columns[name] for piece in pieces])
        np.testing.assert_array_equal(joined, whole.columns[name])
    assert [piece.first for piece in pieces] == [0, *np.cumsum([len(p) for p in pieces[:-1]])]


def test_a_missing_branch_is_named_before_anything_is_written(
    table: Run, cluster: Cluster, file: Path, tmp_path: Path
) -> None:
    given = columns("met", "Jet_pt[0]", "Jet_eta[0]", "Jet_pt[1]", "Jet_eta[1]", "Jet_mass[2]")
    run = run_of(table, tmp_path, {"source": "table", "files": [str(file)], "columns": given})
    with pytest.raises(UserError, match="no column 'Jet_mass'"):
        score(run, [file], tmp_path / "out", scheduler=cluster.address)
    assert not (tmp_path / "out").exists()
