"""No one else's code lies in the repository, and code that is planted there is found."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PASSAGE = [f"    wire [{n}:0] in{n}_extended_by_its_sign_bits;\n".encode() for n in range(8)]


@pytest.fixture(scope="module")
def vendored() -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    from trials._supply import vendored

    return vendored


def test_no_file_has_a_foreign_name_or_notice(vendored: ModuleType) -> None:
    from trials._supply.built import tracked
    from trials._supply.places import REPOSITORY

    if not (REPOSITORY / ".git").exists():
        pytest.skip("a checkout without git")
    assert list(vendored.foreign(vendored.tree(REPOSITORY, tracked()), {})) == []


@pytest.mark.parametrize(
    "name", ["ap_fixed.h", "ac_int.h", "nnet_dense.h", "src/shift_adder.v", "mux.vhd"]
)
def test_known_names_are_found(vendored: ModuleType, name: str) -> None:
    (line,) = vendored.foreign({name: b""}, {})
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "text",
    [
        b"// Copyright 2011-2019 Xilinx, Inc.",
        b"# Copyright (c) 2020, someone",
        b"GNU Lesser General Public License",
        b"// SPDX-License-Identifier: MIT",
    ],
)
def test_notices_are_found(vendored: ModuleType, text: bytes) -> None:
    assert len(list(vendored.foreign({"toolkit/x.py": text}, {}))) == 1


def test_copied_lines_are_found_whatever_their_indent(vendored: ModuleType) -> None:
    theirs = dict.fromkeys(vendored._runs(b"".join(PASSAGE)), "them/adder.v")
    assert len(theirs) == 1
    ours = b"module ours;\n\n" + b"".join(b"  " + line for line in PASSAGE) + b"endmodule\n"
    (line,) = vendored.foreign({"ours.v": ours}, theirs)
    assert line.endswith("as in them/adder.v")
    assert not list(vendored.foreign({"ours.v": b"".join(PASSAGE[1:])}, theirs))
