"""A foreign graph, node by node, to the operations of a Program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import onnx

from aetrig.bring.lookup import looked_up
from aetrig.bring.refusal import ACTIVATIONS, QUANTIZERS, SHAPING
from aetrig.bring.source import label
from aetrig.errors import UserError
from aetrig.program.graph import Floats, Graph
from aetrig.program.model import (
    Add,
    Affine,
    Format,
    Integers,
    Operation,
    Quantize,
    Relu,
    Rounding,
    Table,
)
from aetrig.program.read import parameter, quant_format

BIPOLAR = 2  # bits that hold -1 and 1, which QONNX's quantizers of one bit give
SCALING = ("Sub", "Add", "Mul", "Div")


@dataclass
class Walk:
    """The chain so far.

    ``offset``, ``factor``: what the file does with its input before the first quantizer:
    (x - offset) * factor, a number or one a feature. ``nodes``: the file's name for each
    operation; ``tensors``: the file's tensor that holds a quantizer's result, by its operation.
    ``known``: quantized tensors of the file, by name, with their operation.
    """

    graph: Graph
    features: int
    offset: Floats = field(default_factory=lambda: np.zeros(1))
    factor: Floats = field(default_factory=lambda: np.ones(1))
    operations: list[Operation] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    tensors: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    current: str = ""
    width: int = 0
    exponent: int = 0
    activation: onnx.NodeProto | None = None
    positive: str | None = None  # a Relu behind a sum, which the quantizer behind it must do

    @property
    def scaled(self) -> bool:
        """Whether the file scales its input itself."""
        return bool((self.offset != 0).any() or (self.factor != 1).any())

    @property
    def last(self) -> Operation | None:
        """The operation before."""
        return self.operations[-1] if self.operations else None

    def holds(self, tensor: str) -> bool:
        """Say whether a tensor has the numbers that the chain has come to."""
        same = self.last is not None and self.known.get(tensor) == self.last.name
        return tensor == self.current or (same and self.activation is None)

    def add(self, op: Operation, node: onnx.NodeProto) -> None:
        """Append an operation that a node stands for."""
        self.operations.append(op)
        self.nodes.append(label(node))

    def name(self) -> str:
        """Return a name for the next operation."""
        return f"op_{len(self.operations)}"


def walk(graph: Graph, features: int) -> Walk:
    """Follow the data from the input to the output.

    Raises UserError, naming node or tensor, for what is no chain of quantized layers.
    """
    state = Walk(graph, features, current=graph.input, width=features)
    for node, data in _on_data(graph):
        _step(state, node, data)
    if not any(isinstance(op, Affine) for op in state.operations):
        raise graph.fail("there is no fully-connected layer (MatMul or Gemm) behind the input")
    if state.current != graph.output or not isinstance(state.last, Quantize):
        raise graph.fail(
            f"the result of '{state.nodes[-1]}' is not quantized: the output '{graph.output}' must "
            "come from a quantizer (a QuantIdentity behind the last layer)"
        )
    return state


def _on_data(graph: Graph) -> Iterator[tuple[onnx.NodeProto, list[str]]]:
    """Yield the nodes that take data and that the output needs, each with its data tensors."""
    needed, tensors = set[str](), [graph.output]
    makers = {output: node for node in graph.nodes for output in node.output}
    while tensors:
        tensor = tensors.pop()
        if tensor not in needed and tensor in makers:
            tensors += makers[tensor].input
        needed.add(tensor)
    data = {graph.input}
    for node in graph.nodes:
        taken = [tensor for tensor in node.input if tensor in data]
        if taken and needed.intersection(node.output):
            data.update(node.output)
            yield node, taken


def _step(state: Walk, node: onnx.NodeProto, data: list[str]) -> None:
    kind = node.op_type
    # a tensor may have several names: behind nodes that change nothing
    state.current = next((tensor for tensor in data if state.holds(tensor)), state.current)
    behind = data[0] in state.known and data[0] != state.current
    if kind in QUANTIZERS and behind and _changes_nothing(state, node, state.known[data[0]]):
        state.known[node.output[0]] = state.known[data[0]]
        return
    if kind == "Add" and len(set(data)) == 2:
        _residual(state, node, data)
    elif data != [state.current]:
        raise state.graph.fail(
            f"tensor '{data[0]}' feeds node '{label(node)}' beside others; a chain of layers is "
            "expected, with branches only where an earlier quantizer's result is added"
        )
    elif kind in QUANTIZERS:
        _quantizer(state, node)
    elif kind in SHAPING:
        _keep(state, node)
    elif kind in SCALING and not state.operations:
        _scaling(state, node)
    elif kind in ("MatMul", "Gemm"):
        _affine(state, node)
    elif kind == "Add" and isinstance(state.last, Affine):
        _bias(state, node)
    elif kind == "Relu":
        _relu(state, node)
    elif kind in ACTIVATIONS:
        _activation(state, node)
    else:
        raise state.graph.fail(
            f"{kind} '{label(node)}' stands where only a layer, an activation or a quantizer can"
        )
    state.current = node.output[0]


def _format(state: Walk, node: onnx.NodeProto) -> tuple[Format, Rounding]:
    """Return a quantizer's format; raise UserError naming the node beside the tensor."""
    if node.op_type != QUANTIZERS[0]:
        raise state.graph.fail(
            f"'{label(node)}' quantizes an activation to -1 and 1, which is no rounding; use a "
            "quantizer of 2 bits or more"
        )
    try:
        form, rounding = quant_format(state.graph, node)
    except UserError as error:
        raise UserError(f"{error} (quantizer '{label(node)}')") from error
    if form.signed and form.bits == 1:
        raise state.graph.fail(
            f"'{label(node)}' has one signed bit, which QONNX's programs read differently; use 2"
        )
    return form, rounding


