"""Changes of a valid ONNX graph: nodes, edges, attributes, constants, ends, metadata."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trials.fuzz.choices import Choices

OPERATORS = (
    "Quant", "MatMul", "Add", "Sub", "Mul", "Relu", "Gather", "Cast", "Greater", "ReduceSum", "Abs",
    "Identity", "Constant", "Gemm", "Transpose", "Div", "Reshape", "Flatten", "Pow", "Log", "Clip",
    "Concat", "Squeeze", "Unsqueeze", "Sigmoid", "Tanh", "LeakyRelu", "Softplus", "BipolarQuant",
    "Dropout", "Min", "Max", "Ceil", "Floor", "Round", "Neg", "Exp", "Conv", "",
)  # fmt: skip
Change = Callable[[onnx.ModelProto, Choices], None]


def _rewired(model: onnx.ModelProto, choices: Choices) -> None:
    """Take another tensor, or no tensor, at one end of a node."""
    graph = model.graph
    node = choices.pick(graph.node)
    tensors = [name for other in graph.node for name in (*other.input, *other.output)]
    ends = node.input if choices.below(4) else node.output
    match choices.below(4):
        case 0 | 1 if ends:
            ends[choices.below(len(ends))] = choices.pick(tensors)
        case 2 if ends:
            del ends[choices.below(len(ends))]
        case _:
            ends.append(choices.pick([*tensors, "", "nothing"]))


def _reordered(model: onnx.ModelProto, choices: Choices) -> None:
    """Leave a node out, have it twice, or elsewhere."""
    nodes = model.graph.node
    node = onnx.NodeProto()
    node.CopyFrom(choices.pick(nodes))
    if choices.yes():
        del nodes[list(nodes).index(node)]
    if choices.yes():
        nodes.insert(choices.below(len(nodes) + 1), node)


def _another_operator(model: onnx.ModelProto, choices: Choices) -> None:
    node = choices.pick(model.graph.node)
    node.op_type = choices.pick(OPERATORS)
    if choices.below(4) == 3:
        node.domain = choices.pick(("", "qonnx.custom_op.general", "ai.onnx", "x"))


def _inserted(model: onnx.ModelProto, choices: Choices) -> None:
    """Put a node between a tensor and the node that takes it."""
    graph = model.graph
    at = choices.below(len(graph.node))
    taker = graph.node[at]
    if not taker.input:
        return
    place = choices.below(len(taker.input))
    made = helper.make_node(choices.pick(OPERATORS), [taker.input[place]], ["put"], name="put")
    taker.input[place] = "put"
    for _ in range(choices.below(3)):
        made.input.append(choices.pick([item.name for item in graph.initializer] or [""]))
    graph.node.insert(at, made)


def _attribute(model: onnx.ModelProto, choices: Choices) -> None:
    node = choices.pick(model.graph.node)
    names = [item.name for item in node.attribute]
    name = choices.pick([*names, "signed", "narrow", "rounding_mode", "axis", "to", "alpha",
                         "transB", "perm", "axes", "value", "keepdims"])  # fmt: skip
    kept = [item for item in node.attribute if item.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    modes = ("ROUND", "FLOOR", "HALF_EVEN", "CEIL", "round", "\xff")
    match choices.below(7):
        case 0:
            pass
        case 1:
            node.attribute.append(helper.make_attribute(name, choices.integer()))
        case 2:
            value = float(np.float32(np.nan_to_num(choices.number(), posinf=3e38, neginf=-3e38)
                                     .clip(-3e38, 3e38)))  # fmt: skip
            node.attribute.append(helper.make_attribute(name, value))
        case 3:
            node.attribute.append(helper.make_attribute(name, choices.pick(modes)))
        case 4:
            whole = [choices.below(6) - 2 for _ in range(1 + choices.below(3))]
            node.attribute.append(helper.make_attribute(name, whole))
        case 5:
            node.attribute.append(helper.make_attribute(name, _tensor(choices, "")))
        case 6:
            node.attribute.add(name=name, type=choices.below(15), s=choices.raw(3))


def _tensor(choices: Choices, name: str) -> onnx.TensorProto:
    shape = choices.pick(((), (1,), (2,), (3,), (1, 3), (3, 2), (2, 3), (0,), (1, 1, 1), (3, 3)))
    values = np.array([choices.number() for _ in range(min(3, int(np.prod(shape))))] or [1.0])
    kind = choices.pick(("f4", "f4", "f8", "i8", "f2", "?", "u1", "i4"))
    with np.errstate(all="ignore"):
        clean = values if kind[0] == "f" else np.nan_to_num(values).clip(-1e15, 1e15)
        return numpy_helper.from_array(np.resize(clean, shape).astype(kind), name)


def _constant(model: onnx.ModelProto, choices: Choices) -> None:
    """Change a constant: its numbers, or all of it, or what it declares."""
    constants = model.graph.initializer
    at = choices.below(len(constants))
    item = constants[at]
    match choices.below(8):
        case 0 | 1 | 2:
            _numbers(item, choices)
        case 3:
            values = numpy_helper.to_array(item)
            power = np.ldexp(1.0, choices.below(128) - 64)
            with np.errstate(all="ignore"):
                scaled = np.asarray(values * power, values.dtype)
            item.CopyFrom(numpy_helper.from_array(scaled, item.name))
        case 4:
            item.CopyFrom(_tensor(choices, item.name))
        case 5:
            item.dims.append(choices.pick((1, 0, -1, 2**31, 2**62, 7)))
        case 6:
            item.data_type = choices.below(26)
        case 7 if choices.below(4) == 0:
            del constants[at]
        case 7:
            _elsewhere(item, choices)


def _numbers(item: onnx.TensorProto, choices: Choices) -> None:
    """Change one or two of a constant's numbers."""
    values = numpy_helper.to_array(item).copy()
    flat = values.reshape(-1)
    with np.errstate(all="ignore"):
        for _ in range(1 + choices.below(2)):
            wanted = np.array(choices.number())
            if values.dtype.kind != "f":
                wanted = np.nan_to_num(wanted).clip(-1e15, 1e15)
            flat[choices.below(flat.size)] = wanted.astype(values.dtype)
    item.CopyFrom(numpy_helper.from_array(values, item.name))


