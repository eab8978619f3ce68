"""Columns out of a TTree or RNTuple of a ROOT file: one row an event, or one row an object of each.

A branch holds one number an event, or a list of them, as ``Jet_pt`` does. ``Jet_pt[0]`` is the
first of each list and 0 where the list is too short; which rows are so padded is part of the
answer. Where a collection gives the rows, its lists are laid end to end, and what belongs to the
event is repeated for each of its objects. A dot in a branch's name is written as an underscore.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.data.files import require_kind
from aetrig.data.table_files import Columns, as_labels, require_columns
from aetrig.errors import AetrigError, MissingToolError, UserError, did_you_mean

Mask = npt.NDArray[np.bool_]
TREES = ("TTree", "ROOT::RNTuple")
USUAL = "Events"
_INDEXED = re.compile(r"(?P<branch>[^\[\]]+)\[(?P<index>\d{1,9})\]")


@dataclass(frozen=True)
class Lists:
    """A list of numbers an event: ``values`` laid end to end, ``counts`` of shape (events,).

    ``size``: of an array, whose events all have as many by its type; None where they differ.
    """

    values: npt.NDArray[Any]
    counts: npt.NDArray[np.int64]
    size: int | None = None

    def at(self, index: int) -> tuple[npt.NDArray[Any], Mask]:
        """Return the entry at an index from 0, zero where there is none, and where there is one."""
        present = self.counts > index
        starts = np.cumsum(self.counts) - self.counts
        found = np.zeros(len(self.counts), self.values.dtype)
        found[present] = self.values[starts[present] + index]
        return found, present


@dataclass(frozen=True)
class TreeColumns:
    """Columns of shape (rows,), and of those that are padded where they are present.

    ``objects``: of a padded column the collection and the index of the object that it belongs to.
    ``events``: how many were read.
    """

    columns: Columns
    present: dict[str, Mask] = field(default_factory=dict)
    objects: dict[str, tuple[str, int]] = field(default_factory=dict)
    events: int = 0


def read_tree(
    path: Path,
    names: Sequence[str],
    label: str | None,
    events: int | None,
    *,
    tree: str | None = None,
    rows: str | None = None,
    start: int = 0,
) -> TreeColumns:
    """Return the named columns of ``events`` events from ``start`` on, and the label as text.

    ``tree``: by default the only one in the file, or the one called Events. ``rows``: the
    collection whose objects are the rows; else events are. Only the named branches are read. Raises
    UserError where the file is damaged or no ROOT file, has no such tree, branch or collection, or
    where a branch holds something else than numbers; MissingToolError without uproot.
    """
    require_kind(path, "ROOT")
    wanted = list(dict.fromkeys([*names, *([label] if label else [])]))
    with _open(path) as file:
        branches = _Branches(path, file[_tree_name(path, file, tree)], events, start)
        if not branches.events:
            raise UserError(f"{path}: the tree has no events")
        read = [_Wanted(name, *_split(name)) for name in wanted]
        for one in read:
            branches.read(one.branch, may_be_text=one.name == label)
        objects = None if rows is None else _objects(branches, rows, read)
        made = TreeColumns({}, events=branches.events)
        for one in read:
            _add(made, one, branches, objects)
    if label is not None:
        made.columns[label] = _texts(path, made.columns[label])
    return made


def survey(path: Path, names: Sequence[str], tree: str | None = None) -> tuple[int, list[str]]:
    """Return how many events a tree has, and its branches; raises as `read_tree`."""
    require_kind(path, "ROOT")
    with _open(path) as file:
        branches = _Branches(path, file[_tree_name(path, file, tree)], None, 0)
        require_columns(path, [_split(name)[0] for name in names], branches.names)
        return branches.events, branches.names


def _open(path: Path) -> Any:
    try:
        import uproot
    except ImportError as error:
        raise MissingToolError(
            f"{path}: ROOT files are read with the Python package uproot, which is not installed: "
            "pip install 'aetrig[root]'"
        ) from error
    return _reading(path, uproot)


@contextmanager
def _reading(path: Path, uproot: Any) -> Iterator[Any]:
    """Open a file; whatever uproot says of its content becomes one line."""
    try:
        with uproot.open(path) as file:
            _require_whole(path, int(file.file.fEND))
            yield file
    except AetrigError:
        raise
    except Exception as error:  # a damaged file ends wherever its lengths and addresses lead
        said = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: truncated or damaged ROOT file, or of a kind that uproot cannot read "
            f"({type(error).__name__}: {said}); copy or download it again"
        ) from error


def _require_whole(path: Path, declared: int) -> None:
    found = path.stat().st_size
    if found < declared:  # what is cut may be what nobody reads: then uproot does not mind
        raise UserError(
            f"{path}: truncated or damaged ROOT file ({found} of {declared} bytes); copy or "
            "download it again"
        )


def _tree_name(path: Path, file: Any, tree: str | None) -> str:
    kinds: dict[str, str] = file.classnames(cycle=False)
    known = [name for name, kind in kinds.items() if kind in TREES]
    if tree is not None and tree not in known:
        raise UserError(
            f"{path}: no tree '{tree}'; it has {', '.join(known) or 'none'}"
            f"{did_you_mean(tree, known)}"
        )
    if tree is not None:
        return tree
    if len(known) == 1:
        return known[0]
    if USUAL in known:
        return USUAL
    raise UserError(
        f"{path}: several trees ({', '.join(known)}); name one with data.tree"
        if known
        else f"{path}: no TTree or RNTuple among {', '.join(kinds) or 'no objects'}"
    )


@dataclass(frozen=True)
class _Wanted:
    """A column by its name, and the branch and index that the name is made of."""

    name: str
    branch: str
    index: int | None


@dataclass(frozen=True)
class _Objects:
    """The collection that gives the rows, and how many objects of it each event has."""

    name: str
    counts: npt.NDArray[np.int64]


class _Branches:
    """The branches of an open tree by the names that configs give them, each read once."""

    def __init__(self, path: Path, tree: Any, events: int | None, start: int) -> None:
        entries = max(0, int(tree.num_entries) - start)
        self.path = path
        self.start = start
        self.events = entries if events is None else min(events, entries)
        self.content: dict[str, npt.NDArray[Any] | Lists] = {}
        self._tree = tree
        self._keys: dict[str, str] = {}
        for key in map(str, tree.keys()):
            for name in (key, key.split("/")[-1]):
                self._keys.setdefault(name.replace(".", "_"), key)

    @property
    def names(self) -> list[str]:
        """Names that configs may use."""
        return list(self._keys)

    def read(self, name: str, *, may_be_text: bool) -> None:
        """Read a branch's numbers (or texts, for labels) of each event into ``content``."""
        if name in self.content:
            return
        require_columns(self.path, [name], self.names)
        array = self._tree[self._keys[name]].array(
            entry_start=self.start, entry_stop=self.start + self.events, library="ak"
        )
        if len(array) != self.events:
            raise UserError(
                f"{self.path}: branch '{name}' has {len(array)} entries, its tree {self.events}"
            )
        is_text = may_be_text and array.ndim == 1 and "string" in str(array.type)
        found = _texts(self.path, array) if is_text else _content(array)
        if found is None:
            raise UserError(
                f"{self.path}: branch '{name}' holds {array.type.content} an event, expected a "
                "number or a list of numbers"
            )
        self.content[name] = found

    def collection(self, name: str) -> str:
        """Return the collection of a branch of lists, Jet of Jet_pt.

        It is what nJet counts, or where nothing does, the beginning of the name.
        """
        counter = getattr(self._tree[self._keys[name]], "count_branch", None)
        return _prefix(name) if counter is None else _counted(counter.name)

    def belongs(self, name: str, rows: str) -> bool:
        """Whether a branch of lists is of the collection that a config calls ``rows``."""
        return rows in {self.collection(name), _prefix(name)}

    def collections(self) -> list[str]:
        """Return the names that ``rows`` may have, of branches with a counter."""
        counters = [getattr(self._tree[key], "count_branch", None) for key in self._keys.values()]
        return list(dict.fromkeys(_counted(one.name) for one in counters if one is not None))


