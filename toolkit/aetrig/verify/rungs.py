"""The stages of a run, opened from its artefacts: float, QAT, onnxruntime, Program, csim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from aetrig.errors import AetrigError, MissingToolError
from aetrig.export.session import LEVELS, Level, layer_integers, open_session, output_integers
from aetrig.hls.csim import load as load_csim
from aetrig.nets.float_net import FloatAutoencoder
from aetrig.nets.integers import trace_integers
from aetrig.nets.quant_net import QuantAutoencoder
from aetrig.program.evaluate import trace
from aetrig.program.model import Integers, Program, Quantize
from aetrig.program.read import read
from aetrig.run import Run
from aetrig.train.load import load_float, load_quantized
from aetrig.verify.ladder import Rung, Trace
from aetrig.verify.verdict import Finding

QAT, ONNX, PROGRAM, CSIM, FLOAT = "QAT", "onnxruntime", "Program", "csim", "float"
TRACED_AT: Level = (
    "disabled"  # showing a layer's values forbids fusing it away; outputs: every level
)
Opened = TypeVar("Opened")


@dataclass
class Stages:
    """What could be opened. ``findings``: damaged artefacts; ``not_run``: absent ones."""

    float_net: FloatAutoencoder | None = None
    quantized: QuantAutoencoder | None = None
    program: Program | None = None
    rungs: list[Rung] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_run: list[Finding] = field(default_factory=list)

    def layers(self) -> tuple[str, ...]:
        """Return the names of the quantizers, in order."""
        if self.program is not None:
            return tuple(op.name for op in self.program.operations if isinstance(op, Quantize))
        if self.quantized is not None:
            return tuple(name for name in self.quantized.formats if name.endswith("_quant"))
        return ()

    def exponent(self, layer: str) -> int | None:
        """Return the binary exponent of a quantizer's integers, as trained, else as exported."""
        if self.quantized is not None:
            return self.quantized.exponents.get(layer)
        if self.program is not None:
            for op in self.program.operations:
                if isinstance(op, Quantize) and op.name == layer:
                    return op.format.exponent
        return None


def open_stages(run: Run) -> Stages:
    """Open every stage that has its artefact; note what is absent or does not open."""
    stages = Stages()

    def attempt(
        name: str, artefact: str, command: str, opener: Callable[[], Opened]
    ) -> Opened | None:
        if not (run / artefact).exists():
            remedy = f"{artefact} is missing; make it with: aetrig {command}"
            stages.not_run.append(Finding(name, remedy))
            return None
        try:
            return opener()
        except MissingToolError as error:
            stages.not_run.append(Finding(name, str(error)))
        except AetrigError as error:
            stages.findings.append(Finding(name, str(error)))
        return None

    stages.float_net = attempt(FLOAT, "checkpoints/float.pt", "qat", lambda: load_float(run))
    stages.quantized = attempt(QAT, "checkpoints/qat.pt", "qat", lambda: load_quantized(run))
    qonnx = run / "model.qonnx.onnx"
    stages.program = attempt(PROGRAM, qonnx.name, "export-onnx", lambda: read(qonnx))
    if stages.quantized is not None:
        stages.rungs.append(_qat(stages.quantized))
    stages.rungs += attempt(ONNX, "model.onnx", "export-onnx", lambda: _onnx(run, stages)) or []
    if stages.program is not None:
        stages.rungs.append(_program(stages.program))
    csim = attempt(CSIM, "hls", "hls", lambda: _csim(run, stages.program))
    stages.rungs += [] if csim is None else [csim]
    return stages


def _qat(net: QuantAutoencoder) -> Rung:
    return Rung(QAT, lambda x: trace_integers(net, x), keep=True)


def _program(program: Program) -> Rung:
    return Rung(PROGRAM, lambda x: trace(program, x))


def _csim(run: Run, program: Program | None) -> Rung:
    if program is None:
        raise AetrigError("not compared: model.qonnx.onnx, which gives its types, is not readable")
    csim = load_csim(run / "hls", program)
    return Rung(CSIM, csim.trace, keep=True)


def _onnx(run: Run, stages: Stages) -> list[Rung]:
    """Return onnxruntime layer by layer, and its output at each graph optimization level."""
    path = run / "model.onnx"
    open_session(path)  # a damaged file is a finding now

    def traced(x: Integers) -> Trace:
        return layer_integers(path, x.astype(np.int32), TRACED_AT)

    rungs = [Rung(ONNX, traced)]
    layers = stages.layers()
    exponent = stages.exponent(layers[-1]) if layers else None
    if exponent is None:
        return rungs
    return rungs + [_onnx_output(path, level, layers[-1], exponent) for level in LEVELS]


def _onnx_output(path: Path, level: Level, layer: str, exponent: int) -> Rung:
    session = open_session(path, level)

    def output(x: Integers) -> Trace:
        return {layer: output_integers(session, x.astype(np.int32), exponent)}

    return Rung(f"{ONNX} ({level})", output, beside=ONNX)
