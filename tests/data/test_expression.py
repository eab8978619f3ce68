"""Expressions of columns: the right numbers, and nothing but arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.data.expression import evaluate, names, selected
from aetrig.errors import UserError

COLUMNS = {"pt": np.array([20.0, 35.0, 90.0]), "eta": np.array([0.5, -3.0, 2.0])}


def test_arithmetic_functions_and_comparisons() -> None:
    found = evaluate("sqrt((pt * cosh(eta))**2 + 4 * abs(eta))", COLUMNS)
    expected = np.sqrt((COLUMNS["pt"] * np.cosh(COLUMNS["eta"])) ** 2 + 4 * abs(COLUMNS["eta"]))
    np.testing.assert_array_equal(found, expected)
    assert evaluate("30 < pt <= 90 and not eta < 0", COLUMNS).tolist() == [False, False, True]
    assert evaluate("pt > 80 or eta < -1", COLUMNS).tolist() == [False, True, True]
    assert evaluate("1.5", COLUMNS).tolist() == [1.5, 1.5, 1.5]
    assert names("hypot(pt, eta) + pt") == ("pt", "eta")


def test_an_indexed_name_is_a_column_of_its_own() -> None:
    assert names("hypot(Jet_px[0], Jet_py[ 1 ]) > Jet_px") == ("Jet_px", "Jet_px[0]", "Jet_py[1]")
    columns = {"Jet_px[0]": np.array([1.0, 2.0]), "Jet_px[1]": np.array([3.0, 0.0])}
    assert evaluate("Jet_px[0] + Jet_px[1]", columns).tolist() == [4.0, 2.0]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_python_and_expressions_agree(a: float, b: float) -> None:
    columns = {"a": np.array([a]), "b": np.array([b])}
    assert evaluate("-a * (b + 2) - a % 7", columns)[0] == -a * (b + 2) - np.mod(a, 7.0)
    assert evaluate("a >= b", columns)[0] == (a >= b)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "not taken"),
        ("pt.__class__", "not taken"),
        ("(lambda: pt)()", "not taken"),
        ("[pt for pt in eta]", "not taken"),
        ("pt if eta else pt", "not taken"),
        ("open(pt)", "not taken"),
        ("pt[-1]", "not taken"),
        ("pt[eta]", "not taken"),
        ("pt[0:1]", "not taken"),
        ("pt['0']", "not taken"),
        ("pt[0][1]", "not taken"),
        ("(pt + eta)[0]", "not taken"),
        ("pt[0]", "is no column"),
        ("'text'", "not taken"),
        ("abs(x=pt)", "not taken"),
        ("pt +", "cannot be read"),
        ("pt\x00", "cannot be read"),
        ("(" * 400 + "pt" + ")" * 400, "cannot be read"),
        ("pt" * 600, "characters"),
        ("ptt > 3", "no column; did you mean 'pt'"),
    ],
)
def test_anything_else_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        evaluate(text, COLUMNS)
    assert "\n" not in str(caught.value)


def test_selections_are_comparisons_that_keep_something() -> None:
    assert selected("pt > 30", COLUMNS, Path("f")).tolist() == [False, True, True]
    with pytest.raises(UserError, match="keeps none of 3 rows"):
        selected("pt > 100", COLUMNS, Path("f"))
    with pytest.raises(UserError, match="a comparison is expected"):
        selected("pt", COLUMNS, Path("f"))
