"""A Program through da4ml, the package that hls4ml's distributed arithmetic makes its logic with.

hls4ml itself writes C++ around da4ml's matrix products, which the vendor's compiler alone turns
into gates. da4ml can write the same logic as Verilog: here every layer is traced with the options
that hls4ml gives da4ml, and cut into stages as da4ml's command line does by default.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from da4ml.codegen import RTLModel
from da4ml.trace import FixedVariable, FixedVariableArray, HWConfig, comb_trace

from aetrig.program.model import Affine, Program, Quantize, Relu, Rescale
from benchmarks.rows import DifferentError

# hls4ml 1.3.0, backends/vivado/passes/distributed_arithmetic.py
HARDWARE, SOLVER = HWConfig(1, -1, -1), {"hard_dc": 2, "search_all_decompose_dc": True}
CUTOFF = 5  # da4ml's command line, for a clock of 5 ns
MODULE = "model"


@dataclass(frozen=True)
class Routed:
    """da4ml's pipeline: ``model``: to write and simulate; ``stages``: latency in cycles."""

    model: Any
    stages: int

    def interpreted(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the outputs by da4ml's interpreter of the same logic, as numbers."""
        found: np.ndarray[Any, Any] = self.model._solution.predict(x.astype(np.float64))  # noqa: SLF001
        return found


def route(program: Program, folder: Path) -> Routed:
    """Trace the network and cut it; raise DifferentError for an operation that is not traced."""
    given = _input(program)
    comb = comb_trace(given, _output(program, given))
    with contextlib.redirect_stdout(io.StringIO()):
        model = RTLModel(comb, MODULE, folder, latency_cutoff=CUTOFF, print_latency=False)
        model.write()
    return Routed(model, len(model._pipe.solutions))  # noqa: SLF001


def _input(program: Program) -> Any:
    forms = program.input_formats
    signs = np.array([form.signed for form in forms], dtype=np.int64)
    bits = np.array([form.bits for form in forms], dtype=np.int64)
    none = np.zeros_like(bits)
    return FixedVariableArray.from_kif(signs, bits - signs, none, HARDWARE, solver_options=SOLVER)


def _output(program: Program, value: Any) -> Any:
    exponent = 0
    for op in program.operations:
        match op:
            case Rescale():
                value = (value - op.offset.astype(np.float64)) * np.ldexp(1.0, -op.shift)
            case Affine():
                exponent += op.weight_format.exponent
                weight = np.ldexp(op.weight.astype(np.float64), op.weight_format.exponent)
                value = value @ weight + np.ldexp(op.bias.astype(np.float64), exponent)
            case Relu():
                value = value.relu()
            case Quantize():
                value = _quantized(value, op)
                exponent = op.format.exponent
            case _:
                raise DifferentError(f"da4ml's route has no {type(op).__name__}")
    return value


def _quantized(value: Any, op: Quantize) -> Any:
    form = op.format
    sign, fraction = int(form.signed), -form.exponent
    if op.rounding == "ROUND":
        value = _half_to_even(value, fraction)
    overflow = "SAT_SYM" if form.narrow else "SAT"
    return value.quantize(sign, form.bits - sign - fraction, fraction, overflow, "TRN")


def _stored(element: Any) -> Any:
    """Return the same number as a variable of its own where da4ml keeps it negated.

    Sums of a negated number and one of its own bits came out wrong without.
    """
    if element._factor > 0:  # noqa: SLF001
        return element
    bounds = (element.low, element.high, element.step)
    return FixedVariable(
        *bounds, _from=(element,), _factor=abs(element._factor), opr="wrap",  # noqa: SLF001
        latency=element.latency, hwconf=element.hwconf,
    )  # fmt: skip


def _half_to_even(value: Any, fraction: int) -> Any:
    """Return what, cut off below ``fraction`` bits, is rounded; da4ml itself knows half up alone.

    What is added is half a step less the finest one, and the finest one where the last bit kept
    is set.
    """
    rounded = []
    for element in map(_stored, value._vars.ravel()):  # noqa: SLF001
        dropped = int(element.kif[2]) - fraction
        if dropped <= 0:
            rounded.append(element)
            continue
        last = element.quantize(0, 1 - fraction, fraction, "WRAP", "TRN")
        finest = 2.0 ** -(fraction + dropped)
        bias = 2.0 ** -(fraction + 1) - finest
        rounded.append(element + last * 2.0**-dropped + bias)
    return FixedVariableArray(np.array(rounded), SOLVER)


def simulated(routed: Routed, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the outputs of its Verilog in Verilator, at its latency, as numbers."""
    with contextlib.redirect_stdout(io.StringIO()):
        routed.model.compile(nproc=os.cpu_count())
        found: np.ndarray[Any, Any] = routed.model.predict(x.astype(np.float64))
    return found


def project(routed_folder: Path, folder: Path) -> Path:
    """Copy what the pipeline uses to ``folder``/src with a top named as ours, and return it."""
    source = folder / "src"
    source.mkdir(parents=True)
    made = [p for p in (routed_folder / "src").glob("*.v") if not p.stem.endswith("_wrapper")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in made)
    library = [
        path
        for path in (routed_folder / "src" / "static").glob("*.v")
        if re.search(rf"\b{path.stem}\b", text)
    ]
    for path in (*made, *library):
        shutil.copy(path, source)
    (source / "top.v").write_text(_top(text), encoding="utf-8")
    return folder


def _top(text: str) -> str:
    """Return a module `trigger` around da4ml's, of the same ports."""
    found = re.search(rf"module {MODULE}\s*\((.*?)\);", text, re.DOTALL)
    if found is None:
        raise DifferentError("da4ml's Verilog has no module of the expected name")
    names = re.findall(r"(\w+)\s*(?:,|$)", found[1].strip())
    ports = ", ".join(f".{name}({name})" for name in names)
    return f"module trigger ({found[1]});\n    {MODULE} inner ({ports});\nendmodule\n"