def _texts(path: Path, array: Any) -> npt.NDArray[np.str_]:
    return as_labels([str(value) for value in array.tolist()], f"{path}: the label")


def _content(array: Any) -> npt.NDArray[Any] | Lists | None:
    """Return numbers, or lists of them, one an event; None where it is something else."""
    import awkward as ak

    if array.ndim != 2 or array.fields:
        return _numbers(ak, array)
    values = _numbers(ak, ak.flatten(array))
    counts = ak.to_numpy(ak.num(array)).astype(np.int64)
    size = getattr(array.type.content, "size", None)
    return None if values is None else Lists(values, counts, size)


def _numbers(ak: Any, array: Any) -> npt.NDArray[Any] | None:
    """Return an array of plain numbers, or None where it is of something else."""
    if array.ndim != 1 or array.fields or "string" in str(array.type):
        return None
    numbers: npt.NDArray[Any] = ak.to_numpy(array, allow_missing=False)
    return numbers if numbers.dtype.kind in "iufb" else None


def _split(name: str) -> tuple[str, int | None]:
    """Return branch and index of a column: ``Jet_pt[0]`` is ``Jet_pt`` and 0."""
    match = _INDEXED.fullmatch(name)
    return (name, None) if match is None else (match["branch"], int(match["index"]))