def _quantizer(state: Walk, node: onnx.NodeProto) -> None:
    form, rounding = _format(state, node)
    last, output = state.last, str(node.output[0])
    if state.activation is not None:
        entries = looked_up(state.graph, state.activation, _last_format(state), form, rounding)
        low = _last_format(state).low
        state.add(Table(state.name(), low, entries, form.exponent), state.activation)
        state.activation, rounding = None, "ROUND"
    elif isinstance(last, Quantize):
        if not _changes_nothing(state, node, last.name):
            raise state.graph.fail(
                f"quantizer '{label(node)}' follows '{state.nodes[-1]}' directly and changes its "
                "numbers; keep one of the two"
            )
        state.known[output] = last.name
        return
    if state.positive is not None and form.low < 0:
        raise state.graph.fail(
            f"Relu '{state.positive}' behind a sum needs an unsigned quantizer behind it, and "
            f"'{label(node)}' is signed"
        )
    op = Quantize(state.name(), form, rounding)
    state.add(op, node)
    state.known[output] = op.name
    state.tensors[op.name] = output
    state.positive, state.exponent = None, form.exponent


def _changes_nothing(state: Walk, node: onnx.NodeProto, before: str) -> bool:
    """Say whether a quantizer keeps every number that an earlier one gives."""
    form, _ = _format(state, node)
    first = next(op for op in state.operations if op.name == before)
    if not isinstance(first, Quantize) or form.exponent > first.format.exponent:
        return False
    left = first.format.exponent - form.exponent
    return form.low <= first.format.low << left and form.high >= first.format.high << left


def _last_format(state: Walk) -> Format:
    if not isinstance(state.last, Quantize):
        raise state.graph.fail(f"the result of '{state.nodes[-1]}' is not quantized")
    return state.last.format


