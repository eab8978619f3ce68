"""Arithmetic on named columns, written as text: parsed, checked against a short list, never run.

For example ``sqrt((pt * cosh(eta))**2 + m * abs(m))`` or ``pt > 30 and abs(eta) < 2.5``. A name
with an index, ``Jet_pt[0]``, is a column of that very name, which the reader of a file makes.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.errors import UserError, did_you_mean

MAX_LENGTH = 1000
MAX_DEPTH = 150
Array = npt.NDArray[Any]
LARGEST = 1e300  # of the integers
FUNCTIONS: dict[str, np.ufunc] = {
    name: getattr(np, name)
    for name in (
        "abs", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh",
        "arctan2", "hypot", "minimum", "maximum", "floor", "rint", "isfinite",
    )
}  # fmt: skip
BINARY: dict[type[ast.operator], np.ufunc] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply,
    ast.Div: np.true_divide, ast.Pow: np.power, ast.Mod: np.remainder,
}  # fmt: skip
UNARY: dict[type[ast.unaryop], np.ufunc] = {
    ast.USub: np.negative, ast.UAdd: np.positive,
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # `1if` is one; it is refused below
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"expression '{text}' cannot be read: {error}") from error
    _check_depth(tree, text)
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

    Numbers follow IEEE 754: a division by zero gives infinity, for the caller to refuse. Arithmetic
    is in floating point whatever the columns hold (int8 would overflow), comparisons of integers
    are exact. Raises UserError for a name that is no column, or one of text.
    """
    tree = parse(text)
    for name in names(text):
        if name not in columns:
            raise UserError(
                f"expression '{text}' names '{name}', which is no column"
                f"{did_you_mean(name, list(columns))}"
            )
        if columns[name].dtype.kind not in "biuf":
            raise UserError(
                f"expression '{text}': column '{name}' holds {columns[name].dtype}, not numbers"
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


def _check_depth(tree: ast.expr, text: str) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise UserError(f"expression '{text}' is nested more than {MAX_DEPTH} deep; split it up")


def _check(node: ast.AST, text: str) -> None:
    """Raise UserError for a node that is not on the list."""
    match node:
        case ast.Constant(value=int() as whole) if abs(whole) > LARGEST:
            raise UserError(f"expression '{text}' holds an integer above {LARGEST:g}")
        case (
            ast.Constant(value=bool() | int() | float())
            | ast.Name()
            | ast.Load()
            | ast.Subscript(value=ast.Name(), slice=ast.Constant(value=int()))
        ):
            return
        case ast.BinOp(op=op) if type(op) in BINARY:
            return
        case ast.UnaryOp(op=op) if type(op) in UNARY or isinstance(op, ast.Not):
            return
        case ast.Compare(ops=ops) if all(type(op) in COMPARE for op in ops):
            return
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in FUNCTIONS:
            wanted = FUNCTIONS[name].nin
            if len(given) != wanted:
                raise UserError(
                    f"expression '{text}': {name} takes {wanted} arguments, found {len(given)}"
                )
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

    def number(part: ast.expr) -> Any:
        return _number(of(part))

    found: Any
    match node:
        case ast.Constant(value=int() | float() as value):
            found = value if value < 1 << 64 else float(value)  # numpy holds no larger integers
        case ast.Name() | ast.Subscript():
            found = columns[ast.unparse(node)]
        case ast.BinOp(left=left, op=op, right=right):
            found = BINARY[type(op)](number(left), number(right))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            found = np.logical_not(of(operand))
        case ast.UnaryOp(op=op, operand=operand):
            found = UNARY[type(op)](number(operand))
        case ast.BoolOp(op=op, values=values):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            found = reduce(join, map(of, values))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [of(side) for side in (left, *others)]
            pairs = zip(ops, pairwise(sides), strict=True)
            found = reduce(np.logical_and, (COMPARE[type(op)](*pair) for op, pair in pairs))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            found = FUNCTIONS[name](*map(number, arguments))
        case _:
            raise AssertionError("checked before")
    # of constants alone: a plain number, which takes a column's precision as constants do
    return found.item() if isinstance(found, np.generic) else found


def _number(value: Any) -> Any:
    """Return floats as they are; integers and truth values as float64."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind == "f" else value.astype(np.float64)
    return float(value)
