"""Tables of events in every format that is read, and the data sets that have readers of their own.

A table is described by a config; the file is what is bad.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from corpus.case import HARMLESS, ODD, Build, Case, Damage, Place, damages, never_a_file

FEATURES = 6
ROWS = 300
Make = Callable[[Path, dict[str, np.ndarray]], None]


def events(rows: int = ROWS) -> dict[str, np.ndarray]:
    """Return columns of integers as floats, and a label."""
    generator = np.random.default_rng(1)
    found = {
        f"f{i}": generator.integers(-500, 500, rows).astype(np.float64) for i in range(FEATURES)
    }
    return found | {"label": np.array(["qcd", "odd"])[generator.integers(0, 2, rows)]}


def _parquet(path: Path, columns: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)


def _arrow(path: Path, columns: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.feather as pf

    pf.write_feather(pa.table(columns), str(path), compression="lz4")


def _csv(path: Path, columns: dict[str, Any]) -> None:
    names = list(columns)
    rows = zip(*(np.asarray(columns[name]).tolist() for name in names), strict=True)
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _hdf5(path: Path, columns: dict[str, Any]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            array = np.asarray(values)
            file[name] = array.astype("S") if array.dtype.kind == "U" else array


def _npz(path: Path, columns: dict[str, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **{key: np.asarray(value) for key, value in columns.items()})


def _pickle(path: Path, columns: dict[str, Any]) -> None:
    import pandas as pd

    pd.DataFrame(columns).to_pickle(path)


def _root(path: Path, columns: dict[str, Any]) -> None:
    import uproot

    codes = np.unique(np.asarray(columns["label"]), return_inverse=True)[1]
    with uproot.recreate(path) as file:
        kept = {key: np.asarray(value) for key, value in columns.items() if key != "label"}
        file["events"] = kept | {"label": codes.astype(np.int32)}


FORMATS: dict[str, tuple[str, Make]] = {
    "Parquet": ("t.parquet", _parquet),
    "Arrow": ("t.arrow", _arrow),
    "CSV": ("t.csv", _csv),
    "HDF5": ("t.h5", _hdf5),
    "npz": ("t.npz", _npz),
    "pickle": ("t.pkl", _pickle),
    "ROOT": ("t.root", _root),
}


def look(place: Place, name: str, **data: Any) -> list[str]:
    """Return the words that read a table with the run's config."""
    more = {"label": None, "background": []} if name.endswith(".root") else {}
    place.config(files=[name], **(more | data))
    return ["data", "info", "config.yaml"]


def _damaged(family: str, damage: Damage) -> Build:
    name, make = FORMATS[family]

    def build(place: Place) -> list[str]:
        make(place / name, events())
        (place / name).write_bytes(damage((place / name).read_bytes()))
        return look(place, name)

    return build


def _columns(family: str, change: Callable[[dict[str, Any]], dict[str, Any]], **data: Any) -> Build:
    name, make = FORMATS[family]

    def build(place: Place) -> list[str]:
        make(place / name, change(events()))
        return look(place, name, **data)

    return build


def _raw(name: str, write: Callable[[Path], None], **data: Any) -> Build:
    def build(place: Place) -> list[str]:
        write(place / name)
        return look(place, name, **data)

    return build


def _odd(name: str, kind: str) -> Build:
    return _raw(name, lambda path: never_a_file(path, kind))


def _as(wrong: str, right: str) -> Build:
    """Return one format under another's name."""
    name = FORMATS[right][0]
    return _raw(name, lambda path: FORMATS[wrong][1](path, events()))


