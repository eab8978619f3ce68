"""What people type: configs, overrides, expressions, options."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from aetrig.cli import points
from aetrig.compress.bound import by_column
from aetrig.config.load import DEFAULT, load, loads
from aetrig.config.model import RunConfig
from aetrig.data import expression
from aetrig.parts import resolve
from aetrig.search import budget, scan
from trials.fuzz.reader import BrokenPromiseError, Reader

REPOSITORY = Path(__file__).resolve().parents[4]
COLUMNS: dict[str, Any] = {
    "pt": np.array([1.5, 0.0, -2.0, 1e300]),
    "eta": np.array([0.5, -3.0, 0.0, np.nan]),
    "n": np.array([0, 1, -5, 2**40], dtype=np.int64),
    "i": np.array([1, 2, 3, 127], dtype=np.int8),
    "u": np.array([0, 1, 2, 255], dtype=np.uint8),
    "ok": np.array([True, False, True, True]),
    "Jet_pt[0]": np.array([30.0, 0.0, 7.0, np.inf]),
}
OPTIONS: dict[str, Callable[[str], object]] = {
    "rate": lambda text: points.named(text.split("\n"), "--rate", points.hertz),
    "threshold": lambda text: points.named(text.split("\n"), "--threshold", points.integer),
    "background": lambda text: points.share(text, "--background"),
    "latency": lambda text: budget.latency(text, 2.5),
    "luts": lambda text: budget.luts(text, resolve("xcvu9p")),
    "time": budget.duration,
    "quality": budget.share,
    "axes": budget.axes,
    "max-error": lambda text: by_column(text.split("\n"), ["pt", "eta"]),
    "over": scan._parsed,  # noqa: SLF001 - what the option's text goes through
    "part": resolve,
}


def _typed(path: Path) -> str:
    """Return a file as a command line would give it: bytes that are no UTF-8 are surrogates."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _config(path: Path) -> None:
    _same_again(load(path))


def _override(path: Path) -> None:
    overrides = _typed(path).split("\n")
    path.write_text("name: t\n", encoding="utf-8")  # faster to read than the default
    _same_again(load(path, overrides))


def _same_again(config: RunConfig) -> None:
    """Write what is not default and read it: `dump` writes all of it, which takes too long here."""
    text = yaml.safe_dump(config.model_dump(mode="json", exclude_defaults=True), sort_keys=False)
    if loads(text, "again") != config:
        raise BrokenPromiseError("the config is another one when it is written and read again")


def _option(path: Path) -> None:
    name, _, text = _typed(path).partition("\n")
    if name in OPTIONS:
        OPTIONS[name](text)


def _expression(path: Path) -> None:
    text = _typed(path)
    expression.names(text)
    before = {name: column.copy() for name, column in COLUMNS.items()}
    found = expression.evaluate(text, COLUMNS)
    for name, column in before.items():
        np.testing.assert_array_equal(COLUMNS[name], column)
    if found.shape != (4,):
        raise BrokenPromiseError(f"shape {found.shape}")
    wanted = _by_python(text)
    if found.dtype.kind not in "biuf" or not np.array_equal(found, wanted, equal_nan=True):
        raise BrokenPromiseError(f"{text!r}: {found} and by Python {wanted}")


def _by_python(text: str) -> Any:
    """Evaluate an expression by Python's own compiler, with numpy's scalars and functions."""
    with warnings.catch_warnings(action="ignore"):
        parsed = ast.parse(text.strip(), mode="eval")
    tree = ast.fix_missing_locations(_Numpy().visit(parsed))
    names: dict[str, Any] = {f"c{i}": column for i, column in enumerate(COLUMNS.values())}
    names |= {"number": lambda value: np.asarray(value, np.float64), "land": np.logical_and}
    names |= {"lor": np.logical_or, "lnot": np.logical_not} | expression.FUNCTIONS
    with np.errstate(all="ignore"):
        value = eval(compile(tree, "expression", "eval"), {"__builtins__": {}}, names)  # noqa: S307
    return np.broadcast_to(value, (4,))