def _keep(state: Walk, node: onnx.NodeProto) -> None:
    """Let a node pass that leaves (events, width) as it is."""
    if node.op_type == "Reshape":
        shape = [int(size) for size in state.graph.constant(node.input[1]).reshape(-1)]
        if len(shape) != 2 or shape[1] not in (-1, state.width):
            raise state.graph.fail(
                f"Reshape '{label(node)}' to {shape}: expected (events, {state.width})"
            )
    if state.current in state.known:
        state.known[node.output[0]] = state.known[state.current]


def _scaling(state: Walk, node: onnx.NodeProto) -> None:
    """Take a Sub, Add, Mul or Div before the first quantizer into (x - offset) * factor."""
    first = node.input[0] == state.current
    if not first and node.op_type in ("Sub", "Div"):
        raise state.graph.fail(f"{node.op_type} '{label(node)}' must take the data first")
    name = node.input[int(first)]
    values = state.graph.constant(name).reshape(-1)
    if values.size not in (1, state.features):
        raise state.graph.fail(
            f"tensor '{name}' of '{label(node)}' has {values.size} elements, expected "
            f"{state.features}"
        )
    if node.op_type in ("Mul", "Div"):
        mantissa = np.frexp(values)[0]
        if (mantissa != 0.5).any():
            raise state.graph.fail(
                f"factor '{name}' of '{label(node)}' before the first quantizer must hold powers "
                "of two: the input is scaled by choosing wires"
            )
        state.factor = state.factor * (values if node.op_type == "Mul" else 1 / values)
    else:
        state.offset = state.offset + (values if node.op_type == "Sub" else -values) / state.factor


def _needs_quantized(state: Walk, node: onnx.NodeProto) -> None:
    if state.activation is not None or not isinstance(state.last, Quantize):
        what = "the input" if not state.operations else f"the result of '{state.nodes[-1]}'"
        if state.activation is not None:
            what = f"the result of '{label(state.activation)}'"
        raise state.graph.fail(
            f"{what} is not quantized before '{label(node)}'; put a quantizer between"
        )


def _affine(state: Walk, node: onnx.NodeProto) -> None:
    _needs_quantized(state, node)
    if node.input[0] != state.current:
        raise state.graph.fail(f"'{label(node)}' must take the data first and its weight second")
    weight, form = _weight(state, node, node.input[1])
    if node.op_type == "Gemm":
        given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        if given.get("alpha", 1) != 1 or given.get("beta", 1) != 1 or given.get("transA", 0):
            raise state.graph.fail(f"Gemm '{label(node)}' must have alpha 1, beta 1 and transA 0")
        weight = weight.T if given.get("transB", 0) else weight
    if weight.ndim != 2 or weight.shape[0] != state.width:
        raise state.graph.fail(
            f"weight of '{label(node)}' has shape {weight.shape}; {state.width} rows are expected"
        )
    state.width = weight.shape[1]
    state.exponent += form.exponent
    state.add(Affine(state.name(), weight, form, np.zeros(state.width, np.int64)), node)
    if node.op_type == "Gemm" and len(node.input) > 2 and node.input[2]:
        _add_bias(state, node, node.input[2])


def _weight(state: Walk, node: onnx.NodeProto, tensor: str) -> tuple[Integers, Format]:
    """Return a weight's integers, through the transpositions behind its quantizer."""
    maker = state.graph.maker(tensor)
    if maker is not None and maker.op_type in ("Transpose", "Identity"):
        weight, form = _weight(state, node, maker.input[0])
        return (weight.T if maker.op_type == "Transpose" else weight), form
    return _parameter(state, node, tensor, "weight")


def _parameter(
    state: Walk, node: onnx.NodeProto, tensor: str, role: str
) -> tuple[Integers, Format]:
    graph, maker = state.graph, state.graph.maker(tensor)
    if maker is None or maker.op_type not in QUANTIZERS:
        raise graph.fail(
            f"{role} '{tensor}' of '{label(node)}' is not quantized; a Quant node must stand "
            "before it"
        )
    try:
        if _bipolar(graph, maker):
            signs = np.where(graph.constant(maker.input[0]) >= 0, 1, -1).astype(np.int64)
            return signs, Format(BIPOLAR, True, graph.exponent(maker.input[1]), narrow=True)
        return parameter(graph, tensor)
    except UserError as error:
        raise UserError(f"{error} ({role} of '{label(node)}')") from error