CONTENTS: tuple[tuple[str, str, Callable[[dict[str, Any]], dict[str, Any]]], ...] = (
    ("wrong shape", "no-rows", lambda c: {k: v[:0] for k, v in c.items()}),
    ("wrong shape", "column-missing", lambda c: {k: v for k, v in c.items() if k != "f3"}),
    ("wrong dtype", "text-column", lambda c: c | {"f2": np.array(["a"] * ROWS)}),
    ("NaN and infinity", "nan", lambda c: c | {"f1": np.full(ROWS, np.nan)}),
    ("NaN and infinity", "infinity", lambda c: c | {"f1": np.full(ROWS, np.inf)}),
    ("huge number", "beyond-float", lambda c: c | {"f1": np.full(ROWS, 1e308)}),
)


def cases() -> Iterator[Case]:
    """Yield the cases of tables."""
    for family, (name, _) in FORMATS.items():
        text = family == "CSV"
        for kind, label, damage, usual in damages(seed=len(family)):
            codes = HARMLESS if text and kind == "truncated" else usual
            yield Case(family, kind, label, _damaged(family, damage), name, codes)
        for kind, label, change in CONTENTS:
            if family == "ROOT" and label == "text-column":
                continue
            codes = HARMLESS if label in ("nan", "infinity", "beyond-float") else (2,)
            yield Case(family, kind, label, _columns(family, change), "", codes)
        for odd in ODD:
            yield Case(family, "not a file", odd, _odd(name, odd), name)
        others = [other for other in FORMATS if other != family]
        wrong = others[len(family) % len(others)]
        yield Case(family, "wrong type", f"is-{wrong}", _as(wrong, family), name)
    yield from _bombs()
    yield from _code()
    yield from _names()
    yield from _texts()
    yield from _own_readers()


def _bombs() -> Iterator[Case]:
    """Yield small files that claim or unpack to more than memory holds."""
    yield Case("npz", "absurd size", "header-of-10^12-rows", _raw("t.npz", _npz_header), "t.npz")
    yield Case("npz", "absurd size", "zip-bomb", _raw("t.npz", _npz_bomb), "t.npz")
    yield Case("npz", "absurd size", "negative-rows", _raw("t.npz", _npz_negative), "t.npz")
    yield Case("npz", "wrong dtype", "objects", _raw("t.npz", _npz_objects), "t.npz")
    yield Case("npz", "absurd size", "long-header", _raw("t.npz", _npz_long_header), "t.npz")
    yield Case("HDF5", "absurd size", "dataset-of-10^12", _raw("t.h5", _hdf5_huge), "t.h5")
    yield Case("HDF5", "absurd size", "compressed-bomb", _raw("t.h5", _hdf5_bomb), "t.h5")
    yield Case("HDF5", "links", "external-link", _raw("t.h5", _hdf5_link), "t.h5")
    yield Case("HDF5", "links", "external-data", _raw("t.h5", _hdf5_external), "t.h5")
    yield Case("HDF5", "links", "soft-link-loop", _raw("t.h5", _hdf5_loop), "t.h5")
    yield Case(
        "Parquet", "absurd size", "run-length-bomb", _raw("t.parquet", _pq_bomb), "t.parquet"
    )
    yield Case(
        "Parquet", "absurd size", "footer-length", _raw("t.parquet", _pq_footer), "t.parquet"
    )
    yield Case("CSV", "absurd size", "one-line", _raw("t.csv", _csv_line), "t.csv")
    yield Case("CSV", "absurd size", "many-columns", _raw("t.csv", _csv_columns), "t.csv")
    yield Case("Arrow", "absurd size", "run-length-bomb", _raw("t.arrow", _arrow_bomb), "t.arrow")


def _npz_member(path: Path, header: bytes, rest: bytes = b"") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(FEATURES):
            text = header + b" " * (-(10 + len(header) + 1) % 64) + b"\n"
            start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text))
            archive.writestr(f"f{i}.npy", start + text + rest)


def _shape(shape: str) -> bytes:
    return f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()


def _npz_header(path: Path) -> None:
    _npz_member(path, _shape("(1000000000000,)"), b"\0" * 800)


def _npz_negative(path: Path) -> None:
    _npz_member(path, _shape("(-5,)"), b"\0" * 800)


