"""A QONNX file as a chain of nodes and constants, with errors that name the tensor at fault."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from aetrig.errors import UserError
from aetrig.reading import check_shape, parse_json, read_bytes

INPUT_METADATA = "aetrig.input"  # per feature [bits, signed] of the hardware integers
MOST_NODES, MOST_ELEMENTS = 5_000, 1 << 27
OF_TWO = ("MatMul", "Add", "Sub", "Mul", "Gather", "Greater")
_TYPES = onnx.TensorProto
NUMBERS = (
    _TYPES.FLOAT, _TYPES.DOUBLE, _TYPES.FLOAT16, _TYPES.BOOL, _TYPES.INT8, _TYPES.INT16,
    _TYPES.INT32, _TYPES.INT64, _TYPES.UINT8, _TYPES.UINT16, _TYPES.UINT32, _TYPES.UINT64,
)  # fmt: skip
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """Nodes by the tensor they make and by the tensor they take, and the constants by name."""

    path: Path
    nodes: tuple[onnx.NodeProto, ...]
    constants: dict[str, Floats]
    input: str
    outputs: tuple[str, ...]
    metadata: dict[str, str]

    @property
    def output(self) -> str:
        """The network's output; a trigger's score and accept bits are outputs behind it."""
        return self.outputs[0]

    def fail(self, what: str) -> UserError:
        """Return the error for this file."""
        return UserError(f"{self.path}: {what}")

    def maker(self, tensor: str) -> onnx.NodeProto | None:
        """Return the node that makes a tensor, or None for inputs and constants."""
        return next((node for node in self.nodes if tensor in node.output), None)

    def chain(self) -> Iterator[tuple[onnx.NodeProto, str]]:
        """Yield the nodes from input to output, each with the data tensor that it takes.

        What only a trigger's score needs is not part of the chain.
        """
        tensor, behind = self.input, self._behind()
        reached: set[str] = set()
        for _ in self.nodes:
            if tensor == self.output:
                return
            reached.add(tensor)
            takers = [
                node
                for node in self.nodes
                if tensor in node.input and node not in behind and not self._waits(node, reached)
            ]
            if len(takers) != 1:
                raise self.fail(
                    f"tensor '{tensor}' feeds {len(takers)} nodes; a chain of layers is expected, "
                    "each tensor feeding one"
                )
            yield takers[0], tensor
            tensor = takers[0].output[0]
        if tensor != self.output:
            raise self.fail(
                f"the graph runs in a circle and never reaches its output '{self.output}'"
            )

    def _waits(self, node: onnx.NodeProto, reached: set[str]) -> bool:
        """Say whether a residual connection's sum still lacks the branch that it is added to."""
        return node.op_type == "Add" and any(
            tensor not in reached and not self._is_parameter(tensor) for tensor in node.input
        )

    def _is_parameter(self, tensor: str) -> bool:
        """Say whether a tensor is a constant, or a quantized one."""
        node = self.maker(tensor)
        return tensor in self.constants or (node is not None and node.input[0] in self.constants)

    def sum_with(self, node: onnx.NodeProto, data: str) -> onnx.NodeProto | None:
        """Return the node whose result an Add takes beside ``data``; None for a parameter."""
        others = [tensor for tensor in node.input if tensor != data]
        if node.op_type != "Add" or len(others) != 1 or self._is_parameter(others[0]):
            return None
        return self.maker(others[0])

    def _behind(self) -> list[onnx.NodeProto]:
        """Return the nodes that the further outputs need and the network's output does not."""
        network = self._needed(self.output)
        further = [node for output in self.outputs[1:] for node in self._needed(output)]
        return [node for node in further if node not in network]

    def _needed(self, output: str) -> list[onnx.NodeProto]:
        """Return the nodes that a tensor is made by; each once, circles included."""
        found: list[onnx.NodeProto] = []
        tensors = [output]
        while tensors:
            node = self.maker(tensors.pop())
            if node is not None and node not in found:
                found.append(node)
                tensors += node.input
        return found

    def constant(self, tensor: str) -> Floats:
        """Return a constant's values; raise UserError if it is not one, or not finite."""
        if tensor not in self.constants:
            raise self.fail(f"tensor '{tensor}' must be a constant (an initializer)")
        values = self.constants[tensor]
        if not np.isfinite(values).all():
            raise self.fail(f"tensor '{tensor}' holds NaN or infinity")
        return values

    def other_input(self, node: onnx.NodeProto, data: str) -> str:
        """Return the second operand of a node whose first operand is the data tensor."""
        if len(node.input) != 2 or node.input[0] != data:
            raise self.fail(
                f"{node.op_type} '{node.name}' must take the data first and a constant second"
            )
        return str(node.input[1])

    def scalar(self, tensor: str) -> float:
        """Return a constant of one element."""
        values = self.constant(tensor)
        if values.size != 1:
            raise self.fail(
                f"tensor '{tensor}' has {values.size} elements; expected 1 "
                "(per-tensor quantization)"
            )
        return float(values.reshape(-1)[0])

    def exponent(self, tensor: str) -> int:
        """Return log2 of a scale; raise UserError where it is not a power of two."""
        scale = self.scalar(tensor)
        mantissa, exponent = math.frexp(scale)
        if mantissa != 0.5 or not -1022 < exponent < 1000:
            raise self.fail(
                f"scale '{tensor}' is {scale!r}, not a power of two; train with fixed-point "
                "quantizers (power-of-two scales)"
            )
        return exponent - 1

    def input_formats(self) -> list[tuple[int, bool]]:
        """Return (bits, signed) of each feature's hardware integers from the file's metadata."""
        if INPUT_METADATA not in self.metadata:
            raise self.fail(
                f"no metadata '{INPUT_METADATA}' that states the input's integers (bits, signed); "
                "aetrig export-onnx writes it"
            )
        where = f"{self.path}: metadata '{INPUT_METADATA}'"
        content = parse_json(self.metadata[INPUT_METADATA], dict[str, Any], where, "export again")
        check_shape(content.get("formats"), list[list[int | bool]], f"{where} 'formats'")
        pairs = content["formats"]
        if any(len(pair) != 2 for pair in pairs):
            raise UserError(f"{where} is not readable: pairs of bits and sign are expected")
        formats = [(int(bits), bool(signed)) for bits, signed in pairs]
        if not formats or any(not 1 <= bits <= 24 for bits, _ in formats):
            raise self.fail(f"metadata '{INPUT_METADATA}' must hold 1 to 24 bits for each feature")
        return formats


