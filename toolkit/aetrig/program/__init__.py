"""The integer program read from QONNX, its exact ranges and its reference evaluation."""

from aetrig.program.evaluate import evaluate, trace
from aetrig.program.model import Add, Affine, Format, Program, Quantize, Relu, Rescale, Table
from aetrig.program.ranges import ranges
from aetrig.program.read import read

__all__ = [
    "Add",
    "Affine",
    "Format",
    "Program",
    "Quantize",
    "Relu",
    "Rescale",
    "Table",
    "evaluate",
    "ranges",
    "read",
    "trace",
]
