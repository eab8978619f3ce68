"""Arrow files and streams: only the wanted columns and rows, and one line where one is damaged."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aetrig.data.table_files import read_columns
from aetrig.errors import UserError

TABLE = pa.table(
    {
        "text": [f"row {i}" for i in range(300)],
        "pt": np.arange(300) / 4,
        "kind": pa.array(["qcd", "w", "z"] * 100).dictionary_encode(),
    }
)


def write(path: Path, kind: str, table: pa.Table = TABLE) -> Path:
    if kind == "feather":
        pa.feather.write_feather(table, path, compression="zstd", chunksize=100)
        return path
    opened = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with opened(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return path


def fails(path: Path, name: str = "pt") -> str:
    with pytest.raises(UserError) as caught:
        read_columns(path, [name], None, None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["file", "stream", "feather"])
@pytest.mark.parametrize("rows", [None, 50, 150, 1000])
def test_files_and_streams(tmp_path, kind, rows):
    path = write(tmp_path / ("t.feather" if kind == "feather" else "t.arrow"), kind)
    found = read_columns(path, ["pt"], "kind", rows)
    np.testing.assert_array_equal(found["pt"], TABLE["pt"].to_numpy()[:rows])
    assert found["kind"].tolist() == TABLE["kind"].to_pylist()[:rows]
    assert "no column 'pT' among 3 columns" in fails(path, "pT")
    assert "column 'text' holds string, expected numbers" in fails(path, "text")


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_a_file_cut_anywhere(tmp_path, kind):
    path = write(tmp_path / "t.arrow", kind)
    whole = path.read_bytes()
    for length in range(8, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        assert "truncated" in fails(path)


def test_other_kinds_of_feather(tmp_path):
    (tmp_path / "t.feather").write_bytes(b"FEA1" + bytes(100))
    assert "expected Arrow by its name, found Feather version 1" in fails(tmp_path / "t.feather")


@pytest.mark.parametrize("kind", ["file", "stream"])
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6)
)
def test_damage_is_one_line_or_harmless(tmp_path, kind, changes):
    path = write(tmp_path / "t.arrow", kind)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    with suppress(UserError):  # anything else fails the test
        read_columns(path, ["pt"], "kind", None)
