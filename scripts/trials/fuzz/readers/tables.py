"""Tables of events: every format that `source: table` takes, the ADC2021 files, vectors."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from aetrig.config.sources import Adc2021Source, TableSource
from aetrig.data import adc2021, table, vectors
from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.table_files import read_columns
from aetrig.errors import AetrigError
from trials.fuzz.choices import Choices
from trials.fuzz.reader import BrokenPromiseError, Reader

ROWS = 12
NAMES = ("a", "b", "n", "label")
WORDS = ("a", "b", "n", "label", ",", "\n", "nan", "inf", "-0", "1e400", '"', "true", "?")


def _source(**more: Any) -> TableSource:
    columns = [
        {"name": "a", "step": 0.01, "bits": 16},
        {"name": "s", "expression": "sqrt(b * b + n)", "step": 0.01, "bits": 16},
    ]
    given = {"source": "table", "files": ["f"], "columns": columns}
    return TableSource.model_validate(given | more)


PLAIN = _source()
SOURCES = (
    _source(select="a > 0 and b < 100", label="label", background=["qcd"]),
    _source(columns=[{"name": "a", "transform": "log10", "step": 0.01, "bits": 12, "add": 1}],
            split_by=["n"], max_events=5),
)  # fmt: skip


def _columns(path: Path) -> None:
    """Read single columns, then whole sources: what is refused once may be taken otherwise."""
    refused: list[AetrigError] = []
    _try(refused, lambda: _agree(path))
    for source in (PLAIN, *SOURCES):
        _try(refused, partial(_dataset, source, path))
    if refused:
        raise refused[0]


def _try(refused: list[AetrigError], attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except AetrigError as error:
        refused.append(error)


def _agree(path: Path) -> None:
    """Hold the first rows against all of them."""
    whole = read_columns(path, ["a", "b"], "label", None)
    if len({len(column) for column in whole.values()}) != 1 or set(whole) != {"a", "b", "label"}:
        raise BrokenPromiseError("columns of several lengths")
    if whole["label"].dtype.kind != "U":
        raise BrokenPromiseError(f"labels are {whole['label'].dtype}")
    first = read_columns(path, ["a", "b"], "label", 3)
    for name, column in first.items():
        if not np.array_equal(column, whole[name][:3], equal_nan=column.dtype.kind == "f"):
            raise BrokenPromiseError(f"the first rows of '{name}' differ")


def _dataset(source: TableSource, path: Path) -> None:
    found = table.load(source, lambda _: path)
    low = [feature.grid.low for feature in found.features]
    high = [feature.grid.high for feature in found.features]
    if not ((found.x >= low) & (found.x <= high)).all():
        raise BrokenPromiseError("integers beyond their grid")


def _frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "a": rng.uniform(1, 50, ROWS).round(2),
            "b": rng.normal(size=ROWS).round(2),
            "n": np.arange(ROWS),
            "label": ["qcd", "odd"] * (ROWS // 2),
        }
    )


def _csv_seeds() -> list[bytes]:
    frame = _frame()
    return [
        frame.to_csv(index=False).encode(),
        frame.head(3).to_csv(index=False, lineterminator="\r\n").encode(),
        b'a,b,n,label\n1,,3,"q,cd"\n"2",nan,4,qcd\n',
    ]


def _arff_seeds() -> list[bytes]:
    head = "@relation t\n% c\n@attribute a real\n@ATTRIBUTE 'b' numeric\n@attribute n integer\n"
    rows = "1.5,2,3,qcd\n2.5,?,4,odd\n3,1,5,'qcd'\n"
    return [f"{head}@attribute label {{qcd, odd}}\n@data\n{rows}".encode()]


def _npz_seeds() -> list[bytes]:
    frame = _frame()
    columns = {name: frame[name].to_numpy() for name in NAMES[:3]}
    columns["label"] = frame["label"].to_numpy().astype(np.str_)
    numbers = frame[["a", "b", "n", "n"]].to_numpy(np.float32)
    return [
        _written(lambda file: np.savez(file, **columns)),
        _written(lambda file: np.savez_compressed(file, **columns)),
        _written(lambda file: np.savez(file, table=numbers, columns=np.array(NAMES))),
    ]


def _pickle_seeds() -> list[bytes]:
    numbers = _frame()[["a", "b", "n"]].head(3).assign(label=1)
    names = pd.Index(list(numbers), dtype=object)
    plain = numbers.set_axis(names, axis=1)
    arrow = numbers.set_axis(pd.Index(list(numbers), dtype=pd.StringDtype("pyarrow")), axis=1)
    return [
        *(pickle.dumps(plain, protocol) for protocol in (2, 4, 5)),
        pickle.dumps(arrow, 5),
        pickle.dumps(numbers, 5),
    ]


def _arrow_seeds() -> list[bytes]:
    made = pa.Table.from_pandas(_frame().head(3), preserve_index=False)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, made.schema) as writer:
        writer.write_table(made)
    return [
        _written(lambda file: feather.write_feather(made, file, compression="uncompressed")),
        _written(lambda file: feather.write_feather(made, file, compression="zstd")),
        stream.getvalue(),
    ]


def _parquet_seeds() -> list[bytes]:
    made = pa.Table.from_pandas(_frame().head(3), preserve_index=False)
    return [
        _written(lambda file: pq.write_table(made, file, compression="none")),
        _written(lambda file: pq.write_table(made, file, use_dictionary=False)),
    ]


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


KINDS = (
    pa.float64(), pa.float32(), pa.float16(), pa.int8(), pa.uint8(), pa.int64(), pa.uint64(),
    pa.bool_(), pa.string(), pa.large_string(), pa.binary(), pa.null(), pa.timestamp("us"),
    pa.date32(), pa.duration("s"), pa.decimal128(20, 3), pa.list_(pa.float64()),
    pa.list_(pa.float64(), 2), pa.struct([("x", pa.float64())]), pa.map_(pa.string(), pa.int8()),
    pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int8(), pa.float64()),
    pa.string_view(), pa.month_day_nano_interval(),
)  # fmt: skip


def _any_table(choices: Choices) -> pa.Table:
    """Return columns of any types that Arrow has, with nulls and numbers from the edges."""
    rows = choices.pick((3, 0, 1, 12))
    count = choices.pick((4, 1, 2, 5))
    arrays, names = [], []
    usual = pa.Table.from_pandas(_frame().head(rows), preserve_index=False)
    for index in range(count):
        if index == 4 or choices.below(4) == 3:
            kind = choices.pick(KINDS)
            arrays.append(pa.array([_cell(choices, kind) for _ in range(rows)], kind))
        else:
            arrays.append(usual.column(index).combine_chunks())
        names.append(NAMES[index] if index < 4 and choices.below(8) != 7 else choices.text())
    return pa.Table.from_arrays(arrays, names)


def _cell(choices: Choices, kind: pa.DataType) -> Any:
    """Return a value of a type; None, a null, now and then, and where there is none."""
    if choices.below(8) == 7:
        return None
    given: pa.Scalar = pa.scalar(choices.below(100), pa.int32())
    if pa.types.is_floating(kind):
        given = pa.scalar(choices.number(), pa.float64())
    elif pa.types.is_integer(kind):
        given = pa.scalar(choices.integer(), pa.int64())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        given = pa.scalar(choices.text())
    try:
        return given.cast(kind).as_py()
    except (pa.ArrowException, ValueError, OverflowError, TypeError):
        return None


def _any_parquet(choices: Choices) -> bytes:
    made = _any_table(choices)
    return _or_nothing(
        lambda file: pq.write_table(made, file, row_group_size=choices.pick((100, 1, 2)))
    )


def _any_arrow(choices: Choices) -> bytes:
    made = _any_table(choices)

    def write(file: io.BytesIO) -> None:
        opened = pa.ipc.new_stream if choices.yes() else pa.ipc.new_file
        with opened(file, made.schema) as writer:
            writer.write_table(made, max_chunksize=choices.pick((100, 1, 2)))

    return _or_nothing(write)


def _or_nothing(write: Callable[[io.BytesIO], object]) -> bytes:
    try:
        return _written(write)
    except (pa.ArrowException, ValueError, TypeError, OSError):
        return b""  # a format that has no such type


DTYPES = ("f8", "f4", "f2", "i1", "u1", "i4", "u8", ">f8", "?", "S4", "O", "c16", "U3", "V3")


def _array(choices: Choices, shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape))
    kind = choices.pick(DTYPES)
    with np.errstate(all="ignore"):
        values = np.array([choices.number() for _ in range(min(size, 8))] or [0.0])
        whole = np.resize(values, size).reshape(shape)
        if kind == "O":
            return whole.astype(str).astype(object)
        return np.nan_to_num(whole).astype(kind) if kind[-2:] in {"i1", "u1", "i4", "u8"} else (
            whole.astype("S4" if kind == "V3" else kind))  # fmt: skip


def _usual(name: str, rows: int) -> Any:
    column = _frame()[name].head(rows).to_numpy()
    return column.astype(np.str_) if name == "label" else column


def _any_npz(choices: Choices) -> bytes:
    content = {}
    for index in range(choices.pick((4, 1, 2, 5))):
        name = NAMES[index] if index < 4 and choices.below(8) != 7 else choices.text()
        content[name.replace("\0", "")] = _usual(NAMES[index % 4], 5)
        if choices.below(4) == 3:
            shape = choices.pick(((5,), (0,), (), (5, 4), (4, 5), (1,), (2, 2, 2)))
            content[name.replace("\0", "")] = _array(choices, shape)
    if choices.below(4) == 3:
        content["columns"] = np.array(NAMES if choices.yes() else _array(choices, (4,)))
    return _or_nothing(lambda file: np.savez(file, **content))


def _any_hdf5(choices: Choices) -> bytes:
    """Return a file of groups and datasets of any shape and type, links among them."""
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        for _ in range(choices.pick((1, 2, 3))):
            place = root.require_group("g") if choices.below(4) == 3 else root
            _add(choices, place)
    return file.getvalue()


def _add(choices: Choices, place: h5py.Group) -> None:
    shape = choices.pick(((5,), (0,), (), (5, 4), (5, 19, 4), (0, 19, 4), (5, 19, 3)))
    count = choices.pick((4, 1, 2, 3))
    try:
        match choices.below(8):
            case 0 | 1 | 2:
                for name in NAMES[:count]:
                    usual = _usual(name, 5)
                    usual = usual.astype("S") if name == "label" else usual
                    place[name] = _array(choices, shape) if choices.below(4) == 3 else usual
            case 3:
                place[choices.pick(("Particles", "t", "a"))] = _array(choices, shape)
            case 4:
                names = NAMES[:count]
                kinds = [(*("f8", (choices.pick((2, 0, 1)),)),) if choices.below(8) == 7
                         else (choices.pick(DTYPES[:9]),) for _ in names]  # fmt: skip
                made = np.zeros(5, [(name, *kind) for name, kind in zip(names, kinds, strict=True)])
                place.create_dataset("t", data=made)
            case 5:
                item = place.create_dataset("m", data=_array(choices, (5, count)))
                names_of = (list(NAMES[:count]), "abcd", 3, np.zeros((2, 2)), [b"a", b"b"])
                item.attrs["columns"] = choices.pick(names_of)
            case 6:
                place[choices.pick(NAMES)] = choices.pick(
                    (h5py.SoftLink("/nowhere"), h5py.SoftLink("/"), h5py.ExternalLink("x.h5", "/a"))
                )
            case 7:
                place.attrs[choices.pick(("pandas_type", "columns", "x"))] = choices.text()
    except (ValueError, TypeError, OSError, RuntimeError, KeyError):
        return  # h5py has no such type, or there is one of the name


def _hdf5_seeds() -> list[bytes]:
    frame = _frame().head(3)

    def flat(root: h5py.File) -> None:
        for name in NAMES[:3]:
            root[name] = frame[name].to_numpy()
        root["label"] = np.array(frame["label"], dtype="S3")

    def compound(root: h5py.File) -> None:
        made = np.zeros(3, [("a", "f8"), ("b", "f4"), ("n", "i4"), ("label", "S3")])
        root["t"] = made

    def particles(root: h5py.File) -> None:
        root["Particles"] = np.zeros((2, 19, 4), np.float32)

    return [_hdf5(flat), _hdf5(compound), _hdf5(particles)]


def _hdf5(fill: Callable[[h5py.File], None]) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", libver="latest") as root:
        fill(root)
    return file.getvalue()


def _particles(path: Path) -> None:
    given = {"source": "adc2021", "background": ["f"], "max_events": 3}
    found = adc2021.load(Adc2021Source.model_validate(given), lambda _: path, block=2)
    if found.x.shape[1] != 57:
        raise BrokenPromiseError(f"shape {found.x.shape}")


def _any_particles(choices: Choices) -> bytes:
    if choices.below(4) == 3:
        return _any_hdf5(choices)
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        shape = choices.pick(((5, 19, 4), (0, 19, 4), (1, 19, 4), (5, 19, 5), (5, 76), (19, 4)))
        kind = choices.pick(("f4", "f8", "f2", ">f8", "i1", "i4", "i8", "u8", "u1", "?"))
        values = np.zeros(shape)
        flat = values.reshape(-1)
        for _ in range(choices.below(6)):
            if flat.size:
                flat[choices.below(flat.size)] = choices.number()
        with np.errstate(all="ignore"):
            clean = values if "f" in kind else np.nan_to_num(values).clip(-1e18, 1e18)
            root.create_dataset("Particles", data=clean.astype(kind), chunks=choices.yes() or None)
    return file.getvalue()


def _vectors(path: Path) -> None:
    found = vectors.load(path)
    if found.x.shape != (len(found.process), len(found.features)):
        raise BrokenPromiseError("arrays do not fit one another")
    found.rows("signal")
    for index in found.process.tolist():
        found.processes[index]


def _vectors_seeds() -> list[bytes]:
    grid = Grid(1.0, 8, signed=True, unit="GeV")
    x = np.arange(12, dtype=np.int32).reshape(4, 3)
    dataset = Dataset(
        x,
        tuple(Feature(name, grid) for name in "abc"),
        (Process("qcd", "background"), Process("odd", "signal", 1.5)),
        np.array([0, 1, 0, 0], np.int16),
        np.ones(4),
        np.zeros(4, np.int8),
        (),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.npz"
        vectors.save(path, dataset)
        packed = path.read_bytes()
        with np.load(path) as archive:
            content = dict(archive)
    return [packed, _written(lambda file: np.savez(file, **content))]


def _any_vectors(choices: Choices) -> bytes:
    with np.load(io.BytesIO(_vectors_seeds()[1])) as archive:
        content: dict[str, Any] = dict(archive)
    for _ in range(1 + choices.below(3)):
        key = choices.pick(vectors.KEYS)
        match choices.below(5):
            case 0:
                content.pop(key, None)
            case 1:
                content[key] = _array(choices, choices.pick(((4,), (4, 3), (), (0,), (2,), (3,))))
            case 2 if key in content and content[key].size:
                changed = content[key].reshape(-1).copy()
                with np.errstate(all="ignore"):
                    one = np.array(choices.integer()).astype(changed.dtype)
                changed[choices.below(changed.size)] = one
                content[key] = changed.reshape(content[key].shape)
            case 3 if key in content:
                content[key] = content[key][:1]
            case 4 if key in content:
                with suppress(ValueError):
                    kind = choices.pick(("f8", "i8", "i2", "U5", "?"))
                    content[key] = content[key].astype(kind)
    return _or_nothing(lambda file: np.savez(file, **content))


READERS = (
    Reader("csv", _columns, _csv_seeds, ".csv", WORDS, longest=600),
    Reader("arff", _columns, _arff_seeds, ".arff", (*WORDS, "@data", "@attribute "), longest=600),
    Reader("npz", _columns, _npz_seeds, ".npz", ("'descr'", "'shape'", "(5,)", "|O"), _any_npz),
    Reader("pickle", _columns, _pickle_seeds, ".pkl", longest=2500),
    Reader("arrow", _columns, _arrow_seeds, ".arrow", (), _any_arrow),
    Reader("parquet", _columns, _parquet_seeds, ".parquet", (), _any_parquet),
    Reader("hdf5", _columns, _hdf5_seeds, ".h5", (), _any_hdf5, longest=8192),
    Reader(
        "adc2021", _particles, lambda: _hdf5_seeds()[2:], ".h5", (), _any_particles, longest=8192
    ),
    Reader("vectors", _vectors, _vectors_seeds, ".npz", ("'descr'", "'shape'"), _any_vectors),
)
