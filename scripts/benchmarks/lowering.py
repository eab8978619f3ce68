"""Lowering: seconds from the QONNX file to csim, RTL or the emulator, beside hls4ml's own csim."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from aetrig.emulator.load import load as load_emulator
from aetrig.hls.csim import load as load_csim
from benchmarks.networks import LARGE, Network, network
from benchmarks.rows import Options, Row, clock, compared, in_turns, require

GROUP, OTHER = "lowering", "hls4ml convert and compile"
ROUTE = Path(__file__).with_name("lowering_route.py")
EVENTS = 1000
NAMES = {
    "csim": "QONNX to compiled csim",
    "rtl": "QONNX to pipelined Verilog",
    "emulator": "QONNX to compiled emulator",
}
NOTES = {
    "csim": "ours also checks every type and weight that was written",
    "rtl": "ten pipelines are tried and the fastest written; hls4ml has no route to RTL without "
    "the vendor's compiler: the other figure is its csim",
    "emulator": "four instruction sets in one library",
}


def rows(options: Options) -> Iterator[Row]:
    """Yield a row a route: a process each, from its start to its end."""
    net = network(LARGE, EVENTS)
    np.save(options.folder / "x.npy", np.ascontiguousarray(net.x, dtype=np.float32))
    routes = ["emulator"] if options.quick else list(NAMES)
    rounds = 1 if options.quick else 2
    timings: list[Callable[[], float]] = [
        (lambda route=route: _seconds(route, net, options.folder)) for route in (*routes, "hls4ml")
    ]
    *ours, theirs = in_turns(timings, rounds)
    _check(net, options.folder, routes)
    for route, figures in zip(routes, ours, strict=True):
        yield compared(
            GROUP, (f"{NAMES[route]}, {net.widths}", OTHER), (figures, theirs), "s",
            note=NOTES[route],
        )  # fmt: skip


def _seconds(route: str, net: Network, folder: Path) -> float:
    scratch = folder / f"lowering-{route}"
    subprocess.run(["rm", "-rf", str(scratch)], check=True)
    scratch.mkdir()
    if route == "hls4ml":
        (scratch / "x.npy").write_bytes((folder / "x.npy").read_bytes())
    command = [sys.executable, str(ROUTE), route, str(net.qonnx), str(scratch)]
    return clock(lambda: subprocess.run(command, check=True, capture_output=True, cwd=scratch))


def _check(net: Network, folder: Path, routes: list[str]) -> None:
    """Compare what the last round made with the Program; of RTL the simulation group does."""
    found = np.load(folder / "lowering-hls4ml" / "hls4ml.npy").reshape(net.y.shape)
    require((found == net.values()).all(), "hls4ml's own csim differs from the Program")
    if "csim" in routes:
        csim = load_csim(folder / "lowering-csim" / "hls", net.program)
        require((csim.run(net.x) == net.y).all(), "our csim differs from the Program")
    emulator = load_emulator(folder / "lowering-emulator" / "emulator", net.program)
    (values,) = emulator.trace(net.x).values()
    require((values == net.y).all(), "the emulator differs from the Program")