def _prefix(name: str) -> str:
    return name.rpartition("_")[0] or name


def _counted(counter: str) -> str:
    return counter[1:] if counter[:1] in {"n", "N"} else counter


def _objects(branches: _Branches, rows: str, wanted: list[_Wanted]) -> _Objects:
    """Return how many objects each event has of the collection that gives the rows."""
    for one in wanted:
        content = branches.content[one.branch]
        if isinstance(content, Lists) and branches.belongs(one.branch, rows):
            if not content.counts.any():
                raise UserError(f"{branches.path}: none of {branches.events} events has a '{rows}'")
            return _Objects(rows, content.counts)
    raise UserError(
        f"{branches.path}: data.rows is '{rows}', and no column takes a list of that collection, "
        f"such as {rows}_pt{did_you_mean(rows, branches.collections())}"
    )


def _add(made: TreeColumns, wanted: _Wanted, branches: _Branches, objects: _Objects | None) -> None:
    """Put a branch into the columns, one number a row."""
    content = branches.content[wanted.branch]
    times: Any = 1 if objects is None else objects.counts
    if wanted.index is not None:
        values, present = _entry(wanted, wanted.index, content, branches.path)
        made.columns[wanted.name] = np.repeat(values, times)
        if present is not None:
            made.present[wanted.name] = np.repeat(present, times)
            made.objects[wanted.name] = (branches.collection(wanted.branch), wanted.index)
    elif isinstance(content, Lists):
        made.columns[wanted.name] = _of_objects(wanted.name, content, branches, objects)
    else:
        made.columns[wanted.name] = np.repeat(content, times)


def _entry(
    wanted: _Wanted, index: int, content: npt.NDArray[Any] | Lists, path: Path
) -> tuple[npt.NDArray[Any], Mask | None]:
    """Return one entry of each list, and where there is one unless there always is."""
    if not isinstance(content, Lists):
        raise UserError(
            f"{path}: '{wanted.name}': branch '{wanted.branch}' holds one number an event and no "
            "list; leave the index out"
        )
    if content.size is not None and index >= content.size:
        raise UserError(
            f"{path}: '{wanted.name}': branch '{wanted.branch}' is an array of {content.size}, "
            "counted from 0"
        )
    values, present = content.at(index)
    return values, present if content.size is None else None


def _of_objects(
    name: str, lists: Lists, branches: _Branches, objects: _Objects | None
) -> npt.NDArray[Any]:
    if objects is None or not branches.belongs(name, objects.name):
        raise UserError(
            f"{branches.path}: branch '{name}' holds a list an event; take one of it, as in "
            f"{name}[0], or a row for each, as in data.rows: "
            f"{branches.collection(name)}"
        )
    if not np.array_equal(lists.counts, objects.counts):
        raise UserError(f"{branches.path}: branch '{name}' has not one number a '{objects.name}'")
    return lists.values
