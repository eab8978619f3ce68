"""A pickled pandas data frame of numbers, read without pandas and without running the pickle.

Understands what pandas 1 to 3 write (protocols 2 to 5), whatever the pandas installed here: the
frame's blocks and column names are taken from the inert records of `inert_pickle`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from aetrig.data.inert_pickle import Name, Record, read
from aetrig.errors import UserError

Array = npt.NDArray[Any]

MOST_COLUMNS = 1 << 16
# what records of another shape than a frame's make this module raise
DAMAGE = (
    AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError,
    MemoryError,
)  # fmt: skip
NUMERIC = re.compile(r"([iu][1248]|f[248]|b1)$")
INDEX = {"Index", "Int64Index", "UInt64Index", "Float64Index", "NumericIndex"}
MULTIARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMERICS = ("numpy.core.numeric", "numpy._core.numeric")
BUILTINS = ("builtins", "__builtin__")
BLOCKS = (
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.core.internals.blocks", "new_block"),
)
ALLOWED: frozenset[Name] = frozenset(
    [
        ("pandas", "DataFrame"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.internals.managers", "BlockManager"),
        ("pandas.core.internals", "BlockManager"),
        *BLOCKS,
        ("pandas.core.indexes.base", "_new_Index"),
        ("pandas", "RangeIndex"),
        ("pandas.core.indexes.range", "RangeIndex"),
        *((place, name) for place in ("pandas", "pandas.core.indexes.base") for name in INDEX),
        *(("pandas.core.indexes.numeric", name) for name in INDEX),
        *((place, "_reconstruct") for place in MULTIARRAYS),
        *((place, "_frombuffer") for place in NUMERICS),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        *((place, name) for place in BUILTINS for name in ("slice", "bytearray", "bytes")),
        ("_codecs", "encode"),
        # column names of pandas 3
        ("pandas", "StringDtype"),
        ("pandas.core.arrays.string_", "StringDtype"),
        ("pandas.arrays", "ArrowStringArray"),
        ("pandas.arrays", "StringArray"),
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
        ("pandas", "NA"),
        ("pandas._libs.missing", "NA"),
        ("pyarrow.lib", "_restore_array"),
        ("pyarrow.lib", "type_for_alias"),
        ("pyarrow.lib", "py_buffer"),
    ]
)


class _NotPlainError(ValueError):
    """The records are not those of a data frame of numbers."""


def read_frame(path: Path) -> dict[str, Array]:
    """Return the columns of a pickled data frame by name, each an array of shape (rows,).

    Raises UserError for anything but a plain frame of integers, floats and booleans; a column of
    objects or text is named.
    """
    tree = read(path, ALLOWED)
    try:
        names, blocks = _frame(tree)
        return _columns(names, blocks)
    except _NotPlainError as error:
        raise UserError(f"{path}: not a plain data frame of numbers: {error}") from error
    except DAMAGE as error:
        raise UserError(
            f"{path}: a pickle, but not a plain data frame of numbers as pandas writes it "
            f"({type(error).__name__}); write the table as Parquet"
        ) from error


def _frame(tree: Any) -> tuple[list[str], list[tuple[Record, Any]]]:
    """Return column names, and (values, positions) of each block."""
    if not _is(tree, "DataFrame"):
        kind = tree.name[1] if isinstance(tree, Record) else type(tree).__name__
        raise _NotPlainError(f"it holds a {kind}")
    state = tree.state
    manager = state["_mgr"] if "_mgr" in state else state["_data"]
    if manager.args:  # pandas 1.3 and later: BlockManager(blocks, axes)
        blocks, axes = manager.args
        found = [(block.args[0], block.args[1]) for block in blocks]
    else:
        description = manager.state[3]["0.14.1"]
        axes = description["axes"]
        found = [(block["values"], block["mgr_locs"]) for block in description["blocks"]]
    return _labels(axes[0]), found


def _columns(names: list[str], blocks: list[tuple[Record, Any]]) -> dict[str, Array]:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _NotPlainError(f"column '{twice}' occurs twice")
    found: dict[str, Array] = {}
    for values, where in blocks:
        members = [names[i] for i in _positions(where)]
        kind = _kind(values)
        if not NUMERIC.match(kind):
            raise _NotPlainError(f"column '{members[0]}' holds {_kind_name(kind)}, not numbers")
        block = _array(values)
        if block.ndim != 2 or len(block) != len(members):
            raise _NotPlainError(f"a block of shape {block.shape} for {len(members)} columns")
        found |= dict(zip(members, block, strict=True))
    lengths = {len(column) for column in found.values()}
    if len(found) != len(names) or len(lengths) > 1:
        raise _NotPlainError("its blocks do not fill its columns")
    return {name: found[name] for name in names}


def _kind(values: Any) -> str:
    """Return the dtype code of an array's record, such as 'f8' or 'O8'; '?' of other things."""
    if _is(values, "_reconstruct"):
        return str(values.state[2].args[0])
    if _is(values, "_frombuffer"):
        return str(values.args[1].args[0])
    return "?"


