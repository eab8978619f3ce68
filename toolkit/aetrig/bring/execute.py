"""The network as it was brought, run by QONNX's own executor: the reference of an import."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from qonnx.core import onnx_exec
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes

from aetrig.bring import RECORD, SOURCE
from aetrig.bring.refusal import QUANTIZERS
from aetrig.bring.source import load_source
from aetrig.errors import CheckFailedError, UserError
from aetrig.program.model import Integers, Program, Quantize
from aetrig.program.ranges import ranges
from aetrig.records import read_record
from aetrig.run import Run

BATCH = 4096
EXACT_BITS = 24  # of float32
IR_VERSION = 10  # what the oldest supported onnxruntime reads
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file that holds a quantizer's result: integers times 2**exponent."""

    name: str
    exponent: int


@dataclass
class Reference:
    """The file, ready to run.

    ``tensors``: by the Program's quantizer. ``offset``, ``shift``: int64, shape (features,); the
    file takes (x - offset) * 2**-shift of hardware integers x. ``wide``: evaluate in float64, as
    float32 does not hold the accumulators.
    """

    model: onnx.ModelProto
    tensors: dict[str, Tensor]
    offset: Integers
    shift: Integers
    wide: bool
    _wrapper: Any = field(default=None, repr=False)

    def trace(self, x: npt.NDArray[Any]) -> dict[str, Integers]:
        """Return the integers behind every quantizer, by the Program's name.

        ``x``: hardware integers, shape (events, features). Raises UserError where the executor
        fails, CheckFailedError where a value is off its quantizer's grid.
        """
        starts = range(0, max(1, len(x)), BATCH)
        parts = [self._part(x[start : start + BATCH]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.tensors}

    def _part(self, x: npt.NDArray[Any]) -> dict[str, Integers]:
        numbers = np.ldexp((x - self.offset).astype(np.float64), -self.shift)
        whole = np.zeros((BATCH, numbers.shape[1]), np.float64 if self.wide else np.float32)
        whole[: len(x)] = numbers
        found = self._executed(whole)
        return {
            name: _integers(name, tensor, found[tensor.name][: len(x)])
            for name, tensor in self.tensors.items()
        }

    def _executed(self, numbers: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        try:
            with _quiet(), _readable_by_onnxruntime():
                if self._wrapper is None:
                    self._wrapper = _batched(self.model, numbers.shape[1], wide=self.wide)
                name = self._wrapper.graph.input[0].name
                found: dict[str, npt.NDArray[Any]] = onnx_exec.execute_onnx(
                    self._wrapper, {name: numbers}, return_full_exec_context=True
                )
        except Exception as error:
            # qonnx and onnxruntime raise errors without a common class
            reason = str(error).split("\n", maxsplit=1)[0]
            raise UserError(f"QONNX's executor cannot run the imported file ({reason})") from error
        return found


def reference(
    model: onnx.ModelProto,
    program: Program,
    tensors: dict[str, str],
    offset: Integers,
    shift: Integers,
) -> Reference:
    """Return the file as a reference for the Program that was read from it.

    ``tensors``: the file's tensor by the Program's quantizer.
    """
    wide = any(found.bits > EXACT_BITS for found in ranges(program).values())
    exponents = {
        op.name: op.format.exponent for op in program.operations if isinstance(op, Quantize)
    }
    known = {name: Tensor(tensor, exponents[name]) for name, tensor in tensors.items()}
    return Reference(model, known, offset, shift, wide)


def to_record(found: Reference) -> dict[str, Any]:
    """Return what import.json keeps of a reference."""
    return {
        "tensors": {name: [t.name, t.exponent] for name, t in found.tensors.items()},
        "offset": found.offset.tolist(),
        "shift": found.shift.tolist(),
        "wide": found.wide,
    }


def open_reference(run: Run) -> Reference:
    """Return the reference of an imported run from its files.

    Raises UserError where one is missing or damaged.
    """
    path = run.need(RECORD, "import")
    try:
        content = read_record(path)["reference"]
        tensors = {str(k): Tensor(str(n), int(e)) for k, (n, e) in content["tensors"].items()}
        offset, shift = (np.array(content[key], np.int64) for key in ("offset", "shift"))
        wide = bool(content["wide"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(f"{path}: not a record of an import ({error!r}); import again") from error
    return Reference(load_reference_model(run.need(SOURCE, "import")), tensors, offset, shift, wide)


def load_reference_model(path: Path) -> onnx.ModelProto:
    """Read the file that was brought, checked as at the import."""
    return load_source(path).model


def _integers(name: str, tensor: Tensor, values: npt.NDArray[Any]) -> Integers:
    what = f"'{name}' (tensor '{tensor.name}' of the imported file) is off its grid"
    return grid_integers(values, tensor.exponent, what)


def grid_integers(values: npt.NDArray[Any], exponent: int, off: str) -> Integers:
    """Return values / 2**exponent, all integers.

    Raises CheckFailedError, which begins with ``off``, for values off that grid.
    """
    scaled = np.ldexp(values.astype(np.float64), -exponent)
    off_grid = int((scaled != np.rint(scaled)).sum())
    if off_grid:
        raise CheckFailedError(f"{off} in {off_grid:,} of {scaled.size:,} values")
    integers: Integers = scaled.astype(np.int64)
    return integers


def _batched(model: onnx.ModelProto, features: int, *, wide: bool) -> Any:
    """Return qonnx's wrapper of a copy with a fixed batch, in float64 where it is needed."""
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    ends = copied.graph.input[0].type.tensor_type, copied.graph.output[0].type.tensor_type
    for end in ends:
        end.ClearField("shape")
        end.shape.dim.add(dim_value=BATCH)
        end.shape.dim.add(dim_value=features)
    wrapper = ModelWrapper(copied).transform(ChangeBatchSize(BATCH))
    wrapper.graph.output[0].type.tensor_type.ClearField("shape")  # its width is inferred
    wrapper = wrapper.transform(InferShapes())
    if wide:
        _widen(wrapper.model.graph)
    return wrapper


def _widen(graph: onnx.GraphProto) -> None:
    """Make every number float64; behind qonnx's quantizers, which give float32, by a cast.

    Their results have few bits: it is the sums that float32 does not hold.
    """
    for values in (graph.input, graph.output, graph.value_info):
        for value in values:
            if value.type.tensor_type.elem_type == TensorProto.FLOAT:
                value.type.tensor_type.elem_type = TensorProto.DOUBLE
    attributes = [item.t for node in graph.node for item in node.attribute if item.HasField("t")]
    for tensor in (*graph.initializer, *attributes):
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type in QUANTIZERS:
            output, single = node.output[0], f"{node.output[0]}_single"
            node.output[0] = single
            nodes.append(helper.make_node("Cast", [single], [output], to=TensorProto.DOUBLE))
            known = [*graph.value_info, *graph.output]
            shape = next(v.type.tensor_type.shape for v in known if v.name == output)
            sizes = [item.dim_value for item in shape.dim]
            graph.value_info.append(helper.make_tensor_value_info(single, TensorProto.FLOAT, sizes))
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


@contextlib.contextmanager
def _readable_by_onnxruntime() -> Iterator[None]:
    """Give the models of single nodes, which the executor hands over, an older IR version.

    onnx writes its newest, which an onnxruntime of the same day does not read.
    """
    original = onnx_exec.qonnx_make_model

    def make(graph: onnx.GraphProto, **options: Any) -> onnx.ModelProto:
        model: onnx.ModelProto = original(graph, **options)
        model.ir_version = min(model.ir_version, IR_VERSION)
        return model

    onnx_exec.qonnx_make_model = make
    try:
        yield
    finally:
        onnx_exec.qonnx_make_model = original


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep qonnx's prints and warnings (of missing annotations) to itself."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
