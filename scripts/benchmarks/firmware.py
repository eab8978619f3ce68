"""Gates and cycles of the same networks: our RTL beside hls4ml's way of making logic, and others'.

LUT, FF and DSP are cells of yosys, the same script for both; cycles are simulated by Verilator,
with every output compared with the Program.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aetrig.config.model import Rtl
from aetrig.rtl.measure import measure
from aetrig.rtl.pipeline import search
from aetrig.rtl.project import write
from aetrig.rtl.simulate import load
from aetrig.rtl.synthesis import TOOL, Synthesis, synthesize
from benchmarks import da4ml_route
from benchmarks.alkaid_tools import verilator_on_path
from benchmarks.networks import Network, network
from benchmarks.published import published
from benchmarks.rows import Options, Row, absent, alone, require, sizes

GROUP, OTHER = "firmware", "da4ml, hls4ml's options"
NETWORKS = ("l1-encoder", "jets-vae", "l1-trigger", "l1-57-32-16-3-w6a8")
EVENTS = 1000


@dataclass(frozen=True)
class Pair:
    """One network both ways. ``wrong``: da4ml's values that differ; then there is no other way."""

    net: Network
    cycles: tuple[int, int]
    cells: tuple[Synthesis, Synthesis | None]
    wrong: int


def rows(options: Options) -> Iterator[Row]:
    """Yield LUT, FF, DSP and cycles of each network, then what cannot be counted, then papers."""
    names = NETWORKS[:1] if options.quick else NETWORKS
    # yosys and g++ are processes of their own: a network for each core at a time
    with verilator_on_path(options.folder / "bin"), ThreadPoolExecutor(2) as pool:
        pairs = list(pool.map(lambda name: _pair(name, options.folder / name), names))
    for pair in pairs:
        yield from _rows(pair)
    yield absent(
        GROUP, "any of them", "hls4ml latency, resource",
        "not countable with open tools: hls4ml writes C++, which the vendor's compiler alone turns "
        "into gates; its distributed_arithmetic strategy too, but for the matrix products",
    )  # fmt: skip
    yield from published(GROUP)


def _pair(name: str, folder: Path) -> Pair:
    net = network(name, EVENTS)
    folder.mkdir()
    theirs = da4ml_route.route(net.program, folder / "da4ml")
    wrong = int((theirs.interpreted(net.x) != net.values()).sum())
    rtl = Rtl()
    pipelines = search(net.program, rtl.clock_ns, rtl.stage_delay)
    # the cheapest that is no later; where there is none the fastest
    pipeline = next((p for p in pipelines if p.stages <= theirs.stages), pipelines[-1])
    write(folder / "ours", net.program, pipeline, rtl)
    measured = measure(load(folder / "ours", net.program), net.program, net.x)
    other = None if wrong else _synthesized(theirs, net, folder)
    ours = synthesize(folder / "ours", folder / "ours.log")
    return Pair(net, (measured.latency_cycles, theirs.stages), (ours, other), wrong)


def _synthesized(theirs: da4ml_route.Routed, net: Network, folder: Path) -> Synthesis:
    found = da4ml_route.simulated(theirs, net.x)
    require((found == net.values()).all(), f"{net.name}: da4ml's RTL differs from the Program")
    project = da4ml_route.project(folder / "da4ml", folder / "other")
    return synthesize(project, folder / "da4ml.log")


def _rows(pair: Pair) -> Iterator[Row]:
    ours, other = pair.cells
    name, cycles = pair.net.name, pair.cycles
    note = (
        f"{pair.net.widths}; ours: the cheapest pipeline that is no later, with valid and reset; "
        f"{TOOL}, {ours.version}: an open tool's count"
    )
    if other is None:
        of_all = f"{pair.wrong:,} of {pair.net.y.size:,} values differ"
        note += f"; da4ml as traced here is not counted: {of_all}"
        for kind in ("LUT", "FF", "DSP"):
            yield alone(GROUP, f"{name}, {kind}", [ours.cells[kind]], kind, note)
            note = ""
        yield alone(GROUP, f"{name}, cycles", [float(cycles[0])], "cycles")
        return
    for kind in ("LUT", "FF", "DSP"):
        figures = ours.cells[kind], other.cells[kind]
        yield sizes(GROUP, (f"{name}, {kind}", OTHER), figures, kind, note)
        note = ""
    yield sizes(
        GROUP, (f"{name}, cycles", OTHER), (float(cycles[0]), float(cycles[1])), "cycles"
    )  # fmt: skip
