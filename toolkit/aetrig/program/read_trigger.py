"""The nodes behind a QONNX network's output as a trigger: score, thresholds, accept bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import onnx

from aetrig.program.graph import Graph
from aetrig.program.model import Affine, Program, Quantize, Score, Trigger, WorkingPoint
from aetrig.reading import check_shape, parse_json

TRIGGER_METADATA = "aetrig.trigger"  # the network's digest and the working points' names
MAX_THRESHOLD = 1 << 53  # the file's thresholds are float64


def read_trigger(graph: Graph, network: Program) -> Program:
    """Return the network with the trigger that the graph's second and third output hold.

    Raises UserError, naming file and node, for anything but a sum of squared or absolute
    differences and its comparison with integer thresholds.
    """
    names, digest = _metadata(graph)
    score_tensor, accept_tensor = graph.outputs[1:]
    score = _score(graph, score_tensor, network)
    scored = replace(network, trigger=Trigger(score, (), digest))
    compare = _maker(graph, accept_tensor, "Greater")
    if compare.input[0] != score_tensor:
        raise graph.fail(f"'{compare.name}' must compare the score '{score_tensor}'")
    thresholds = _thresholds(graph, compare.input[1], scored.score_exponent)
    if len(thresholds) != len(names):
        raise graph.fail(f"{len(thresholds)} thresholds, but {len(names)} working points are named")
    points = tuple(WorkingPoint(*pair) for pair in zip(names, thresholds, strict=True))
    return replace(network, trigger=Trigger(score, points, digest))


def _metadata(graph: Graph) -> tuple[list[str], str]:
    where = f"{graph.path}: metadata '{TRIGGER_METADATA}'"
    again = "set the trigger again: aetrig threshold --force"
    content = parse_json(graph.metadata.get(TRIGGER_METADATA, ""), dict[str, Any], where, again)
    check_shape(content.get("points"), list[str], f"{where}, 'points'", again)
    check_shape(content.get("network"), str, f"{where}, 'network'", again)
    names, digest = content["points"], content["network"]
    if len(set(names)) != len(names):
        raise graph.fail(f"working points must have names of their own, found {names}")
    return names, digest


def _score(graph: Graph, tensor: str, network: Program) -> Score:
    total = _maker(graph, tensor, "ReduceSum")
    if len(total.input) != 2 or graph.scalar(total.input[1]) != 1:
        raise graph.fail(f"'{total.name}' must sum over axis 1, the elements of an event")
    term = _maker(graph, total.input[0], "Mul", "Abs")
    kind: Literal["square", "absolute"] = "square" if term.op_type == "Mul" else "absolute"
    if len(set(term.input)) != 1:
        raise graph.fail(f"'{term.name}' must multiply the difference with itself")
    return Score(kind, _reference(graph, term.input[0], network))


def _reference(graph: Graph, tensor: str, network: Program) -> str | None:
    """Return the quantizer that is subtracted from the output; None where none is."""
    node = _maker(graph, tensor, "Sub", "Cast")
    sides = [node] if node.op_type == "Cast" else [_maker(graph, t, "Cast") for t in node.input]
    if sides[0].input[0] != graph.output:
        raise graph.fail(f"the score '{node.name}' must be made from the output '{graph.output}'")
    if len(sides) == 1:
        return None
    maker = _maker(graph, sides[1].input[0], "Quant")
    widths, width = {}, network.features
    for op in network.operations[:-1]:
        width = len(op.bias) if isinstance(op, Affine) else width
        if isinstance(op, Quantize):
            widths[op.name] = width
    if widths.get(maker.name) != network.outputs:
        raise graph.fail(
            f"the score's reference '{maker.name}' must be an earlier quantizer as wide as the "
            f"output ({network.outputs})"
        )
    return str(maker.name)


def _thresholds(graph: Graph, tensor: str, exponent: int) -> list[int]:
    values = np.ldexp(graph.constant(tensor).reshape(-1), -exponent)
    if (values != np.rint(values)).any() or (abs(values) >= MAX_THRESHOLD).any():
        raise graph.fail(
            f"thresholds '{tensor}' must be integers in units of 2**{exponent}, below 2**53"
        )
    return [int(value) for value in values]


def _maker(graph: Graph, tensor: str, *kinds: str) -> onnx.NodeProto:
    node = graph.maker(tensor)
    if node is None or node.op_type not in kinds:
        found = "nothing" if node is None else f"{node.op_type} '{node.name}'"
        raise graph.fail(f"tensor '{tensor}' of the trigger is made by {found}, not {kinds[0]}")
    return node