def _npz_long_header(path: Path) -> None:
    _npz_member(path, _shape("(" + "1," * 20_000 + ")"), b"\0" * 8)


def _npz_bomb(path: Path) -> None:
    """Write 4 GiB of zeros a column in a few MB."""
    rows = 4 << 27
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        text = _shape(f"({rows},)")
        text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
        with archive.open("f0.npy", "w", force_zip64=True) as member:
            member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
            zeros = bytes(1 << 24)
            for _ in range(rows * 8 >> 24):
                member.write(zeros)


def _npz_objects(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{f"f{i}": np.array([{}, 1], dtype=object) for i in range(FEATURES)})


def _hdf5_huge(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for i in range(FEATURES):
            file.create_dataset(f"f{i}", (10**12,), "f8", chunks=(10**6,))
        file.create_dataset("label", (10**12,), "S3", chunks=(10**6,))


def _hdf5_bomb(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name in (*(f"f{i}" for i in range(FEATURES)), "label"):
            kind = "S3" if name == "label" else "f8"
            file.create_dataset(name, (10**9,), kind, chunks=(10**6,), compression="gzip")


def _hdf5_link(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for i in range(FEATURES):
            file[f"f{i}"] = h5py.ExternalLink("/etc/passwd", "/f")


def _hdf5_external(path: Path) -> None:
    """Point the data of a column at another file of the machine."""
    import h5py

    _hdf5(path, events())
    with h5py.File(path, "a") as file:
        del file["f0"]
        file.create_dataset("f0", (ROWS,), "f8", external=[("/etc/passwd", 0, ROWS * 8)])


def _hdf5_loop(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for i in range(FEATURES):
            file[f"f{i}"] = h5py.SoftLink(f"/f{i}")


def _pq_bomb(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    zeros = pa.array(np.zeros(1 << 20))
    names = [f"f{i}" for i in range(FEATURES)]
    labels = pa.array(["qcd"] * (1 << 20))
    batch = pa.record_batch([zeros] * FEATURES + [labels], names=[*names, "label"])
    with pq.ParquetWriter(path, batch.schema, compression="zstd") as writer:
        for _ in range(40):  # 2.5 GB of numbers in a few kB
            writer.write_batch(batch, row_group_size=1 << 20)


def _pq_footer(path: Path) -> None:
    _parquet(path, events())
    content = bytearray(path.read_bytes())
    content[-8:-4] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(bytes(content))


def _arrow_bomb(path: Path) -> None:
    import pyarrow as pa

    zeros = np.zeros(1 << 24)
    names = [f"f{i}" for i in range(FEATURES)]
    batch = pa.record_batch([pa.array(zeros)] * FEATURES, names=names)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(path), batch.schema, options=options) as writer:
        for _ in range(8):
            writer.write_batch(batch)


def _csv_line(path: Path) -> None:
    path.write_bytes(b"f0,f1,f2,f3,f4,f5,label\n" + b"1" * (64 << 20))


def _csv_columns(path: Path) -> None:
    path.write_text(",".join(f"c{i}" for i in range(300_000)) + "\n", encoding="utf-8")


class _Payload:
    """A pickle of it would make a file when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return Path.touch, (self.marker,)  # type: ignore[return-value]


class _Shell(_Payload):
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return subprocess.call, (["touch", str(self.marker)],)


class _Eval(_Payload):
    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return eval, (f"open({str(self.marker)!r}, 'w')",)


def payloads(marker: Path) -> dict[str, object]:
    """Return objects whose pickles carry code."""
    return {"touch": _Payload(marker), "shell": _Shell(marker), "eval": _Eval(marker)}


def _code() -> Iterator[Case]:
    for name in ("touch", "shell", "eval"):
        yield Case("pickle", "carries code", name, _planted(name), "t.pkl")
    yield Case("pickle", "absurd size", "long-string", _raw("t.pkl", _pickle_long), "t.pkl")
    yield Case("pickle", "deep nesting", "deep-lists", _raw("t.pkl", _pickle_deep), "t.pkl")
    yield Case("pickle", "absurd size", "memo-growth", _raw("t.pkl", _pickle_laughs), "t.pkl")
    yield Case("npz", "carries code", "object-array", _planted_npz(), "t.npz")


def _planted(name: str) -> Build:
    def build(place: Place) -> list[str]:
        (place / "t.pkl").write_bytes(pickle.dumps(payloads(place.marker)[name]))
        return look(place, "t.pkl")

    return build


def _planted_npz() -> Build:
    def build(place: Place) -> list[str]:
        array = np.array([payloads(place.marker)["touch"]] * 5, dtype=object)
        with (place / "t.npz").open("wb") as file:
            np.savez(file, **{f"f{i}": array for i in range(FEATURES)})
        return look(place, "t.npz")

    return build


def _pickle_long(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"a" * 100 + b".")


def _pickle_deep(path: Path) -> None:
    path.write_bytes(b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b".")


def _pickle_laughs(path: Path) -> None:
    steps = b"".join(b"(" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"t\x94" for i in range(100))
    path.write_bytes(b"\x80\x04)\x94" + steps + b".")


def _names() -> Iterator[Case]:
    """Yield columns whose names are no names of files."""

    def renamed(name: str) -> Build:
        def build(place: Place) -> list[str]:
            columns = {(name if k == "f0" else k): v for k, v in events().items()}
            _parquet(place / "t.parquet", columns)
            place.config(
                files=["t.parquet"],
                columns=[
                    {"name": name if i == 0 else f"f{i}", "step": 1.0, "bits": 10}
                    for i in range(FEATURES)
                ],
            )
            return ["data", "info", "config.yaml"]

        return build

    for label, name in (
        ("path-up", "../../outside"), ("absolute", "/outside"), ("escape-codes", "\x1b[2Ja"),
        ("newline", "a\nb"), ("html", "<script>alert(1)</script>"), ("empty", ""),
    ):  # fmt: skip
        # a column may be called anything; what matters is that nothing is written elsewhere
        yield Case("Parquet", "path", f"column-{label}", renamed(name), "", HARMLESS)


def _texts() -> Iterator[Case]:
    def raw(content: bytes) -> Build:
        return _raw("t.csv", lambda path: path.write_bytes(content) and None)

    head = b"f0,f1,f2,f3,f4,f5,label\n"
    row = b"1,2,3,4,5,6,qcd\n"
    good = (head + row * 50 + row.replace(b"qcd", b"odd") * 50).replace(b"\n", b"\r\n")
    yield Case("CSV", "odd text", "crlf", raw(good), "", (0,))
    yield Case("CSV", "odd text", "bom", raw(b"\xef\xbb\xbf" + good), "", (0,))
    yield Case("CSV", "odd text", "latin-1", raw(head + b"1,2,3,4,5,6,caf\xe9\n" * 9), "t.csv")
    yield Case("CSV", "odd text", "nul", raw(head + b"1,2,3,4,5,\x00,qcd\n" * 9), "t.csv")
    yield Case("CSV", "wrong shape", "ragged", raw(head + row * 9 + b"1,2\n"), "t.csv")
    yield Case("CSV", "wrong shape", "column-twice", raw(b"f0," + head + b"9," + row), "t.csv")
    yield Case("CSV", "huge number", "digits", raw(head + row.replace(b"3", b"9" * 400)), "t.csv")
    packed = gzip.compress(bytes(1 << 20) * 64)
    yield Case("CSV", "absurd size", "gzip-bomb", raw(packed), "t.csv")


def _own_readers() -> Iterator[Case]:
    """Yield what the readers of jets (pickle, ARFF) and of the challenge's HDF5 are given."""

    def given(name: str, content: Callable[[Place], bytes], **data: Any) -> Build:
        def build(place: Place) -> list[str]:
            path = place / name
            path.write_bytes(content(place))
            lines = [f"  {key}: {value}" for key, value in data.items()]
            text = "\n".join(["name: x", "data:", *lines, ""])
            (place / "config.yaml").write_text(text, encoding="utf-8")
            return ["data", "info", "config.yaml"]

        return build

    def arff(body: str) -> Build:
        text = "@relation r\n" + body
        return given("j.arff", lambda _: text.encode(), source="jets", file="j.arff", folder=".")

    for name, kind, body in (
        ("no-data", "truncated", "@attribute a numeric\n"),
        ("no-attributes", "wrong shape", "@data\n1,2,3\n"),
        ("unknown-type", "wrong dtype", "@attribute a quaternion\n@data\n1\n"),
        ("text-in-numbers", "wrong dtype", "@attribute a numeric\n@data\nx\n"),
        ("ragged", "wrong shape", "@attribute a numeric\n@attribute b numeric\n@data\n1\n"),
        ("open-quote", "truncated", "@attribute 'a numeric\n@data\n1\n"),
        ("attribute-twice", "keys", "@attribute a numeric\n@attribute a numeric\n@data\n1,2\n"),
        ("nul", "odd text", "@attribute a\0 numeric\n@data\n1\n"),
        ("sparse", "wrong type", "@attribute a numeric\n@data\n{0 1}\n"),
    ):
        yield Case("ARFF", kind, name, arff(body), "j.arff")
    for kind, name, damage, _ in damages(flips=0):
        content = (b"@relation r\n" + b"".join(b"@attribute a%d numeric\n" % i for i in range(9))
                   + b"@data\n" + b"1,2,3,4,5,6,7,8,9\n" * 50)  # fmt: skip
        made = given(
            "j.arff", lambda _, d=damage, c=content: d(c), source="jets", file="j.arff", folder="."
        )
        yield Case("ARFF", kind, name, made, "j.arff")

    def challenge(write: Callable[[Path], None]) -> Build:
        def content(place: Place) -> bytes:
            write(place / "made")
            return (place / "made").read_bytes()

        return given("a.h5", content, source="adc2021", folder=".", background="[a.h5]")

    def particles(shape: tuple[int, ...], value: float = 1.0, kind: str = "f8") -> Build:
        def write(path: Path) -> None:
            import h5py

            with h5py.File(path, "w") as file:
                array = np.full(shape, value) if kind == "f8" else np.full(shape, b"x")
                file["Particles"] = array

        return challenge(write)

    yield Case("HDF5", "wrong shape", "challenge-two-axes", particles((50, 19)), "a.h5")
    yield Case("HDF5", "wrong shape", "challenge-objects", particles((50, 7, 4)), "a.h5")
    yield Case("HDF5", "wrong shape", "challenge-no-events", particles((0, 19, 4)), "a.h5")
    yield Case("HDF5", "wrong dtype", "challenge-text", particles((50, 19, 4), kind="S"), "a.h5")
    nan = particles((50, 19, 4), float("nan"))
    yield Case("HDF5", "NaN and infinity", "challenge-nan", nan, "a.h5")

    def huge(path: Path) -> None:
        import h5py

        with h5py.File(path, "w") as file:
            file.create_dataset("Particles", (10**11, 19, 4), "f8", chunks=(1000, 19, 4))

    yield Case("HDF5", "absurd size", "challenge-10^11-events", challenge(huge), "a.h5")
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    yield Case("HDF5", "wrong type", "challenge-npy",
               given("a.h5", lambda _: buffer.getvalue(), source="adc2021", folder=".",
                     background="[a.h5]"), "a.h5")  # fmt: skip
    for name in ("touch", "shell", "eval"):
        yield Case("pickle", "carries code", f"jets-{name}", given(
            "jets.pkl",
            lambda place, name=name: pickle.dumps(payloads(place.marker)[name]),
            source="jets", file="jets.pkl", folder=".",
        ), "jets.pkl")  # fmt: skip