def _elsewhere(item: onnx.TensorProto, choices: Choices) -> None:
    """Say that a constant's numbers are cut, in another file, or in parts."""
    match choices.below(3):
        case 0:
            item.raw_data = item.raw_data[: choices.below(9)]
        case 1:
            item.data_location = TensorProto.EXTERNAL
            item.external_data.add(key="location", value=choices.text())
        case 2:
            item.segment.begin, item.segment.end = 1, 2


def _ends(model: onnx.ModelProto, choices: Choices) -> None:
    """Change inputs, outputs, metadata or versions."""
    graph = model.graph
    match choices.below(7):
        case 0:
            graph.input.add(name=choices.pick(("x", "x2", "", graph.node[0].output[0])))
        case 1:
            ends = graph.input if choices.yes() else graph.output
            if ends:
                del ends[choices.below(len(ends))]
        case 2:
            graph.output.add(name=choices.pick(("y", "z", choices.pick(graph.node).output[0])))
        case 3:
            for item in (graph.input, graph.output)[choices.below(2)]:
                item.name = choices.pick([name for node in graph.node for name in node.output])
        case 4 if model.metadata_props:
            _metadata(model, choices)
        case 5 if model.opset_import:
            model.opset_import[0].version = choices.integer()
        case 6:
            for item in graph.input:
                item.type.tensor_type.elem_type = choices.below(26)
                if choices.yes():
                    item.type.tensor_type.shape.dim.add().dim_value = choices.integer()


def _metadata(model: onnx.ModelProto, choices: Choices) -> None:
    item = choices.pick(model.metadata_props)
    cut = choices.below(len(item.value) + 1)
    texts = (
        '{"formats": [[8, true], [6, 0], [8, 1]]}', '{"formats": [[8, true]]}', '{"formats": [[]]}',
        '{"formats": 3}', '{"formats": [[1e3, 1]]}', '{"formats": [[24, true, 3]]}', "[" * 5000,
        '{"formats": [[1e999, 1]]}', '{"formats": null}', "[]", "3", '{"points": [], "network": 1}',
        '{"points": ["a", "a"], "network": ""}', '{"points": "ab", "network": null}',
        '{"points": {"a": 1, "b": 2}, "network": []}', item.value[:cut], choices.text(),
        '{"formats": [[24, true], [24, 0], [24, 1]]}', '{"formats": {"a": [8, 1]}}',
    )  # fmt: skip
    item.value = choices.pick(texts)
    if choices.below(8) == 7:
        item.key = choices.text()


CHANGES: tuple[Change, ...] = (
    _constant, _constant, _constant, _rewired, _rewired, _attribute, _reordered, _inserted,
    _another_operator, _ends,
)  # fmt: skip


def changed(start: Callable[[], onnx.ModelProto]) -> Callable[[Choices], bytes]:
    """Return a function that makes a file of one to four changes of a model."""
    made = start().SerializeToString()

    def build(choices: Choices) -> bytes:
        model = onnx.ModelProto.FromString(made)
        for _ in range(1 + choices.below(4)):
            if model.graph.node and model.graph.initializer:
                with suppress(Exception):  # protobuf or numpy does not take such a value
                    choices.pick(CHANGES)(model, choices)
        return bytes(model.SerializeToString())

    return build