def parsed(path: Path) -> onnx.ModelProto:
    """Read an ONNX file without anything beside it; raise UserError where it is none."""
    content = read_bytes(path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own error class differs between its versions
        raise UserError(f"{path}: not an ONNX file ({error}); export it again") from error
    if len(model.graph.node) > MOST_NODES:
        raise UserError(f"{path}: {len(model.graph.node):,} nodes; at most {MOST_NODES:,} are read")
    return model


def load_graph(path: Path) -> Graph:
    """Read an ONNX file with one input; constants as float64.

    It has one output, or with a trigger three: the network's, the score, the accept bits.
    Raises UserError for a missing, empty or damaged file, or data kept outside the file.
    """
    model = parsed(path)
    graph = model.graph
    external = [item.name for item in graph.initializer if item.external_data]
    if external:
        raise UserError(
            f"{path}: tensor '{external[0]}' lies in another file, which is not supported"
        )
    for node in graph.node:
        if not node.input or not node.output:
            raise UserError(f"{path}: node '{node.name}' ({node.op_type}) takes or makes nothing")
    _check_nodes(path, graph)
    constants = {
        item.name: tensor_values(path, item).astype(np.float64) for item in graph.initializer
    }
    inputs = [item.name for item in graph.input if item.name not in constants]
    outputs = [item.name for item in graph.output]
    if len(inputs) != 1 or len(outputs) not in (1, 3):
        raise UserError(
            f"{path}: found {len(inputs)} inputs and {len(outputs)} outputs; expected one of each, "
            "or three outputs with a trigger (an empty or truncated file has none)"
        )
    metadata = {item.key: item.value for item in model.metadata_props}
    return Graph(path, tuple(graph.node), constants, inputs[0], tuple(outputs), metadata)


def _check_nodes(path: Path, graph: onnx.GraphProto) -> None:
    """Raise UserError for a node without what every node has, and a tensor that is made twice."""
    made: set[str] = set()
    for node in graph.node:
        least = 2 if node.op_type in OF_TWO else 1
        if len(node.input) < least or not node.output or "" in (*node.input, *node.output):
            raise UserError(
                f"{path}: node '{node.name}' ({node.op_type}) lacks an input or its output"
            )
        for tensor in node.output:
            if tensor in made:
                raise UserError(f"{path}: tensor '{tensor}' is made more than once")
            made.add(tensor)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes that are numbers and text by name; others are left out.

    Text that is no UTF-8 is shown with replacement characters.
    """
    values: dict[str, Any] = {}
    for item in node.attribute:
        if item.type == onnx.AttributeProto.INT:
            values[item.name] = item.i
        elif item.type == onnx.AttributeProto.FLOAT:
            values[item.name] = item.f
        elif item.type == onnx.AttributeProto.STRING:
            values[item.name] = item.s.decode(errors="replace")
    return values


def tensor_values(path: Path, tensor: onnx.TensorProto) -> npt.NDArray[Any]:
    """Return a constant's numbers; raise UserError, naming it, where it is damaged or elsewhere.

    Nothing is allocated for a shape whose elements are not in the file.
    """
    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise UserError(f"{path}: tensor '{tensor.name}' lies in another file")
    if tensor.data_type not in NUMBERS:
        raise UserError(f"{path}: tensor '{tensor.name}' holds no real numbers")
    elements = math.prod(tensor.dims)
    if min(tensor.dims, default=0) < 0 or elements > MOST_ELEMENTS:
        raise UserError(
            f"{path}: tensor '{tensor.name}' declares the shape {tuple(tensor.dims)[:8]}"
        )
    try:
        values: npt.NDArray[Any] = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(f"{path}: tensor '{tensor.name}' is damaged ({error})") from error
    return values
