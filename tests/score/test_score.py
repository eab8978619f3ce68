"""`aetrig score`: every row's score and bits, integers summed once, and whole files alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from aetrig.cli.score import command
from aetrig.config.model import TriggerOptions
from aetrig.errors import UserError
from aetrig.physics.trigger_rate import rate_above
from aetrig.run import Run
from aetrig.score.plan import _together
from aetrig.score.stage import ScoreResult, score
from score.cluster import Cluster
from score.files import bits, expected, partitions, scored, write_integers


@pytest.fixture
def call(hardware: Run, cluster: Cluster, tmp_path: Path):
    def run_it(files: list[Path], run: Run = hardware, **options: object) -> ScoreResult:
        given = {"out": tmp_path / "out", "chunk": 1000, "scheduler": cluster.address} | options
        return score(run, files, **given)

    return run_it


@pytest.fixture
def two(hardware: Run, tmp_path: Path) -> tuple[list[Path], np.ndarray]:
    """Two files of 2300 and 700 rows, one of 16-bit and one of 64-bit integers."""
    files = [tmp_path / "a.parquet", tmp_path / "b.pq"]
    first = write_integers(hardware, files[0], 2300, 1)
    return files, np.concatenate([first, write_integers(hardware, files[1], 700, 2, "int64")])


def test_every_row_has_the_programs_score_and_bits(
    call, two, hardware: Run, tmp_path: Path
) -> None:
    files, x = two
    result = call(files)
    found, (scores, accept) = scored(tmp_path / "out"), expected(hardware, x)
    np.testing.assert_array_equal(found.column("score").to_numpy(), scores)
    np.testing.assert_array_equal(bits(found), accept)
    np.testing.assert_array_equal(found.column("file").to_numpy(), [0] * 2300 + [1] * 700)
    np.testing.assert_array_equal(found.column("row").to_numpy(), [*range(2300), *range(700)])
    assert [pq.read_metadata(path).num_rows for path in partitions(tmp_path / "out")] == [
        1000, 1000, 300, 700,
    ]  # fmt: skip
    assert 0 < accept.sum() < accept.size
    assert result.by_label == {"": [3000, *accept.sum(axis=0).tolist()]}
    assert [item.accepted for item in result.whole] == accept.sum(axis=0).tolist()
    assert result.whole[0].rate is None
    record = json.loads((tmp_path / "out" / "score.json").read_text())
    assert record["counts"][""]["events"] == record["rows"] == 3000
    assert len(list((tmp_path / "out" / "partitions").iterdir())) == 4
    assert len(pd.read_parquet(tmp_path / "out" / "partitions")) == 3000


def test_crossings_have_the_triggers_rate(call, two, hardware: Run) -> None:
    files, x = two
    options = TriggerOptions()
    result = call(files, minbias=True)
    scores, _ = expected(hardware, x)
    weight = np.full(len(x), options.crossing_rate / len(x))
    points = json.loads((hardware / "emulator.json").read_text())  # the run has no trigger.json
    assert points["trigger"]
    for item in result.whole:
        threshold = np.sort(scores)[-item.accepted - 1]
        wanted = rate_above(scores, weight, threshold)
        assert item.rate is not None
        assert item.rate.accepted == wanted.accepted
        assert item.rate.rate == pytest.approx(wanted.rate, rel=1e-12)
        assert item.rate.error == pytest.approx(wanted.error, rel=1e-12)


def test_none_accepted_has_an_upper_limit(call, hardware: Run, tmp_path: Path) -> None:
    x = write_integers(hardware, tmp_path / "all.parquet", 4000, 3)
    scores, _ = expected(hardware, x)
    low = x[scores == scores.min()][:1]
    columns = {f"f{i}": low[:, i].astype(np.int16) for i in range(6)}
    pq.write_table(pa.table(columns), tmp_path / "low.parquet")
    tight = call([tmp_path / "low.parquet"], minbias=True).whole[1]
    assert (tight.accepted, tight.rate.rate) == (0, 0.0)
    assert tight.rate.error == pytest.approx(1.841 * TriggerOptions().crossing_rate, rel=1e-3)


def test_resumes_without_doing_anything_twice(call, two, tmp_path: Path) -> None:
    files, _ = two
    whole = call(files)
    paths = partitions(tmp_path / "out")
    paths[1].unlink()
    paths[2].write_bytes(paths[2].read_bytes()[:-9])  # as after a power failure
    before = {path: path.stat().st_mtime_ns for path in (paths[0], paths[3])}
    again = call(files)
    assert (again.kept, again.scored, again.partitions) == (2, 1300, 4)
    assert again.by_label == whole.by_label
    assert before == {path: path.stat().st_mtime_ns for path in before}
    last = call(files)
    assert (last.kept, last.scored) == (4, 0)
    assert last.by_label == whole.by_label
    assert "is up to date" in last.summary()


def test_files_may_be_added_behind(call, two, hardware: Run, tmp_path: Path) -> None:
    files, x = two
    call(files)
    more = write_integers(hardware, tmp_path / "c.parquet", 600, 9)
    found = call([*files, tmp_path / "c.parquet"])
    assert (found.kept, found.scored) == (4, 600)
    _, accept = expected(hardware, np.concatenate([x, more]))
    assert found.by_label[""] == [3600, *accept.sum(axis=0).tolist()]


@pytest.mark.parametrize("change", ["chunk", "fewer files", "a changed file"])
def test_partitions_of_other_inputs_are_not_mixed(call, two, change, hardware, tmp_path) -> None:
    files, x = two
    call(files)
    options = {"chunk": 500} if change == "chunk" else {}
    if change == "fewer files":
        files, x = files[:1], x[:2300]
    if change == "a changed file":
        x = np.concatenate([x[:2300], write_integers(hardware, files[1], 700, 5)])
    with pytest.raises(UserError, match=r"was made of other files, .* --force"):
        call(files, **options)
    again = call(files, force=True, **options)
    _, accept = expected(hardware, x)
    assert again.by_label[""] == [len(x), *accept.sum(axis=0).tolist()]
    assert sum(pq.read_metadata(path).num_rows for path in partitions(tmp_path / "out")) == len(x)


def test_tables_are_read_as_in_training(call, table: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    count = 2000
    frame = pd.DataFrame({f"f{i}": rng.uniform(-400, 400, count) for i in (0, 3, 4, 5)})
    frame[["f3", "f5"]] = frame[["f3", "f5"]].abs()
    frame["f2"] = rng.uniform(-4e5, 4e5, count)
    frame["px"], frame["py"] = rng.normal(0, 200, (2, count))
    frame["quality"] = rng.integers(0, 3, count)
    frame["kind"] = rng.choice(["zero", "qcd", "odd"], count)
    frame.loc[0, "f4"] = 1e9  # one value beyond the grid
    frame.loc[0, ["quality", "f0"]] = 1, 0.0
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=700)
    frame.to_csv(tmp_path / "t.csv", index=False)
    kept = (frame.f0 > -200) & (frame.quality == 1)
    values = np.column_stack(
        [frame.f0 / 0.5, np.sqrt(frame.px**2 + frame.py**2) / 0.5, 0.001 * frame.f2 / 0.25,
         frame.f3 / 0.5, frame.f4 / 0.5, frame.f5 / 0.5]
    )  # fmt: skip
    x = np.rint(values).clip([-2048, 0] * 3, [2047, 4095] * 3)[kept].astype(np.int64)
    scores, accept = expected(table, x)
    for name in ("t.parquet", "t.csv"):
        out = tmp_path / name.replace(".", "-")
        result = call([tmp_path / name], table, out=out)
        found = scored(out)
        np.testing.assert_array_equal(found.column("row").to_numpy(), np.flatnonzero(kept))
        np.testing.assert_array_equal(found.column("score").to_numpy(), scores)
        np.testing.assert_array_equal(bits(found), accept)
        assert found.column("label").to_pylist() == frame.kind[kept].tolist()
        assert (result.read, result.events) == (count, kept.sum())
        assert result.beyond == {"f4": 1}
        for label in ("zero", "qcd", "odd"):
            mine = frame.kind[kept].to_numpy() == label
            assert result.by_label[label] == [mine.sum(), *accept[mine].sum(axis=0)]
        assert [label for label, items in result.shares.items() if items[0].rate] == ["zero"]
        assert result.crossings == result.by_label["zero"][0]
    # a file without labels beside one that has them
    frame.drop(columns="kind").to_parquet(tmp_path / "u.parquet")
    both = call([tmp_path / "t.parquet", tmp_path / "u.parquet"], table, out=tmp_path / "both")
    assert both.by_label[""] == [kept.sum(), *accept.sum(axis=0)]
    assert set(scored(tmp_path / "both").column("label").to_pylist()) == {"", "zero", "qcd", "odd"}


def test_npz_of_integers(call, hardware: Run, tmp_path: Path) -> None:
    x = write_integers(hardware, tmp_path / "a.parquet", 900, 4)
    np.savez(tmp_path / "a.npz", x=x.astype(np.int16), columns=[f"f{i}" for i in range(6)])
    call([tmp_path / "a.npz"])
    found = scored(tmp_path / "out")
    np.testing.assert_array_equal(found.column("score").to_numpy(), expected(hardware, x)[0])


def bad_files(folder: Path, kind: str, run: Run) -> Path:
    path = folder / "bad.parquet"
    x = write_integers(run, path, 50, 1)
    columns = {f"f{i}": column for i, column in enumerate(x.T)}
    match kind:
        case "missing column":
            del columns["f3"]
        case "floats":
            columns["f3"] = columns["f3"] * 1.5
        case "text":
            columns["f3"] = columns["f3"].astype(str)
        case "beyond the wires":
            columns["f3"] = np.where(np.arange(50) == 7, 70000, columns["f3"])
        case "beyond the wires, 16 bits":
            columns["f3"] = np.where(np.arange(50) == 7, -5, columns["f3"]).astype(np.int16)
        case "empty cells":
            columns["f3"] = pa.array([None, *columns["f3"][1:].tolist()])
        case "no rows":
            columns = {name: column[:0] for name, column in columns.items()}
    pq.write_table(pa.table(columns), path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing column", r"no column 'f3' among 5 columns .*; did you mean 'f"),
        ("floats", r"column 'f3' holds double, expected integers in hardware units"),
        ("text", r"column 'f3' holds .*string, expected numbers"),
        ("beyond the wires", r"row 7 \(from 0\): column 'f3' is 70000, expected 0 to 4095"),
        ("beyond the wires, 16 bits", r"row 7 \(from 0\): column 'f3' is -5, expected 0 to 4095"),
        ("empty cells", r"column 'f3' holds float64 or empty cells, expected integers from 0"),
        ("no rows", r"no rows to score"),
        ("cut", r"truncated or damaged Parquet"),
    ],
)
def test_bad_files_are_one_line(call, kind: str, said: str, hardware: Run, tmp_path: Path) -> None:
    path = bad_files(tmp_path, kind, hardware)
    with pytest.raises(UserError, match=said) as error:
        call([path])
    assert "bad.parquet" in str(error.value)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "out").glob("*/*"))
    assert not (tmp_path / "out" / "score.json").exists()


def test_bad_values_of_tables(call, table: Run, tmp_path: Path) -> None:
    columns = {name: np.ones(300) for name in ("f0", "px", "py", "f2", "f3", "f4", "f5", "quality")}
    for name, value, said in (
        (
            "f4",
            np.nan,
            r"column 'f4': f4 is no finite number in row 9 \(from 0\), where it has nan",
        ),
        ("f4", 9e9, r"column 'f4': 291 of 300 values from row 0 on \(97.00%\) lie beyond the grid"),
    ):
        wrong = columns | {name: np.where(np.arange(300) < 9, 1.0, value)}
        pq.write_table(pa.table(wrong), tmp_path / "bad.parquet")
        with pytest.raises(UserError, match=said):
            call([tmp_path / "bad.parquet"], table)


def test_wrong_lists_of_files(call, two, hardware: Run, tmp_path: Path) -> None:
    files, _ = two
    with pytest.raises(UserError, match="is given twice"):
        call([files[0], files[0].parent / "." / files[0].name])
    for wrong in (tmp_path / "none.parquet", tmp_path):
        with pytest.raises(UserError, match="is not a file; give the tables to score"):
            call([wrong])
    (tmp_path / "x.txt").write_text("1\n")
    with pytest.raises(UserError, match="unknown kind of table"):
        call([tmp_path / "x.txt"])


def test_what_the_run_lacks_is_named(call, two, hardware: Run, tmp_path: Path) -> None:
    files, _ = two
    run = Run(tmp_path / "run")
    shutil.copytree(hardware.path, run.path)
    library = next((run / "emulator").glob("*.so"))
    library.write_bytes(library.read_bytes() + b"\0")
    with pytest.raises(UserError, match=r"altered; make it again: aetrig emulator --force"):
        call(files, run)
    record = json.loads((run / "emulator.json").read_text())
    (run / "emulator.json").write_text(json.dumps(record | {"qonnx_sha256": "0" * 64}))
    with pytest.raises(UserError, match=r"is of another trigger .* aetrig emulator --force"):
        call(files, run)
    (run / "emulator.json").unlink()
    with pytest.raises(UserError, match="make it with: aetrig emulator"):
        call(files, run)
    (run / "trigger.qonnx.onnx").unlink()
    with pytest.raises(UserError, match="no trigger to score with; make it: aetrig threshold"):
        call(files, run)


def test_the_command_on_a_local_cluster(call, two, hardware: Run, tmp_path: Path) -> None:
    files, _ = two
    app = typer.Typer()
    app.command()(command)
    options = ["--run", hardware.path, "--out", tmp_path / "here", "--chunk", 1000, "--workers", 2]
    done = CliRunner().invoke(app, [*map(str, [*files, *options])], catch_exceptions=False)
    assert "3,000 rows in" in done.output
    assert "on 2 workers" in done.output
    call(files)
    assert scored(tmp_path / "here").equals(scored(tmp_path / "out"))


def test_row_groups_make_chunks() -> None:
    assert list(_together([5, 5, 5], 10)) == [(0, 2), (2, 3)]
    assert list(_together([50, 1, 1], 10)) == [(0, 1), (1, 3)]
    assert list(_together([1, 50, 1], 10)) == [(0, 1), (1, 2), (2, 3)]
    assert list(_together([4], 10)) == [(0, 1)]
