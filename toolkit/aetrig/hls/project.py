"""Read a generated project back: its types and constants, compared with the Program's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aetrig.errors import UserError
from aetrig.hls.precision import Constant, Layer, layers
from aetrig.hls.trigger import CONFIG, check_trigger
from aetrig.hls.types import FixedType, parse_type
from aetrig.program.model import Program

_TYPEDEF = re.compile(r"^\s*typedef\s+(.+?)\s+(\w+);", re.MULTILINE)
_CONFIG = re.compile(r"^struct (\w+) : [^{]*\{(.*?)^\};", re.MULTILINE | re.DOTALL)
_CALL = re.compile(
    r"nnet::(normalize|dense|dense_resource|dense_da_\d+|relu|linear|unary_lut|add)"
    r"<([\w,\s]+)>\(([^;]*)\);"
)
_KINDS = {
    "normalize": "scale",
    "relu": "relu",
    "linear": "linear",
    "unary_lut": "table",
    "add": "add",
}
_ROLES = {
    "accum_t": "accum",
    "weight_t": "weight",
    "bias_t": "bias",
    "scale_t": "scale",
    "table_t": "table",
}


@dataclass(frozen=True)
class Finding:
    """A way in which a project is not what the Program says.

    ``layer``: the operation at fault. ``what``: e.g. 'accum type'.
    """

    layer: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"'{self.layer}' {self.what}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Written:
    """One layer as it stands in the project: kind, types by role, names of its constants."""

    kind: str
    types: dict[str, str]
    constants: dict[str, str]


def written(project: Path) -> list[Written]:
    """Read the project's layers in order, the input first; types are the text of the sources.

    Raises UserError where a source file is missing.
    """
    defined = {name: text for text, name in _TYPEDEF.findall(_source(project, "defines.h"))}
    configs = {
        name: {role: kind for kind, role in _TYPEDEF.findall(body)}
        for name, body in _CONFIG.findall(_source(project, "parameters.h"))
    }
    calls = [
        (function, [item.strip() for item in given.split(",")], arguments)
        for function, given, arguments in _CALL.findall(_source(project, "myproject.cpp"))
    ]
    found = [Written("input", {"result": defined.get(calls[0][1][0], "")}, {})] if calls else []
    for function, given, arguments in calls:
        inputs = 2 if function == "add" else 1
        result, config = given[inputs], "".join(given[inputs + 1 :])
        types = {"result": defined.get(result, result)}
        for name, role in _ROLES.items():
            if name in configs.get(config, {}):
                types[role] = defined.get(configs[config][name], configs[config][name])
        constants = _constants(arguments, inputs + 1)
        found.append(Written(_KINDS.get(function, "dense"), types, constants))
    return found


def types(project: Path, program: Program) -> dict[str, dict[str, FixedType | None]]:
    """Return the types in the project's sources, by layer name and role; None: not fixed point."""
    return {
        layer.name: {role: parse_type(text) for role, text in item.types.items()}
        for layer, item in zip(layers(program), written(project), strict=False)
    }


def check_project(project: Path, program: Program) -> list[Finding]:
    """Compare types and constants on disk with the Program's; empty where all are equal.

    Finds what no vector may show: a narrowed accumulator, another rounding, a changed weight.
    Weights of the strategy distributed_arithmetic are wired into code: only csim checks those.
    """
    expected, found = layers(program), written(project)
    kinds = [layer.kind for layer in expected], [item.kind for item in found]
    if kinds[0] != kinds[1]:
        return [Finding("project", "layers", " ".join(kinds[0]), " ".join(kinds[1]) or "none")]
    findings: list[Finding] = []
    for layer, item in zip(expected, found, strict=True):
        findings += _check_types(layer, item)
        for role, name in item.constants.items():
            if role in layer.constants:
                findings += _check_constant(project, layer, role, name)
    if (project / "firmware" / CONFIG).exists() and program.trigger is not None:
        findings += [Finding("score", *item) for item in check_trigger(project, program)]
    return findings


def _check_types(layer: Layer, item: Written) -> list[Finding]:
    expected = layer.types()
    # distributed arithmetic has neither accumulator nor parameters, and no bias is added there
    wired = layer.kind == "dense" and "weight" not in item.types
    roles = ("result",) if wired else tuple(expected)
    return [
        Finding(
            layer.named(role), f"{role} type", str(expected[role]), item.types.get(role, "none")
        )
        for role in roles
        if parse_type(item.types.get(role, "")) != expected[role]
    ]


def _check_constant(project: Path, layer: Layer, role: str, name: str) -> list[Finding]:
    """Compare a constant's file or files (header for synthesis, text for csim) with the Program."""
    constant = layer.constants[role]
    findings = []
    for path in (project / "firmware" / "weights" / f"{name}{end}" for end in (".h", ".txt")):
        if path.suffix == ".txt" and not path.exists():
            continue
        problem = _compare(path, constant)
        if problem is not None:
            findings.append(Finding(layer.name, f"{role} in {path.name}", *problem))
    return findings


def _compare(path: Path, constant: Constant) -> tuple[str, str] | None:
    values = _numbers(path)
    expected = np.ldexp(constant.values.astype(np.float64), constant.type.exponent)
    if values is None or len(values) != expected.size:
        found = "none readable" if values is None else str(len(values))
        return f"{expected.size} numbers", found
    # strategies lay the matrix out row by row, column by column, or (Quartus) in blocks
    orders = [expected.ravel(), expected.T.ravel()]
    if any(np.array_equal(values, order) for order in orders):
        return None
    if "ac_" in path.parents[1].joinpath("defines.h").read_text(encoding="utf-8"):
        orders, values = [np.sort(orders[0])], np.sort(values)
    nearest = min(orders, key=lambda order: int((order != values).sum()))
    differs = np.flatnonzero(nearest != values)
    if not len(differs):
        return None
    at = int(differs[0])
    return f"{nearest[at]:g} at {at}", f"{values[at]:g} ({len(differs)} differ)"


def _numbers(path: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".h":
            text = text[text.index("= {") + 3 :]
            text = text[: text.index("}")]
        return np.array([float(item) for item in text.split(",")])
    except (OSError, ValueError):
        return None


def _constants(arguments: str, variables: int) -> dict[str, str]:
    """Return the constants' names from a call's arguments: inputs, output, weight, bias."""
    names = [item.strip() for item in arguments.split(",")][variables:]
    roles = {"s": "scale", "w": "weight", "t": "table"}
    return {roles.get(name[0], "bias"): name for name in names}


def _source(project: Path, name: str) -> str:
    path = project / "firmware" / name
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); make the project again: "
                        "aetrig hls --force") from error  # fmt: skip
