"""What of a run can be opened for verification: its networks, its Programs, its back ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from aetrig.bring import RECORD, SOURCE
from aetrig.errors import AetrigError, MissingToolError
from aetrig.nets.float_net import FloatAutoencoder
from aetrig.nets.quant_net import QuantAutoencoder
from aetrig.program import contract
from aetrig.program.model import ACCEPT, SCORE, Program, Quantize
from aetrig.program.read import read
from aetrig.run import Run
from aetrig.train.load import load_float, load_quantized
from aetrig.verify.ladder import Rung
from aetrig.verify.rungs import (
    CSIM,
    EMULATOR,
    FLOAT,
    IMPORTED,
    ONNX,
    PROGRAM,
    QAT,
    RTL,
    TRIGGER,
    csim_rung,
    emulator_rung,
    imported_rung,
    onnx_rungs,
    program_rung,
    qat_rung,
    rtl_rung,
    trigger_rungs,
)
from aetrig.verify.verdict import Finding

Opened = TypeVar("Opened")
BACK_ENDS = {
    "hls": (CSIM, csim_rung),
    "rtl": (RTL, rtl_rung),
    "emulator": (EMULATOR, emulator_rung),
}


@dataclass
class Stages:
    """What could be opened. ``findings``: damaged artefacts; ``not_run``: absent ones.

    ``program``: the network's; ``trigger``: the network's or a cut of it, with score and bits.
    ``imported``: the network was trained elsewhere: there is neither float nor QAT to open.
    """

    float_net: FloatAutoencoder | None = None
    quantized: QuantAutoencoder | None = None
    program: Program | None = None
    trigger: Program | None = None
    rungs: list[Rung] = field(default_factory=list)
    imported: bool = False
    findings: list[Finding] = field(default_factory=list)
    not_run: list[Finding] = field(default_factory=list)

    @property
    def deployed(self) -> Program | None:
        """What the back ends lowered: the trigger where there is one."""
        return self.trigger if self.trigger is not None else self.program

    def layers(self) -> tuple[str, ...]:
        """Return the names of the quantizers, in order, then those of the trigger's results."""
        if self.program is not None:
            names = [op.name for op in self.program.operations if isinstance(op, Quantize)]
            return (*names, *((SCORE, ACCEPT) if self.trigger is not None else ()))
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
    """Open every stage that has its artefact; note what is absent or does not open.

    A network is verified with the back ends that the run has, and needs one that is firmware.
    """
    stages = Stages(imported=(run / RECORD).exists())

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

    network, trigger = run / contract.NETWORK, run / contract.TRIGGER
    if not stages.imported:
        stages.float_net = attempt(FLOAT, "checkpoints/float.pt", "qat", lambda: load_float(run))
        stages.quantized = attempt(QAT, "checkpoints/qat.pt", "qat", lambda: load_quantized(run))
    stages.program = attempt(PROGRAM, network.name, "export-onnx", lambda: read(network))
    if trigger.exists():
        load = contract.load
        stages.trigger = attempt(TRIGGER, network.name, "export-onnx", lambda: load(run))
    if stages.quantized is not None:
        stages.rungs.append(qat_rung(stages.quantized))
    if stages.imported:
        rung = attempt(IMPORTED, SOURCE, "import", lambda: imported_rung(run))
        stages.rungs += [] if rung is None else [rung]
    last = next((name for name in reversed(stages.layers()) if name.endswith("_quant")), None)
    exponent = stages.exponent(last) if last else None
    rungs = attempt(ONNX, "model.onnx", "export-onnx", lambda: onnx_rungs(run, last, exponent))
    stages.rungs += rungs or []
    if stages.program is not None:
        stages.rungs.append(program_rung(stages.program, stages.trigger))
    scored = stages.trigger
    if scored is not None:
        rungs = attempt(TRIGGER, "trigger.onnx", "threshold", lambda: [*trigger_rungs(run, scored)])
        stages.rungs += rungs or []
    # firmware is asked for: where there is neither project, the first is missed
    firmware = ("hls", "rtl") if (run / "rtl").exists() else ("hls",)
    for folder in (*firmware, "emulator"):
        name, back_end = BACK_ENDS[folder]
        if run.swapped(folder):  # told by its digest; its code is not run
            continue
        if (run / folder).exists() or firmware == (folder,):
            opened = attempt(name, folder, folder, partial(back_end, run, stages.deployed))
            stages.rungs += [] if opened is None else [opened]
    return stages