class _Numpy(ast.NodeTransformer):
    """Names to columns, operands to float64, and / or / not and chains to numpy's functions."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(f"c{list(COLUMNS).index(node.id)}", ast.Load())

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return ast.Name(f"c{list(COLUMNS).index(ast.unparse(node))}", ast.Load())

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        large = isinstance(node.value, int) and node.value >= 1 << 63
        return ast.Constant(float(node.value)) if large else node

    def number(self, node: ast.expr) -> Any:
        return _call("number", [self.visit(node)])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return ast.Call(node.func, [self.number(part) for part in node.args], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return ast.BinOp(self.number(node.left), node.op, self.number(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Not):
            return _call("lnot", [self.visit(node.operand)])
        return ast.UnaryOp(node.op, self.number(node.operand))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        name = "land" if isinstance(node.op, ast.And) else "lor"
        first, *others = [self.visit(part) for part in node.values]
        for other in others:
            first = _call(name, [first, other])
        return first

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        sides = [self.visit(side) for side in (node.left, *node.comparators)]
        pairs = zip(node.ops, pairwise(sides), strict=True)
        first, *others = [ast.Compare(left, [op], [right]) for op, (left, right) in pairs]
        for other in others:
            first = _call("land", [first, other])
        return first


def _call(name: str, arguments: list[Any]) -> Any:
    return ast.Call(ast.Name(name, ast.Load()), arguments, [])


def _config_seeds() -> list[bytes]:
    files = [*sorted((REPOSITORY / "configs").glob("*.yaml")), DEFAULT]
    small = [
        b"name: t\ndata: {source: table, files: [t.csv], columns: [{name: a, step: 1, bits: 8}]}\n",
        b"name: t\ndata: {source: adc2021, background: [b.h5], signals: {s: s.h5}}\n",
        b"name: t\nsearch: {width: [4, 8], rounding: [FLOOR]}\n",
    ]
    texts = [path.read_bytes() for path in files]
    return [*small, *(text for text in texts if len(text) < 2000)]  # longer ones take too long


YAML = (
    "!!python/object", "!!binary ", "!!timestamp ", "&a ", "*a", "<<: ", "? ", "|\n", ".inf",
    ".nan", "0x10", "1_000", "2001-01-01", "---\n", "null", "~",
)  # fmt: skip


def _config_words() -> tuple[str, ...]:
    def words(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from schema.get("properties", {})
            yield from (str(item) for item in schema.get("enum", []))
            for item in schema.values():
                yield from words(item)
        elif isinstance(schema, list):
            for item in schema:
                yield from words(item)

    found = dict.fromkeys(words(RunConfig.model_json_schema()))
    return (*found, *YAML)


EXPRESSIONS = (
    "pt > 30 and abs(eta) < 2.5", "sqrt((pt * cosh(eta))**2 + n * abs(i))", "Jet_pt[0] / 2 % 3",
    "not ok or pt == 0", "-1 < eta <= 2", "hypot(pt, eta)", "minimum(u, n) ** i", "1 - ok", "2**n",
)  # fmt: skip
OPTION_TEXTS = (
    "rate\n30kHz", "rate\ntight=10kHz\nloose=1e2khz", "threshold\na=12\nb=3", "background\n0.3",
    "latency\n50ns", "latency\n10cycles", "luts\n1%", "luts\n12000", "time\n20min", "quality\n20%",
    "axes\nluts,latency", "max-error\n1%\npt=0.5", "over\nquant.weight_bits=4,6", "part\nxcvu9p",
    "part\nxcku15p-ffve1517-2-e",
)  # fmt: skip
OVERRIDES = (
    "quant.weight_bits=4", "net.encoder=[16, 2]", "name=x", "data.source=l1", "trigger.score=mae",
    "seed=3\ntrain.epochs=2", "scaling={kind: standard}", "data={source: l1}",
    "search.width=[4, 8]",
)  # fmt: skip

READERS = (
    Reader(
        "config", _config, _config_seeds, ".yaml",
        _config_words(), longest=2500,
    ),
    Reader(
        "override", _override, lambda: [text.encode() for text in OVERRIDES], "",
        _config_words(), longest=512,
    ),
    Reader(
        "expression", _expression, lambda: [text.encode() for text in EXPRESSIONS], "",
        (*COLUMNS, *expression.FUNCTIONS, "**", "<=", "==", " and ", " or ", "not ", "True",
         "1e308", "(", ")", "[0]", "0x", "1j", "lambda:", "if", "else"), longest=400,
    ),
    Reader(
        "option", _option,
        lambda: [text.encode() for text in OPTION_TEXTS], "",
        (*(f"{name}\n" for name in OPTIONS), "kHz", "MHz", "ns", "us", "cycles", "%", "min", "h",
         "e400", "=", "nan", "inf", "xc7z020", "-clg400-1"), longest=200,
    ),
)  # fmt: skip
