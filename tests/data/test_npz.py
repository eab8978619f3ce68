"""Archives of numpy: both layouts, and nothing unpickled or unpacked beyond what a file can hold."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aetrig.data import npz_file
from aetrig.data.table_files import read_columns
from aetrig.errors import UserError

COLUMNS = {"pt": np.arange(300) / 4, "n": np.arange(300, dtype=np.int16)}


def fails(path: Path, names: tuple[str, ...] = ("pt",)) -> str:
    with pytest.raises(UserError) as caught:
        read_columns(path, names, None, None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [None, 7])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_matrix_with_names_and_columns_side_by_side(tmp_path, order, rows, save):
    matrix = np.array(np.stack(list(COLUMNS.values()), axis=1), order=order)
    save(tmp_path / "m.npz", events=matrix, columns=np.array(list(COLUMNS)), other=np.ones((2, 3)))
    save(tmp_path / "c.npz", **COLUMNS)
    for path in (tmp_path / "m.npz", tmp_path / "c.npz"):
        found = read_columns(path, ["n", "pt"], None, rows)
        for name, column in found.items():
            np.testing.assert_array_equal(column, COLUMNS[name][:rows])
    assert read_columns(tmp_path / "c.npz", ["n"], None, rows)["n"].dtype == np.int16


def test_labels_are_text_or_numbers(tmp_path):
    np.savez(tmp_path / "t.npz", pt=np.ones(2), kind=np.array(["qcd", "w"]), code=np.array([3, 4]))
    assert read_columns(tmp_path / "t.npz", ["pt"], "kind", None)["kind"].tolist() == ["qcd", "w"]
    assert read_columns(tmp_path / "t.npz", ["pt"], "code", None)["code"].tolist() == ["3", "4"]


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", pt=np.ones(3), odd=np.array([{}, [], "x"], dtype=object))
    assert "holds Python objects, which are never unpickled" in fails(tmp_path / "t.npz")


def test_columns_that_do_not_fit(tmp_path):
    np.savez(tmp_path / "t.npz", pt=np.ones(3), n=np.ones(4))
    assert "columns differ in length" in fails(tmp_path / "t.npz", ("pt", "n"))
    assert "no column 'pT' among 2 columns (pt, n); did you" in fails(tmp_path / "t.npz", ("pT",))
    np.savez(tmp_path / "t.npz", a=np.ones((3, 2)), b=np.ones((3, 2)), columns=["pt", "n"])
    assert "and 2 of the arrays 'a' (3, 2), 'b' (3, 2) have as many" in fails(tmp_path / "t.npz")


def write_member(path: Path, content: bytes, kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr("pt.npy", content)
    return path


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("shape", ["(10**12,)", "(999999999999,)", "(-1,)", "(1, -8)", "'x'", "(3"])
def test_shapes_that_the_file_cannot_hold(tmp_path, shape):
    path = write_member(tmp_path / "t.npz", header(shape) + bytes(64))
    assert "declares" in (text := fails(path)) or "damaged .npz" in text


def test_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(npz_file, "LARGE", 1 << 16)
    path = write_member(tmp_path / "t.npz", header("(100000,)") + bytes(800000))
    assert "unpacks" in (text := fails(path))
    assert "refused above 100 times" in text
    path = write_member(tmp_path / "t.npz", header("(100,)") + bytes(800), zipfile.ZIP_BZIP2)
    assert "not packed as numpy packs" in fails(path)


def test_members_that_overlap(tmp_path):
    kernel = io.BytesIO()
    with zipfile.ZipFile(kernel, "w") as file:
        file.writestr("pt.npy", header("(100,)") + bytes(800))
        for name in ("a.npy", "b.npy"):  # further entries of the directory for the same bytes
            again = zipfile.ZipInfo(name)
            first = file.infolist()[0]
            again.file_size = again.compress_size = first.file_size
            again.CRC, again.header_offset = first.CRC, first.header_offset
            file.filelist.append(again)
    (tmp_path / "t.npz").write_bytes(kernel.getvalue())
    assert "bytes of packed arrays in a file of" in fails(tmp_path / "t.npz")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_is_one_line_or_harmless(tmp_path, changes):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, **COLUMNS)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content)
    with suppress(UserError):  # anything else fails the test
        read_columns(path, ["pt", "n"], None, None)
