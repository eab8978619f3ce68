"""A non-linear activation between two quantizers as a table of integers."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from aetrig.bring.source import label
from aetrig.errors import UserError
from aetrig.export.session import open_session
from aetrig.program.graph import Graph
from aetrig.program.model import Format, Integers, Rounding

MOST_BITS = 10
OPSET, IR_VERSION = 13, 8


def looked_up(
    graph: Graph, node: onnx.NodeProto, before: Format, after: Format, rounding: Rounding
) -> Integers:
    """Return the integers in ``after`` that the activation gives for each integer of ``before``.

    onnxruntime evaluates the node, once: from here on the table is what the network computes.
    Raises UserError where the table would have more than 2**10 entries.
    """
    if before.bits > MOST_BITS:
        raise graph.fail(
            f"{node.op_type} '{label(node)}' behind a quantizer of {before.bits} bits: its table "
            f"would have 2**{before.bits} entries; use at most {MOST_BITS} bits"
        )
    x = np.ldexp(np.arange(before.low, before.high + 1, dtype=np.float32), before.exponent)
    values = np.ldexp(_evaluated(node, x).astype(np.float64), -after.exponent)
    if not np.isfinite(values).all():
        raise graph.fail(f"{node.op_type} '{label(node)}' gives NaN or infinity in its table")
    rounded = np.rint(values) if rounding == "ROUND" else np.floor(values)
    entries: Integers = rounded.clip(after.low, after.high).astype(np.int64)
    return entries


def _evaluated(node: onnx.NodeProto, x: np.ndarray) -> np.ndarray:
    single = onnx.NodeProto()
    single.CopyFrom(node)
    single.input[:], single.output[:] = ["x"], ["y"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [x.size]) for name in "xy"]
    made = helper.make_graph([single], "activation", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)
    try:
        return np.asarray(open_session(model).run(None, {"x": x})[0])
    except UserError as error:
        raise UserError(f"activation '{label(node)}' cannot be computed: {error}") from error