def _kind_name(kind: str) -> str:
    names = {"O": "Python objects", "?": "text", "M": "dates", "m": "time differences"}
    return names.get(kind[0], f"values of type {kind}")


def _array(record: Record) -> Array:
    """Build a numeric array from its record: buffer, dtype, shape, order."""
    if _is(record, "_reconstruct"):
        _, shape, kind, fortran, raw = record.state
        order = "F" if fortran else "C"
        axes: tuple[int, ...] | None = None
    else:
        raw, kind, shape, order, *rest = record.args
        axes = tuple(rest[0]) if rest and rest[0] is not None else None
    array: Array = np.frombuffer(_bytes(raw), dtype=_dtype(kind))
    if axes is not None:  # numpy 2.3 and later: memory order of an array that is neither C nor F
        return array.reshape(_shape(shape)).transpose(axes)
    return array.reshape(_shape(shape), order="F" if order == "F" else "C")


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(int(length) for length in shape)


def _dtype(record: Record) -> np.dtype[Any]:
    code, byte_order = str(record.args[0]), str(record.state[1])
    if not NUMERIC.match(code) or byte_order not in {"<", ">", "|", "="}:
        raise _NotPlainError(f"values of type {byte_order}{code}")
    return np.dtype(byte_order + code)


def _bytes(raw: Any) -> bytes:
    if _is(raw, "encode"):  # protocol 2 writes bytes as text
        text, encoding = raw.args
        if encoding != "latin1":
            raise _NotPlainError("bytes in an encoding that pickles do not use")
        return cast("str", text).encode("latin1")
    if _is(raw, "bytearray") or _is(raw, "bytes"):
        return _bytes(raw.args[0]) if raw.args else b""
    if not isinstance(raw, bytes | bytearray):
        raise _NotPlainError(f"{type(raw).__name__} where bytes are expected")
    return bytes(raw)


def _positions(where: Any) -> list[int]:
    if _is(where, "slice"):
        start, stop, step = where.args
        return list(range(start, stop, step)[:MOST_COLUMNS])
    return [int(i) for i in _array(where)]


def _labels(index: Any) -> list[str]:
    """Return the column names of an index record."""
    content = index.args[1]
    if "data" not in content:
        numbers = range(content["start"], content["stop"], content["step"])
        return [str(number) for number in numbers[:MOST_COLUMNS]]
    data = content["data"]
    if _is(data, "ArrowStringArray"):
        return _arrow_strings(data.state["_pa_array"])
    if _is(data, "__pyx_unpickle_NDArrayBacked"):
        data = next(part for part in data.state if _is(part, "_reconstruct"))
    if _is(data, "_reconstruct") and isinstance(data.state[4], list):
        if not all(isinstance(label, str | int | float) for label in data.state[4]):
            raise _NotPlainError("its column names are neither text nor numbers")
        return [str(label) for label in data.state[4]]
    return [str(label) for label in _array(data)]


def _arrow_strings(record: Record) -> list[str]:
    """Decode an Arrow string array: offsets and characters."""
    kind, count, _, start, (_, ends, characters), *_ = record.args[0]
    width = {"large_string": np.int64, "string": np.int32}[kind.args[0]]
    offsets = np.frombuffer(_bytes(ends.args[0]), dtype=width)[start : start + count + 1]
    text = _bytes(characters.args[0])
    return [text[a:b].decode() for a, b in pairwise(offsets)]


def _is(thing: Any, name: str) -> bool:
    return isinstance(thing, Record) and thing.name[1] == name
