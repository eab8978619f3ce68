"""onnxruntime on the CPU: a plain model's outputs, and the integers behind each quantizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from aetrig.errors import UserError
from aetrig.export.plain import ZERO_POINTS_METADATA
from aetrig.program.graph import parsed, tensor_values
from aetrig.program.model import ACCEPT, SCORE, Integers
from aetrig.reading import parse_json

Level = Literal["disabled", "basic", "extended", "layout", "all"]
LEVELS: tuple[Level, ...] = ("disabled", "basic", "extended", "layout", "all")
_OPTIMIZATION = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "layout": ort.GraphOptimizationLevel.ORT_ENABLE_LAYOUT,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
_SILENT = 4  # what is wrong is in the exception too
BATCH = 4096
LARGEST = 2.0**62  # of an integer


def open_session(
    model: Path | onnx.ModelProto, level: Level = "all", threads: int = 1
) -> ort.InferenceSession:
    """Open a model on the CPU; raise UserError where it is damaged or not understood."""
    options = ort.SessionOptions()
    options.graph_optimization_level = _OPTIMIZATION[level]
    options.intra_op_num_threads = threads
    options.log_severity_level = _SILENT
    where = "the model" if isinstance(model, onnx.ModelProto) else str(model)
    source = (model if isinstance(model, onnx.ModelProto) else _parse(model)).SerializeToString()
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime's errors have no common class of their own
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{where}: onnxruntime cannot load it ({reason}); export it again"
        ) from error


def run(
    session: ort.InferenceSession, x: npt.NDArray[np.int32], outputs: list[str] | None = None
) -> list[npt.NDArray[np.float32]]:
    """Return the outputs for hardware integers ``x``, shape (events, features), in batches.

    Raises UserError where the model takes no such input or has no such output.
    """
    try:
        batches = [
            session.run(outputs, {"x": x[start : start + BATCH].astype(np.float32)})
            for start in range(0, max(1, len(x)), BATCH)
        ]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    except Exception as error:
        # onnxruntime's errors have no common class of their own
        raise UserError(
            f"onnxruntime cannot run the model on {x.shape[-1]} features "
            f"({str(error).splitlines()[0]}); export it again"
        ) from error


def output_integers(
    session: ort.InferenceSession, x: npt.NDArray[np.int32], exponent: int
) -> Integers:
    """Return the output's integers; raise UserError where a value is off the output's grid."""
    (y,) = run(session, x, ["y"])
    return _integers(np.ldexp(y.astype(np.float64), -exponent), "y")


def trigger_integers(
    session: ort.InferenceSession, x: npt.NDArray[np.int32]
) -> dict[str, Integers]:
    """Return score (events, 1) and accept bits (events, points) of a model with a trigger."""
    score, accept = run(session, x, [SCORE, ACCEPT])
    return {SCORE: score.astype(np.int64), ACCEPT: accept.astype(np.int64)}


def layer_integers(
    path: Path, x: npt.NDArray[np.int32], level: Level = "disabled"
) -> dict[str, Integers]:
    """Return the integers behind every quantizer, by its name, in order of execution.

    Raises UserError where the file is damaged or a quantizer's tensor does not hold integers.
    """
    model = _parse(path)
    made = [output for node in model.graph.node for output in node.output]
    order = [name for name in made if name.endswith("_quant")]
    zero_points, types = _zero_points(model, path), _types(model, path)
    for name in order:
        if name not in types:
            raise UserError(f"{path}: the type of tensor '{name}' is not known; export it again")
        model.graph.output.append(onnx.ValueInfoProto(name=name, type=types[name]))
    values = run(open_session(model, level), x, order)
    return {
        name: _integers(value, name) - zero_points.get(name, 0)
        for name, value in zip(order, values, strict=True)
    }


def _zero_points(model: onnx.ModelProto, path: Path) -> dict[str, int]:
    properties = {item.key: item.value for item in model.metadata_props}
    where = f"{path}: metadata '{ZERO_POINTS_METADATA}'"
    found: dict[str, int] = parse_json(
        properties.get(ZERO_POINTS_METADATA, "{}"), dict[str, int], where, "export it again"
    )
    return found


def _types(model: onnx.ModelProto, path: Path) -> dict[str, onnx.TypeProto]:
    """Return the element types of all tensors, which differ between kernels."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model)
    except Exception as error:
        # onnx's errors have no common class of their own
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: its shapes do not fit ({reason}); export it again") from error
    return {item.name: item.type for item in inferred.graph.value_info}


def _integers(values: npt.NDArray[Any], tensor: str) -> Integers:
    """Return the values as integers; rounding them here would hide a difference."""
    whole = np.rint(values)
    off_grid = int(((values != whole) | ~(np.abs(values) < LARGEST)).sum())
    if off_grid:
        raise UserError(
            f"onnxruntime's tensor '{tensor}' is off its grid in {off_grid:,} of {values.size:,} "
            "values; export the model again"
        )
    integers: Integers = whole.astype(np.int64)
    return integers


def _parse(path: Path) -> onnx.ModelProto:
    """Read a model; raise UserError for a damaged one, and for data outside the file."""
    model = parsed(path)
    for tensor in model.graph.initializer:
        tensor_values(path, tensor)
    return model