def _bipolar(graph: Graph, node: onnx.NodeProto) -> bool:
    """Say whether a quantizer gives -1 and 1, as QONNX defines those of one signed bit."""
    if node.op_type != QUANTIZERS[0]:
        return True
    form, _ = quant_format(graph, node)
    return form.signed and form.bits == 1


def _bias(state: Walk, node: onnx.NodeProto) -> None:
    _add_bias(state, node, next(name for name in node.input if name != state.current))


def _add_bias(state: Walk, node: onnx.NodeProto, tensor: str) -> None:
    affine = state.operations[-1]
    if not isinstance(affine, Affine) or affine.bias.any():
        raise state.graph.fail(f"'{label(node)}' adds a second bias to '{state.nodes[-1]}'")
    bias, form = _parameter(state, node, tensor, "bias")
    bias = bias.reshape(-1)
    if bias.size not in (1, state.width):
        raise state.graph.fail(
            f"bias '{tensor}' of '{label(node)}' has {bias.size} elements, expected {state.width}"
        )
    left = form.exponent - state.exponent
    if left < 0:
        raise state.graph.fail(
            f"bias '{tensor}' of '{label(node)}' has scale 2**{form.exponent}, finer than the "
            f"accumulator's 2**{state.exponent}; quantize it to the accumulator's scale"
        )
    whole = np.broadcast_to(bias << left, (state.width,)).copy()
    state.operations[-1] = replace(affine, bias=whole)


def _relu(state: Walk, node: onnx.NodeProto) -> None:
    if isinstance(state.last, Affine):
        state.add(Relu(state.name()), node)
    elif isinstance(state.last, Add):
        state.positive = label(node)
    elif isinstance(state.last, Quantize) and isinstance(_before_last(state), Affine):
        # rounding keeps order and zero: max(round(x), 0) = round(max(x, 0))
        quantizer, name = state.operations.pop(), state.nodes.pop()
        state.add(Relu(state.name()), node)
        state.operations.append(replace(quantizer, name=state.name()))
        state.nodes.append(name)
        state.known = {t: op for t, op in state.known.items() if op != quantizer.name}
        del state.tensors[quantizer.name]
        renamed, output = state.operations[-1].name, str(node.output[0])
        state.known[output], state.tensors[renamed] = renamed, output
    else:
        raise state.graph.fail(f"Relu '{label(node)}' must stand between a layer and a quantizer")


def _before_last(state: Walk) -> Operation | None:
    return state.operations[-2] if len(state.operations) > 1 else None


def _activation(state: Walk, node: onnx.NodeProto) -> None:
    if not isinstance(state.last, Quantize) or not isinstance(_before_last(state), Affine):
        raise state.graph.fail(
            f"{node.op_type} '{label(node)}' acts on unquantized numbers; put a quantizer of at "
            "most 10 bits between the layer and it, so that it becomes an exact table"
        )
    state.activation = node


def _residual(state: Walk, node: onnx.NodeProto, data: list[str]) -> None:
    other = next((tensor for tensor in data if tensor != state.current), "")
    if state.current not in data or other not in state.known:
        raise state.graph.fail(
            f"'{label(node)}' must add an earlier quantizer's result, not '{other}'"
        )
    _needs_quantized(state, node)
    source = state.known[other]
    if source == state.operations[-1].name:
        raise state.graph.fail(f"'{label(node)}' adds a tensor to itself")
    form = next(op for op in state.operations if op.name == source)
    assert isinstance(form, Quantize)  # noqa: S101  # for the type checker
    state.add(Add(state.name(), source), node)
    state.exponent = min(state.exponent, form.format.exponent)
