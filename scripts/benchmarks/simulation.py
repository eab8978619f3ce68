"""RTL simulation: our bench in Verilator beside alkaid's own model of the very same pipeline."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import numpy as np
from alkaid.codegen import RTLModel

from aetrig.config.model import Rtl
from aetrig.rtl.pipeline import search
from aetrig.rtl.project import write
from aetrig.rtl.simulate import load
from aetrig.rtl.verilate import compiled
from benchmarks.alkaid_tools import verilator_on_path
from benchmarks.networks import network
from benchmarks.rows import Options, Row, clock, compared, in_turns, rate, require

GROUP, OTHER = "RTL simulation", "alkaid's RTLModel"
NETWORK, EVENTS = "l1-encoder", 32_768


def rows(options: Options) -> Iterator[Row]:
    """Yield building and running; of a build there is one round, as it takes long."""
    net = network(NETWORK, EVENTS)
    rtl = Rtl()
    pipeline = search(net.program, rtl.clock_ns, rtl.stage_delay)[-1]
    project = options.folder / "rtl"
    write(project, net.program, pipeline, rtl)
    building = clock(lambda: compiled(project))
    model = RTLModel(
        pipeline.fsm, options.folder / "alkaid", "pipeline", print_latency=False, ternary_fuse=False
    )
    with verilator_on_path(options.folder / "bin"), contextlib.redirect_stdout(io.StringIO()):
        theirs = clock(model.compile)
    simulation, values = load(project, net.program), net.x.astype(np.float64)
    (found,) = simulation.trace(net.x).values()
    require((found == net.y).all(), f"{NETWORK}: the RTL's output differs from the Program")
    same = (model.predict(values, n_threads=1) == net.values()).all()
    require(same, f"{NETWORK}: the output of alkaid's RTLModel differs from the Program")
    note = f"{net.widths}, {pipeline.stages} stages; Verilator and g++, all cores"
    yield compared(GROUP, (f"build, {NETWORK}", OTHER), ([building], [theirs]), "s", note=note)
    timings = [
        rate(lambda: simulation.trace(net.x), EVENTS),
        rate(lambda: model.predict(values, n_threads=1), EVENTS),
    ]
    figures = in_turns(timings, options.rounds(7))
    yield compared(
        GROUP, (f"run, {NETWORK}", f"{OTHER}.predict"), (figures[0], figures[1]), "events/s",
        note="one event a clock; ours drives valid and reset too, and packs integers",
    )  # fmt: skip
