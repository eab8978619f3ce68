"""Arithmetic on named columns, written as text: parsed, checked against a short list, never run.

For example ``sqrt((pt * cosh(eta))**2 + m * abs(m))`` or ``pt > 30 and abs(eta) < 2.5``. A name
with an index, ``Jet_pt[0]``, is a column of that very name, which the reader of a file makes.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError, did_you_mean

MAX_LENGTH = 1000
Array = npt.NDArray[Any]
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "abs", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "arctan2", "hypot", "minimum", "maximum", "floor", "rint", "isfinite",
    )
}  # fmt: skip
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Pow: operator.pow, ast.Mod: operator.mod,
}  # fmt: skip
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: np.logical_not,
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def parse(text: str) -> ast.expr:
    """Return an expression's tree; raise UserError for anything but arithmetic on names."""
    if len(text) > MAX_LENGTH:
        raise UserError(f"expression of {len(text)} characters; at most {MAX_LENGTH} are taken")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"expression '{text}' cannot be read: {error}") from error
    for node in ast.walk(tree):
        _check(node, text)
    return tree


def names(text: str) -> tuple[str, ...]:
    """Return the columns that an expression names, in order, each once."""
    tree = parse(text)
    # a function's name and an indexed name are no columns themselves
    inner = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    found = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Subscript) and id(node) not in inner
    ]
    return tuple(dict.fromkeys(found))


def evaluate(text: str, columns: Mapping[str, Array]) -> Array:
    """Return the expression's values, shape (rows,), of columns (rows,) by name.

    Numbers follow IEEE 754: a division by zero gives infinity, for the caller to refuse. Raises
    UserError for a name that is no column.
    """
    tree = parse(text)
    for name in names(text):
        if name not in columns:
            raise UserError(
                f"expression '{text}' names '{name}', which is no column"
                f"{did_you_mean(name, list(columns))}"
            )
    with np.errstate(all="ignore"):
        value = np.asarray(_value(tree, columns))
    rows = len(next(iter(columns.values()))) if columns else 0
    return np.broadcast_to(value, (rows,)).copy() if value.ndim == 0 else value


def selected(text: str, columns: Mapping[str, Array], path: Path) -> npt.NDArray[np.bool_]:
    """Return which rows an expression keeps; raise UserError where it keeps none, or is no yes."""
    found = evaluate(text, columns)
    if found.dtype != np.bool_:
        raise UserError(f"select '{text}' gives numbers; a comparison is expected, as in pt > 30")
    if not found.any():
        raise UserError(f"{path}: select '{text}' keeps none of {len(found)} rows")
    return found


def _check(node: ast.AST, text: str) -> None:
    """Raise UserError for a node that is not on the list."""
    match node:
        case (
            ast.Constant(value=bool() | int() | float())
            | ast.Name()
            | ast.Load()
            | ast.Subscript(value=ast.Name(), slice=ast.Constant(value=int()))
        ):
            return
        case ast.BinOp(op=op) if type(op) in BINARY:
            return
        case ast.UnaryOp(op=op) if type(op) in UNARY:
            return
        case ast.Compare(ops=ops) if all(type(op) in COMPARE for op in ops):
            return
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
            return
        case ast.BoolOp() | ast.operator() | ast.unaryop() | ast.cmpop() | ast.boolop():
            return
    raise UserError(
        f"expression '{text}' holds {type(node).__name__}, which is not taken; columns, "
        "Jet_pt[0], numbers, + - * / ** %, comparisons, and, or, not, and the functions "
        f"{', '.join(FUNCTIONS)} are"
    )


def _value(node: ast.expr, columns: Mapping[str, Array]) -> Any:
    def of(part: ast.expr) -> Any:
        return _value(part, columns)

    found: Any
    match node:
        case ast.Constant(value=value):
            found = float(value) if isinstance(value, int) else value
        case ast.Name() | ast.Subscript():
            found = columns[ast.unparse(node)]
        case ast.BinOp(left=left, op=op, right=right):
            found = BINARY[type(op)](of(left), of(right))
        case ast.UnaryOp(op=op, operand=operand):
            found = UNARY[type(op)](of(operand))
        case ast.BoolOp(op=op, values=values):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            found = join.reduce([of(value) for value in values])
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [of(side) for side in (left, *others)]
            pairs = zip(ops, pairwise(sides), strict=True)
            found = np.logical_and.reduce([COMPARE[type(op)](*pair) for op, pair in pairs])
        case ast.Call(func=ast.Name(id=name), args=arguments):
            found = FUNCTIONS[name](*map(of, arguments))
        case _:
            raise AssertionError("checked before")
    return found
