"""ROOT files: our layer over uproot, which is Python too and guides the search."""

from __future__ import annotations

import tempfile
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from aetrig.data.root_file import read_tree, survey
from trials.fuzz.reader import BrokenPromiseError, Reader

NAMES = ("MET_pt", "Jet_pt[0]", "cells[1]")


def _tree(path: Path) -> None:
    events, _ = survey(path, NAMES)
    whole = read_tree(path, NAMES, None, None)
    first = read_tree(path, NAMES, None, 2)
    if whole.events != events:
        raise BrokenPromiseError(f"{whole.events} events read of {events}")
    for name, column in first.columns.items():
        if column.shape != (first.events,):
            raise BrokenPromiseError(f"'{name}' has shape {column.shape}")
        if not np.array_equal(column, whole.columns[name][: len(column)], equal_nan=True):
            raise BrokenPromiseError(f"the first rows of '{name}' differ")
    jets = read_tree(path, ("Jet_pt", "MET_pt"), None, None, rows="Jet")
    if len({len(column) for column in jets.columns.values()}) != 1:
        raise BrokenPromiseError("columns of several lengths")


def _seed(kind: str) -> bytes:
    content = {
        "MET_pt": np.array([10.0, 20, 30]),
        "Jet_pt": ak.Array([[50.0, 30.0], [], [20.0]]),
        "cells": np.arange(6.0).reshape(3, 2),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.root"
        with uproot.recreate(path, compression=None) as file:
            if kind == "RNTuple":
                file["Events"] = content
            else:
                kinds = {"MET_pt": "f8", "Jet_pt": "var * float64", "cells": np.dtype(("f8", (2,)))}
                file.mktree("Events", kinds).extend(content)
        return path.read_bytes()


READERS = (
    Reader("root", _tree, lambda: [_seed("TTree"), _seed("RNTuple")], ".root", ("Events", "Jet_pt"),
           longest=16384),
)  # fmt: skip
