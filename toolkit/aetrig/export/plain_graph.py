"""A plain ONNX graph while it is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from aetrig.export.kernels import Kernel


class PlainGraph:
    """Nodes and constants as they are added."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.dtype: npt.DTypeLike = np.float64 if kernel == "float64" else np.float32
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.zero_points: dict[str, int] = {}

    def constant(self, name: str, value: object, dtype: npt.DTypeLike | None = None) -> str:
        """Add a constant, in the kernel's type unless another is given; return its name."""
        array = np.asarray(value).astype(dtype or self.dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node named as its output; return that name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def clip(
        self, tensor: str, limits: tuple[int, int], output: str, dtype: npt.DTypeLike | None = None
    ) -> str:
        """Add a saturation to ``limits``; return its output."""
        low = self.constant(f"{output}_low", limits[0], dtype)
        high = self.constant(f"{output}_high", limits[1], dtype)
        return self.node("Clip", [tensor, low, high], output)
