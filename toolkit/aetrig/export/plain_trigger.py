"""Score and accept bits of a plain ONNX model, exact in the kernel's own integers."""

from __future__ import annotations

import json

import numpy as np
from onnx import TensorProto

from aetrig.errors import UserError
from aetrig.export.kernels import MANTISSA
from aetrig.export.plain_graph import PlainGraph
from aetrig.program.model import ACCEPT, SCORE, Program
from aetrig.program.ranges import ranges


def add_trigger(graph: PlainGraph, program: Program, output: str) -> None:
    """Add the outputs `score` and `accept` behind the tensor of the output's integers.

    float32 where the largest score has at most 24 bits, else float64. Raises UserError where
    float64 does not hold it either.
    """
    trigger = program.trigger
    if trigger is None:
        raise ValueError("the program has no trigger")
    bits = ranges(program)[SCORE].bits
    if bits > MANTISSA["float64"]:
        raise UserError(
            f"the score needs {bits} bits, more than the {MANTISSA['float64']} that onnxruntime's "
            "float64 holds exactly; use fewer bits, or the absolute difference"
        )
    wide = bits > MANTISSA["float32"]
    finest = program.output_format.exponent
    reference = trigger.score.reference
    if reference is not None:
        finest = min(finest, program.quantizer(reference).format.exponent)
    step = program.output_format.exponent - finest
    difference = _integers(graph, output, step, "score_output", wide=wide)
    if reference is not None:
        step = program.quantizer(reference).format.exponent - finest
        subtracted = _integers(graph, reference, step, "score_reference", wide=wide)
        difference = graph.node("Sub", [difference, subtracted], "score_difference")
    if trigger.score.kind == "square":
        terms = graph.node("Mul", [difference, difference], "score_square")
    else:
        terms = graph.node("Abs", [difference], "score_absolute")
    axis = graph.constant("score_axis", [1], np.int64)
    total = graph.node("ReduceSum", [terms, axis], "score_sum", keepdims=1)
    graph.node("Cast", [total], SCORE, to=TensorProto.INT64)
    thresholds = [[point.threshold for point in trigger.points]]
    graph.node("Greater", [SCORE, graph.constant("thresholds", thresholds, np.int64)], ACCEPT)


def trigger_metadata(program: Program) -> str:
    """Return what a reader of the model needs beside the numbers, as JSON."""
    trigger = program.trigger
    if trigger is None:
        raise ValueError("the program has no trigger")
    return json.dumps(
        {
            "network": trigger.network,
            "points": [point.name for point in trigger.points],
            "score_exponent": program.score_exponent,
        }
    )


def _integers(graph: PlainGraph, tensor: str, shift: int, name: str, *, wide: bool) -> str:
    """Return a quantizer's integers times 2**shift as floats of the score's width."""
    dtype = np.float64 if wide else np.float32
    kind = TensorProto.DOUBLE if wide else TensorProto.FLOAT
    number = graph.node("Cast", [tensor], f"{name}_number", to=kind)
    zero = graph.zero_points.get(tensor, 0)
    if zero:
        offset = graph.constant(f"{name}_zero", zero, dtype)
        number = graph.node("Sub", [number, offset], f"{name}_integer")
    factor = graph.constant(f"{name}_factor", 2.0**shift, dtype)
    return graph.node("Mul", [number, factor], name)
