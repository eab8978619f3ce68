"""QONNX to Program: a chain of nodes becomes integer operations, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from aetrig.program.graph import Floats, Graph, attributes, load_graph
from aetrig.program.model import (
    Add,
    Affine,
    Format,
    Integers,
    Operation,
    Program,
    Quantize,
    Relu,
    Rescale,
    Rounding,
    Table,
)
from aetrig.program.read_trigger import read_trigger
from aetrig.run import sha256

SUPPORTED = ("Sub", "Mul", "Quant", "MatMul", "Add", "Relu", "Gather")
TABLE = ["Mul", "Sub", "Cast", "Gather"]  # the nodes that look an activation up
MAX_BITS = 32


def read(path: Path) -> Program:
    """Read a QONNX file: input scaling, then fully-connected layers with fixed-point quantizers.

    A file of a trigger has the score and the accept bits behind them.

    Raises UserError, naming file and tensor, for unsupported operators, scales that are no power
    of two, zero points, per-channel scales, or constants that do not fit together.
    """
    graph = load_graph(path)
    formats = tuple(Format(bits, signed, 0) for bits, signed in graph.input_formats())
    steps = list(graph.chain())
    operations: list[Operation] = []
    exponent, width = 0, len(formats)
    shapes: dict[str, tuple[int, int]] = {}
    while steps:
        op, used = _operation(graph, steps, exponent, width, first=not operations)
        if isinstance(op, Add) and shapes.get(op.source, (0, 0))[1] != width:
            raise graph.fail(f"'{op.name}' adds '{op.source}', which is not {width} wide")
        operations.append(op)
        exponent, width = shapes[op.name] = _shape_after(op, exponent, width, shapes)
        del steps[:used]
    if not operations or not isinstance(operations[-1], Quantize):
        raise graph.fail(f"the output '{graph.output}' must come from a Quant node")
    names = [op.name for op in operations]
    if len(set(names)) != len(names):
        raise graph.fail(f"node names must be unique, found {names}")
    network = Program(formats, tuple(operations), sha256(path))
    return network if len(graph.outputs) == 1 else read_trigger(graph, network)


def _operation(
    graph: Graph, steps: list[tuple[onnx.NodeProto, str]], exponent: int, width: int, *, first: bool
) -> tuple[Operation, int]:
    """Return the next operation and how many nodes it takes."""
    node, data = steps[0]
    following = steps[1] if len(steps) > 1 else None
    if not first and [step.op_type for step, _ in steps[: len(TABLE)]] == TABLE:
        return _table(graph, steps, exponent), len(TABLE)
    if first:
        return _rescale(graph, node, data, following, width)
    match node.op_type:
        case "Quant":
            return _quantize(graph, node), 1
        case "Relu":
            return Relu(node.name), 1
        case "MatMul":
            if following is None or following[0].op_type != "Add":
                raise graph.fail(
                    f"MatMul '{node.name}' must be followed by Add with the layer's bias"
                )
            return _affine(graph, node, data, following, exponent, width), 2
        case "Add" if (source := graph.sum_with(node, data)) is not None:
            if source.op_type != "Quant":
                raise graph.fail(f"'{node.name}' must add a quantized tensor, not '{source.name}'")
            return Add(node.name, source.name), 1
        case "Sub" | "Mul" | "Add":
            raise graph.fail(
                f"{node.op_type} '{node.name}' stands where only a layer or a quantizer can; "
                "scaling belongs before the first quantizer"
            )
        case _:
            raise graph.fail(
                f"operator '{node.op_type}' at node '{node.name}' is not supported; "
                f"supported: {', '.join(SUPPORTED)}"
            )


def _shape_after(
    op: Operation, exponent: int, width: int, shapes: dict[str, tuple[int, int]]
) -> tuple[int, int]:
    match op:
        case Add():
            return min(exponent, shapes[op.source][0]), width
        case Rescale():
            return exponent - int(op.shift.max()), width
        case Affine():
            return exponent + op.weight_format.exponent, op.weight.shape[1]
        case Quantize():
            return op.format.exponent, width
        case Table():
            return op.exponent, width
        case Relu():
            return exponent, width


def _rescale(
    graph: Graph,
    node: onnx.NodeProto,
    data: str,
    following: tuple[onnx.NodeProto, str] | None,
    width: int,
) -> tuple[Rescale, int]:
    """Read Sub (offset) then Mul (2**-shift) at the network's input."""
    if node.op_type != "Sub" or following is None or following[0].op_type != "Mul":
        raise graph.fail(
            f"the graph must begin with Sub and Mul, the input scaling; found {node.op_type} "
            f"'{node.name}'"
        )
    offset_name = graph.other_input(node, data)
    factor_name = graph.other_input(*following)
    offset, factor = (_row(graph, name, width) for name in (offset_name, factor_name))
    if (offset != np.rint(offset)).any() or (abs(offset) > 2**31).any():
        raise graph.fail(f"offset '{offset_name}' must hold integers in hardware units")
    mantissa, exponent = np.frexp(factor)
    if (mantissa != 0.5).any() or (abs(exponent) > 64).any():
        raise graph.fail(f"factor '{factor_name}' must hold powers of two")
    shift = 1 - exponent.astype(np.int64)
    return Rescale(following[0].name, offset.astype(np.int64), shift), 2


