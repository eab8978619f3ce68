"""Each stage of a run as a rung of the ladder: from hardware integers to its own integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from aetrig.errors import AetrigError
from aetrig.export.session import (
    LEVELS,
    Level,
    layer_integers,
    open_session,
    output_integers,
    trigger_integers,
)
from aetrig.hls.csim import check_digest as check_csim
from aetrig.hls.csim import load as load_csim
from aetrig.nets.integers import trace_integers
from aetrig.nets.quant_net import QuantAutoencoder
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.records import read_record
from aetrig.rtl.load import load as load_rtl
from aetrig.rtl.measure import check_digest
from aetrig.run import Run
from aetrig.verify.ladder import Rung, Trace

QAT, ONNX, PROGRAM, FLOAT = "QAT", "onnxruntime", "Program", "float"
CSIM, RTL, EMULATOR, TRIGGER = "csim", "RTL", "emulator", "trigger"
IMPORTED = "QONNX"  # the file that an imported network was brought in
FIRMWARE = (CSIM, RTL)
TRACED_AT: Level = (
    "disabled"  # showing a layer's values forbids fusing it away; outputs: every level
)


def qat_rung(net: QuantAutoencoder) -> Rung:
    """Return the trained network, evaluated in float64."""
    return Rung(QAT, lambda x: trace_integers(net, x), keep=True)


def imported_rung(run: Run) -> Rung:
    """Return an imported network as it was brought, run by QONNX's own executor."""
    from aetrig.bring.execute import open_reference

    return Rung(IMPORTED, open_reference(run).trace, keep=True)


def program_rung(network: Program, trigger: Program | None) -> Rung:
    """Return the reference; score and accept bits are the trigger's."""

    def run(x: Integers) -> Trace:
        values = trace(network, x)
        if trigger is None:
            return values
        found = trace(trigger, x)
        return values | {name: found[name] for name in (SCORE, ACCEPT)}

    return Rung(PROGRAM, run)


def onnx_rungs(run: Run, layer: str | None, exponent: int | None) -> list[Rung]:
    """Return onnxruntime layer by layer, and its output at each graph optimization level."""
    path = run / "model.onnx"
    open_session(path)  # a damaged file is a finding now

    def traced(x: Integers) -> Trace:
        return layer_integers(path, x.astype(np.int32), TRACED_AT)

    rungs = [Rung(ONNX, traced)]
    if layer is None or exponent is None:
        return rungs
    for level in LEVELS:
        session = open_session(path, level)

        def output(x: Integers, session: Any = session) -> Trace:
            return {layer: output_integers(session, x.astype(np.int32), exponent)}

        rungs.append(Rung(f"{ONNX} ({level})", output, beside=ONNX))
    return rungs


def trigger_rungs(run: Run, program: Program) -> Iterator[Rung]:
    """Yield the trigger's ONNX file: output, score and bits at each graph optimization level."""
    layer, exponent = program.operations[-1].name, program.output_format.exponent
    for level in LEVELS:
        session = open_session(run / "trigger.onnx", level)

        def output(x: Integers, session: Any = session) -> Trace:
            events = x.astype(np.int32)
            found = output_integers(session, events, exponent)
            return {layer: found, **trigger_integers(session, events)}

        yield Rung(f"trigger.onnx ({level})", output, beside=PROGRAM)


def csim_rung(run: Run, program: Program | None) -> Rung:
    """Return the hls4ml project, emulated in C++."""
    loaded = load_csim(run / "hls", _types(program))
    check_csim(loaded, _types(program))
    return Rung(CSIM, loaded.trace, keep=True)


def rtl_rung(run: Run, program: Program | None) -> Rung:
    """Return the RTL, simulated with an event at every clock."""
    language = read_record(run.need("rtl.json", "rtl"))["language"]
    simulation = load_rtl(run / "rtl", _types(program), language)
    if simulation.network_digest() is not None:  # a project made before there was the port
        check_digest(simulation, _types(program))
    return Rung(RTL, simulation.trace, beside=PROGRAM, keep=True)


def emulator_rung(run: Run, program: Program | None) -> Rung:
    """Return the emulator's library."""
    from aetrig.emulator.load import load as load_emulator

    return Rung(EMULATOR, load_emulator(run / "emulator", _types(program)).trace, beside=PROGRAM)


def _types(program: Program | None) -> Program:
    if program is None:
        raise AetrigError("not compared: the ONNX file that gives its types is not readable")
    return program
