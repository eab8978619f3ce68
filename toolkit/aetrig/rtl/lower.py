"""A Program as the combinational logic that alkaid pipelines: adders, muxes and small tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from alkaid.trace import FVArray, trace
from alkaid.trace.fixed_variable import FVariable
from alkaid.trace.passes import optimize

from aetrig.program.model import ACCEPT, SCORE, Add, Affine, Program, Quantize, Relu, Rescale, Table
from aetrig.rtl.lookup import lookup
from aetrig.rtl.product import product
from aetrig.rtl.quantizer import quantizer
from aetrig.rtl.squares import sum_of_absolutes, sum_of_squares
from aetrig.rtl.variable import HARDWARE, plus

# binary_lut: alkaid 0.8.2 fails on one-bit inputs whose sum has a negative factor
SOLVER = {"binary_lut": False}


@dataclass(frozen=True)
class Logic:
    """alkaid's program, and which of its outputs is what.

    ``comb``: alkaid's CombLogic, every input kept, used or not. ``names``: of each output element
    the Program's result and its element; an element stands for its value, not for an integer.
    """

    comb: Any
    names: tuple[tuple[str, int], ...]


def lower(program: Program, extra_depth: int = 0) -> Logic:
    """Return the logic of output, score and accept bits.

    ``extra_depth``: adder levels beyond the least that each matrix product may take: fewer adders
    for a longer path; -1 for no bound.
    """
    low = np.array([form.low for form in program.input_formats], dtype=np.float64)
    high = np.array([form.high for form in program.input_formats], dtype=np.float64)
    x = list(np.asarray(FVArray.from_lhs(low, high, np.ones_like(low), HARDWARE)))
    values = _network(program, x, SOLVER | {"hard_dc": extra_depth})
    last = program.operations[-1].name
    outputs = {last: values[last]}
    if program.trigger is not None:
        score = _score(program, values)
        unit = 2.0**program.score_exponent
        outputs[SCORE] = [score]
        points = program.trigger.points
        outputs[ACCEPT] = [_above(score, point.threshold * unit) for point in points]
    names = tuple((name, i) for name, found in outputs.items() for i in range(len(found)))
    elements = [element for found in outputs.values() for element in found]
    traced = trace(x, elements, optimize=False)
    # retrace: alkaid 0.8.2 loses a power of two where bits are sliced behind a ReLU
    return Logic(optimize(traced, keep_dead_inputs=True, retrace=False), names)


def _network(program: Program, x: list[Any], options: dict[str, Any]) -> dict[str, list[Any]]:
    """Return alkaid's variables behind every operation."""
    values: dict[str, list[Any]] = {}
    current, exponent = x, 0
    for op in program.operations:
        match op:
            case Rescale():
                pairs = zip(current, op.offset.tolist(), op.shift.tolist(), strict=True)
                current = [plus(value, -float(o)) * 2.0**-s for value, o, s in pairs]
            case Affine():
                exponent += op.weight_format.exponent
                weight = np.ldexp(op.weight.astype(np.float64), op.weight_format.exponent)
                bias = np.ldexp(op.bias.astype(np.float64), exponent)
                current = product(current, weight, bias, options)
            case Relu():
                pass  # part of the quantizer behind it: one saturation does both
            case Add():
                current = [a + b for a, b in zip(current, values[op.source], strict=True)]
                exponent = min(exponent, program.quantizer(op.source).format.exponent)
            case Table():
                current = [lookup(value, op, 2.0**exponent) for value in current]
                exponent = op.exponent
            case Quantize():
                relu = isinstance(_before(program, op), Relu)
                current = list(map(quantizer(op.format, op.rounding, relu=relu), current))
                exponent = op.format.exponent
        values[op.name] = current
    return values


def _before(program: Program, op: Quantize) -> object:
    return program.operations[[item is op for item in program.operations].index(True) - 1]


def _score(program: Program, values: dict[str, list[Any]]) -> Any:
    trigger = program.trigger
    if trigger is None:
        raise ValueError("a network alone has no score")
    output = values[program.operations[-1].name]
    if trigger.score.reference is not None:
        reference = values[trigger.score.reference]
        output = [a - b for a, b in zip(output, reference, strict=True)]
    return (sum_of_squares if trigger.score.kind == "square" else sum_of_absolutes)(output)


def _above(score: Any, threshold: float) -> Any:
    """Return the bit; constant where the range decides."""
    if score.low > threshold or score.high <= threshold:
        return FVariable.from_const(float(score.low > threshold), HARDWARE)
    return plus(score, -threshold).is_positive()


def evaluate(logic: Logic, x: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return what alkaid's interpreter computes, as values by result: (events, width) floats."""
    found = logic.comb.predict(np.asarray(x, dtype=np.float64))
    columns: dict[str, list[int]] = {}
    for place, (name, _) in enumerate(logic.names):
        columns.setdefault(name, []).append(place)
    return {name: found[:, places] for name, places in columns.items()}
