"""A trigger in QONNX: the network's nodes, cut where the score is taken, then score and bits."""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from aetrig.program.model import ACCEPT, SCORE, Program, Trigger
from aetrig.program.read_trigger import TRIGGER_METADATA

OUTPUT = "y"


def to_trigger(network: onnx.ModelProto, program: Program) -> onnx.ModelProto:
    """Return the network's QONNX with the trigger of ``program``, which may be a cut of it.

    Outputs: `y`, `score` and `accept`. Score and thresholds are float64, which holds their
    integers exactly below 2**53.
    """
    trigger = program.trigger
    if trigger is None:
        raise ValueError("the program has no trigger")
    model = onnx.ModelProto()
    model.CopyFrom(network)
    _cut(model.graph, program.operations[-1].name)
    _add_score(model.graph, trigger)
    _add_accept(model.graph, trigger, program.score_exponent)
    for output in model.graph.output:
        if output.name == OUTPUT:
            shape = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, program.outputs])
            output.CopyFrom(shape)
    points = [point.name for point in trigger.points]
    properties = {item.key: item.value for item in model.metadata_props}
    properties[TRIGGER_METADATA] = json.dumps({"network": trigger.network, "points": points})
    helper.set_model_props(model, properties)
    return model


def _cut(graph: onnx.GraphProto, last: str) -> None:
    """Drop what is behind a node, which then makes the output, and the constants of that."""
    end = next(node for node in graph.node if node.name == last)
    if end.output[0] == OUTPUT:
        return
    renamed = end.output[0]
    del graph.node[_position(graph, end) + 1 :]
    end.output[0] = OUTPUT
    needed = {name for node in graph.node for name in node.input}
    for values in (graph.initializer, graph.value_info):
        kept = [item for item in values if item.name in needed and item.name != renamed]
        del values[:]
        values.extend(kept)


def _position(graph: onnx.GraphProto, wanted: onnx.NodeProto) -> int:
    return next(index for index, node in enumerate(graph.node) if node.name == wanted.name)


def _add_score(graph: onnx.GraphProto, trigger: Trigger) -> None:
    difference = _cast(graph, OUTPUT, "score_output")
    if trigger.score.reference is not None:
        maker = next(node for node in graph.node if node.name == trigger.score.reference)
        reference = _cast(graph, maker.output[0], "score_reference")
        difference = _node(graph, "Sub", [difference, reference], "score_difference")
    if trigger.score.kind == "square":
        terms = _node(graph, "Mul", [difference, difference], "score_square")
    else:
        terms = _node(graph, "Abs", [difference], "score_absolute")
    graph.initializer.append(numpy_helper.from_array(np.array([1]), "score_axis"))
    _node(graph, "ReduceSum", [terms, "score_axis"], SCORE, keepdims=1)
    graph.output.append(helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, [1, 1]))


def _add_accept(graph: onnx.GraphProto, trigger: Trigger, exponent: int) -> None:
    integers = np.array([point.threshold for point in trigger.points], dtype=np.float64)
    thresholds = np.ldexp(integers, exponent)[None]
    graph.initializer.append(numpy_helper.from_array(thresholds, "thresholds"))
    _node(graph, "Greater", [SCORE, "thresholds"], ACCEPT)
    shape = [1, len(trigger.points)]
    graph.output.append(helper.make_tensor_value_info(ACCEPT, TensorProto.BOOL, shape))


def _cast(graph: onnx.GraphProto, tensor: str, name: str) -> str:
    return _node(graph, "Cast", [tensor], name, to=TensorProto.DOUBLE)


def _node(
    graph: onnx.GraphProto, kind: str, inputs: list[str], output: str, **attributes: int
) -> str:
    graph.node.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
    return output
