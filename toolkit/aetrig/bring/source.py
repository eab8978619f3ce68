"""A foreign ONNX file, read without trust: whole, acyclic, of known operators, constants folded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto
from onnx.external_data_helper import load_external_data_for_model
from onnx.reference import ReferenceEvaluator

from aetrig.bring.refusal import ACTIVATIONS, OF_QUANTIZERS, QUANTIZERS, refusal
from aetrig.errors import UserError
from aetrig.program.graph import Graph, parsed, tensor_values

ROUNDINGS = {"HALF_EVEN": "ROUND"}  # newer names of the same
INTEGER_QUANT = "IntQuant"
OPSETS = range(9, 24)
MOST_COMPUTED = 1 << 26  # elements of a constant that is computed from others
# that an operator cannot do without
INPUTS = {
    "Constant": 0, "Quant": 4, "BipolarQuant": 2, "Gemm": 2, "MatMul": 2, "Gather": 2, "Reshape": 2,
    "Sub": 2, "Mul": 2, "Div": 2, "Add": 2, "Pow": 2,
}  # fmt: skip
Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Source:
    """A file that can be walked.

    ``model``: as it was brought, data of other files taken in: what QONNX's executor runs.
    ``graph``: its nodes in order of execution, everything computed from constants folded.
    """

    model: onnx.ModelProto
    graph: Graph


def label(node: onnx.NodeProto) -> str:
    """Return a node's name, or the tensor that it makes where it has none."""
    return str(node.name or next(iter(node.output), node.op_type))


def load_source(path: Path) -> Source:
    """Read a QONNX file; raise UserError, naming node or tensor, for anything that is refused.

    Nothing of the file is executed before its operators and their domains are known ones.
    """
    model = _supported(path)
    _take_in_external_data(model, path)
    _normalize(model)
    _check_ends(model, path)
    nodes = _ordered(model, path)
    _check_operators(nodes, path)
    _check_quantized(nodes, path)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return Source(model, _folded(model, path))


def _supported(path: Path) -> onnx.ModelProto:
    model = parsed(path)
    if not model.graph.node:
        raise UserError(f"{path}: the graph has no nodes; the file is empty, truncated or no ONNX")
    if model.functions:
        raise UserError(
            f"{path}: function '{model.functions[0].name}' is not supported; export with "
            "export_qonnx(opset_version=13, dynamo=False)"
        )
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions or versions[0] not in OPSETS:
        raise UserError(
            f"{path}: opset {versions[0] if versions else 'not given'}; expected "
            f"{OPSETS.start} to {OPSETS.stop - 1}, 13 for example"
        )
    return model