def _row(graph: Graph, tensor: str, width: int) -> Floats:
    values = graph.constant(tensor)
    if values.size != width:
        raise graph.fail(f"tensor '{tensor}' has {values.size} elements, expected {width}")
    return values.reshape(width)


def quant_format(graph: Graph, node: onnx.NodeProto) -> tuple[Format, Rounding]:
    """Read a Quant node's format and rounding; raise UserError naming the tensor at fault."""
    if node.op_type != "Quant" or len(node.input) != 4:
        raise graph.fail(f"node '{node.name}' is {node.op_type}; a Quant node is expected there")
    _, scale, zero_point, bit_width = node.input
    if graph.scalar(zero_point) != 0:
        raise graph.fail(f"zero point '{zero_point}' is not 0")
    bits = graph.scalar(bit_width)
    if bits != int(bits) or not 1 <= bits <= MAX_BITS:
        raise graph.fail(
            f"bit width '{bit_width}' is {bits:g}; expected an integer from 1 to {MAX_BITS}"
        )
    given = attributes(node)
    rounding = given.get("rounding_mode", "ROUND")
    if rounding not in ("ROUND", "FLOOR"):
        raise graph.fail(
            f"rounding mode '{rounding}' of '{node.name}' is not supported: ROUND or FLOOR"
        )
    signed, narrow = bool(given.get("signed", 1)), bool(given.get("narrow", 0))
    form = Format(int(bits), signed, graph.exponent(scale), narrow)
    return form, "ROUND" if rounding == "ROUND" else "FLOOR"


def _quantize(graph: Graph, node: onnx.NodeProto) -> Quantize:
    form, rounding = quant_format(graph, node)
    return Quantize(node.name, form, rounding)


def _affine(
    graph: Graph,
    matmul: onnx.NodeProto,
    data: str,
    add: tuple[onnx.NodeProto, str],
    exponent: int,
    width: int,
) -> Affine:
    weight, form = parameter(graph, graph.other_input(matmul, data))
    if weight.ndim != 2 or weight.shape[0] != width:
        raise graph.fail(
            f"weight of '{matmul.name}' has shape {weight.shape}; {width} rows are expected"
        )
    bias, bias_form = parameter(graph, graph.other_input(*add))
    bias = bias.reshape(-1)
    if bias.shape != weight.shape[1:]:
        raise graph.fail(
            f"bias of '{matmul.name}' has {bias.size} elements, expected {weight.shape[1]}"
        )
    accumulator = exponent + form.exponent
    if bias_form.exponent < accumulator:
        raise graph.fail(
            f"bias of '{matmul.name}' has scale 2**{bias_form.exponent}, finer than the "
            f"accumulator's 2**{accumulator}; quantize it to the accumulator's scale"
        )
    return Affine(matmul.name, weight, form, bias << (bias_form.exponent - accumulator))


def _table(graph: Graph, steps: list[tuple[onnx.NodeProto, str]], exponent: int) -> Table:
    """Read an activation's table: index = x * 2**-exponent - low, then the entry.

    The quantizer before it gives the range of the index, the one behind it the entries' grid.
    """
    (scale, data), (shift, scaled), _, (gather, index), *behind = steps
    name = gather.name
    if graph.scalar(graph.other_input(scale, data)) != 2.0**-exponent:
        raise graph.fail(f"table '{name}' must be indexed in steps of its input, 2**{exponent}")
    low = graph.scalar(graph.other_input(shift, scaled))
    before = graph.maker(data)
    if before is None or before.op_type != "Quant" or not behind or behind[0][0].op_type != "Quant":
        raise graph.fail(f"table '{name}' must stand between two Quant nodes")
    if len(gather.input) != 2 or gather.input[1] != index:
        raise graph.fail(f"Gather '{name}' must take its entries first and the index second")
    form, (after, _) = quant_format(graph, before)[0], quant_format(graph, behind[0][0])
    entries = np.ldexp(graph.constant(gather.input[0]), -after.exponent)
    expected = form.high - form.low + 1
    if entries.shape != (expected,) or low != form.low:
        raise graph.fail(
            f"table '{name}' has shape {entries.shape} from {low:g} on; expected ({expected},) "
            f"from {form.low} on, an entry for each integer of '{before.name}'"
        )
    if (entries != np.rint(entries)).any() or (
        entries.clip(after.low, after.high) != entries
    ).any():
        raise graph.fail(
            f"table '{name}' holds entries that '{behind[0][0].name}' would change: they must be "
            f"multiples of 2**{after.exponent} within its range"
        )
    return Table(name, form.low, entries.astype(np.int64), after.exponent)


def parameter(graph: Graph, tensor: str) -> tuple[Integers, Format]:
    """Return a quantized constant's integers and its format; raise UserError where it has none."""
    node = graph.maker(tensor)
    if node is None:
        raise graph.fail(f"tensor '{tensor}' is not quantized; a Quant node must stand before it")
    form, rounding = quant_format(graph, node)
    scaled = np.ldexp(graph.constant(node.input[0]), -form.exponent)
    rounded = np.rint(scaled) if rounding == "ROUND" else np.floor(scaled)
    return rounded.clip(form.low, form.high).astype(np.int64), form