def _take_in_external_data(model: onnx.ModelProto, path: Path) -> None:
    """Read tensors kept in files beside the model; nothing outside its folder is opened."""
    folder = path.parent.resolve()
    tensors = list(model.graph.initializer)
    tensors += [item.t for node in model.graph.node for item in node.attribute]
    elsewhere = TensorProto.EXTERNAL
    external = [t for t in tensors if t.external_data or t.data_location == elsewhere]
    for tensor in external:
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        try:
            place = (folder / location).resolve()
            there = place.is_file()
        except (OSError, ValueError):  # a name that no file can have
            place, there = folder, False
        if not location or not place.is_relative_to(folder) or Path(location).is_absolute():
            raise UserError(
                f"{path}: tensor '{tensor.name}' lies in '{location}', outside the model's folder; "
                "export it into one file"
            )
        if not there:
            raise UserError(f"{path}: tensor '{tensor.name}' lies in '{location}', which is absent")
    if external:
        try:
            load_external_data_for_model(model, str(folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            raise UserError(f"{path}: its external data cannot be read ({reason})") from error


def _normalize(model: onnx.ModelProto) -> None:
    """Give quantizers one name and domain, and take constants out of the inputs."""
    graph = model.graph
    constants = {item.name for item in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    del graph.input[:]
    graph.input.extend(inputs)
    for node in graph.node:
        if node.op_type == INTEGER_QUANT:
            node.op_type = QUANTIZERS[0]
        if node.op_type in QUANTIZERS and node.domain in OF_QUANTIZERS:
            node.domain = OF_QUANTIZERS[0]
        for item in node.attribute if node.op_type in QUANTIZERS else ():
            if item.name == "rounding_mode":
                rounding = item.s.decode(errors="replace").upper()
                item.s = ROUNDINGS.get(rounding, rounding).encode()
    if OF_QUANTIZERS[0] not in {item.domain for item in model.opset_import}:
        model.opset_import.add(domain=OF_QUANTIZERS[0], version=1)


def _check_ends(model: onnx.ModelProto, path: Path) -> None:
    for what, found in (("input", model.graph.input), ("output", model.graph.output)):
        if len(found) != 1:
            names = ", ".join(f"'{item.name}'" for item in found) or "none"
            hint = " (the network's own file is model.qonnx.onnx)" if "'accept'" in names else ""
            raise UserError(f"{path}: expected one {what}, found {len(found)}: {names}{hint}")
    tensor = model.graph.input[0].type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        kind = TensorProto.DataType.Name(tensor.elem_type)
        name = model.graph.input[0].name
        raise UserError(f"{path}: input '{name}' is {kind}, expected FLOAT")
    if tensor.HasField("shape") and len(tensor.shape.dim) != 2:
        shape = tuple(item.dim_value or item.dim_param for item in tensor.shape.dim)
        raise UserError(
            f"{path}: input '{model.graph.input[0].name}' has shape {shape}, expected "
            "(events, features)"
        )


def _ordered(model: onnx.ModelProto, path: Path) -> list[onnx.NodeProto]:
    """Return the nodes in order of execution; raise UserError for a circle or a missing tensor."""
    known = {item.name for item in model.graph.initializer}
    known |= {item.name for item in model.graph.input} | {""}
    outputs = [output for node in model.graph.node for output in node.output if output]
    made = set(outputs)
    if len(made) != len(outputs) or made & known:
        twice = next(name for name in outputs if outputs.count(name) > 1 or name in known)
        raise UserError(f"{path}: tensor '{twice}' is made more than once")
    waiting, ordered = list(model.graph.node), list[onnx.NodeProto]()
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            _fail_unready(waiting, known | made, path)
        ordered += ready
        known.update(output for node in ready for output in node.output)
        waiting = [node for node in waiting if not known.issuperset(node.output)]
    output = model.graph.output[0].name
    if output not in known:
        raise UserError(f"{path}: no node makes the output '{output}'")
    return ordered


def _fail_unready(waiting: list[onnx.NodeProto], named: set[str], path: Path) -> None:
    for node in waiting:
        for tensor in node.input:
            if tensor not in named:
                raise UserError(f"{path}: nothing makes tensor '{tensor}' of node '{label(node)}'")
    raise UserError(f"{path}: the graph runs in a circle through node '{label(waiting[0])}'")


def _check_operators(nodes: list[onnx.NodeProto], path: Path) -> None:
    for node in nodes:
        reason = refusal(node.op_type, node.domain)
        if reason is not None:
            raise UserError(f"{path}: operator '{node.op_type}' at node '{label(node)}': {reason}")
        needed = INPUTS.get(node.op_type, 1)
        if not all((*node.input[:needed], *node.output[:1])) or len(node.input) < needed:
            raise UserError(
                f"{path}: operator '{node.op_type}' at node '{label(node)}' needs {needed} inputs "
                "and an output, each with a name"
            )


def _check_quantized(nodes: list[onnx.NodeProto], path: Path) -> None:
    if not any(node.op_type in QUANTIZERS for node in nodes):
        raise UserError(
            f"{path}: no Quant node: this is a network in floating point; train it with aetrig "
            "qat, or quantize it with Brevitas (power-of-two scales) and export_qonnx"
        )


def _folded(model: onnx.ModelProto, path: Path) -> Graph:
    """Return the graph with all that is computed from constants computed, quantizers apart."""
    raw = {item.name: _array(path, item) for item in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        foldable = node.op_type not in (*QUANTIZERS, *ACTIVATIONS)
        if foldable and all(tensor in raw or not tensor for tensor in node.input):
            raw.update(zip(node.output, _computed(model, node, raw, path), strict=False))
        else:
            nodes.append(node)
    constants = {name: np.asarray(values, np.float64) for name, values in raw.items()}
    for node in nodes:
        for tensor in node.input[1:] if node.op_type in QUANTIZERS else ():
            values = constants.get(tensor)
            if values is not None and values.size > 1 and (values == values.flat[0]).all():
                constants[tensor] = values.flat[:1]  # one scale for all, written for each channel
    metadata = {item.key: item.value for item in model.metadata_props}
    ends = model.graph.input[0].name, (model.graph.output[0].name,)
    return Graph(path, tuple(nodes), constants, *ends, metadata)


def _array(path: Path, tensor: onnx.TensorProto) -> Values:
    return tensor_values(path, tensor)


def _computed(
    model: onnx.ModelProto, node: onnx.NodeProto, values: dict[str, Values], path: Path
) -> list[Values]:
    opsets = {item.domain: item.version for item in model.opset_import}
    given = {tensor: values[tensor] for tensor in node.input if tensor}
    # broadcasting makes no more than the product
    if math.prod(array.size for array in given.values()) > MOST_COMPUTED:
        raise UserError(f"{path}: the constants of node '{label(node)}' are too large to compute")
    try:
        return list(ReferenceEvaluator(node, opsets=opsets).run(None, given))
    except Exception as error:
        # onnx.reference raises whatever numpy does
        reason = str(error).split("\n", maxsplit=1)[0]
        raise UserError(f"{path}: node '{label(node)}' cannot be computed ({reason})") from error
