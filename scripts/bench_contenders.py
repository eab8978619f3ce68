"""What scripts/bench times: each contender's loop, its results compared with the Program first."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib.util
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np
import onnx

from aetrig.config.model import Hls
from aetrig.emulator.folder import PATHS
from aetrig.emulator.load import load
from aetrig.hls.generate import generate
from aetrig.program.evaluate import trace
from aetrig.program.model import Program

MODEL = Path(__file__).resolve().parents[1] / "models" / "l1-57-32-16-3-w6a8"
EVENTS = 32768
BATCHES = (16, 64, 256, 1024, 4096, 16384)
CSIM_EVENTS = 1000
SECONDS = 0.08  # of a timing, for calls that take less
OURS, ORT, CSIM = "emulator", "onnxruntime, C", "hls4ml csim predict"


@dataclass
class Contender:
    """One row. ``time``: from a number of calls, with ``batch`` events each, to seconds."""

    name: str
    batch: int
    time: Callable[[int], float]
    calls: int = 1
    rates: list[float] = field(default_factory=list)

    def calibrate(self, aim: float = SECONDS) -> None:
        """Choose the number of calls for timings of ``aim`` seconds; also a warm-up."""
        while 0 < (seconds := self.time(self.calls)) < aim / 2:
            self.calls = max(2 * self.calls, int(self.calls * aim / seconds))

    def measure(self) -> None:
        """Add one timing."""
        seconds = self.time(self.calls)
        if seconds <= 0:
            sys.exit(f"bench: {self.name} failed")
        self.rates.append(self.batch * self.calls / seconds)

    @property
    def rate(self) -> float:
        """Median, events/s."""
        return statistics.median(self.rates)

    @property
    def best(self) -> float:
        """That of the fastest round, events/s: other work on the machine only ever slows."""
        return max(self.rates)


def at(array: np.ndarray[Any, Any] | None) -> ctypes.c_void_p:
    """Return an array's address; None: NULL."""
    return ctypes.c_void_p(None if array is None else array.ctypes.data)


def emulators(
    loops: ctypes.CDLL, program: Program, folder: Path, x: np.ndarray[Any, Any]
) -> Iterator[Contender]:
    """Yield the emulator's rows, having compared its results with the Program."""
    loaded = load(folder / "emulator", program)
    reference = trace(program, x)
    for name, values in loaded.trace(x).items():
        if (values != reference[name]).any():
            sys.exit(f"bench: the emulator's '{name}' differs from the Program")
    y = np.zeros((EVENTS, program.outputs), np.int32)
    score, accept = np.zeros(EVENTS, np.int64), np.zeros((EVENTS, 2), np.uint8)
    x16 = x.astype(np.int16)
    run, run16 = loops.time_emulator, loops.time_emulator16

    def row(name: str, batch: int, *, path: int = 0, checked: bool = True, output: bool = True,
            trigger: bool = True) -> Contender:  # fmt: skip
        given = y if output else None, score if trigger else None, accept if trigger else None
        size = ctypes.c_size_t(batch)
        # the arrays live as long as this function, not their addresses
        return Contender(
            name,
            batch,
            lambda calls: float(run(path, checked, at(x), size, *map(at, given), calls)),
        )

    for batch in (1, *BATCHES):
        yield row(OURS, batch)
    yield row("emulator, unchecked", 1, checked=False)
    yield row("emulator, unchecked", 1024, checked=False)
    yield row("emulator, output alone", 1, trigger=False)
    yield row("emulator, output alone", 1024, trigger=False)
    yield row("emulator, score and bits alone", 1024, output=False)
    size = ctypes.c_size_t(1024)
    yield Contender(
        "emulator, 16-bit inputs",
        1024,
        lambda calls: float(run16(at(x16), size, at(y), at(score), at(accept), calls)),
    )
    for path in loaded.paths():
        yield row(f"emulator, path {path}", 1024, path=PATHS.index(path) + 1)
    large, threaded = ctypes.c_size_t(EVENTS), loops.time_threads
    for threads in (1, 2):
        yield Contender(
            f"emulator, {threads} thread{'s' * (threads > 1)}",
            EVENTS,
            lambda calls, threads=threads: float(
                threaded(threads, at(x), large, at(y), at(score), at(accept), calls)
            ),
        )
    yield Contender("emulator, Python", 1, _python(folder / "emulator", x))


def _python(folder: Path, x: np.ndarray[Any, Any]) -> Callable[[int], float]:
    description = importlib.util.spec_from_file_location("bench_v1", folder / "aetrig_bench_v1.py")
    assert description is not None  # noqa: S101
    assert description.loader is not None  # noqa: S101
    wrapper = importlib.util.module_from_spec(description)
    description.loader.exec_module(wrapper)

    def seconds(calls: int) -> float:
        start = time.perf_counter()
        for event in range(calls):
            wrapper.run(x[event % EVENTS])
        return time.perf_counter() - start

    return seconds


def onnxruntimes(
    program: Program,
    folder: Path,
    x: np.ndarray[Any, Any],
    model: Path = MODEL / "model.onnx",
    batches: Sequence[int] = (1, *BATCHES),
) -> Iterator[Contender]:
    """Yield onnxruntime's rows: its best kernels on a model, one thread, from C and Python."""
    expected = trace(program, x)[program.operations[-1].name]
    np.save(folder / "x.npy", x.astype(np.float32))
    y = np.ldexp(expected, program.output_format.exponent).astype(np.float32)
    np.save(folder / "y.npy", y)
    for batch in batches:
        yield Contender(ORT, batch, _child("c", folder, batch, model))
    for batch in (1, 1024):
        yield Contender("onnxruntime, Python", batch, _child("python", folder, batch, model))


def _child(kind: str, folder: Path, batch: int, model: Path) -> Callable[[int], float]:
    """Start a process that times one of onnxruntime's interfaces when asked."""
    graph = onnx.load(model).graph
    names = [graph.input[0].name, graph.output[0].name]
    worker = str(Path(__file__).with_name("bench_onnxruntime.py"))
    given = [kind, str(folder), str(model), str(batch), *names]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, worker, *given], text=True, **pipes)
    atexit.register(child.communicate)

    def seconds(calls: int) -> float:
        assert child.stdin is not None  # noqa: S101
        assert child.stdout is not None  # noqa: S101
        print(calls, file=child.stdin, flush=True)
        return float(child.stdout.readline() or "0")

    return seconds


def csims(
    loops: ctypes.CDLL, program: Program, folder: Path, x: np.ndarray[Any, Any]
) -> Iterator[Contender]:
    """Yield csim's rows: hls4ml's own `predict`, and its compiled function called from C++."""
    # the network alone: hls4ml's predict knows one output and no trigger
    network, project = replace(program, trigger=None), folder / "hls"
    generate(MODEL / "model.qonnx.onnx", network, Hls(), project, folder / "hls.log", x[:200])
    # the project knows its own place relative to where hls4ml was started
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        model = hls4ml.converters.link_existing_project("hls")
        model.compile()  # by hls4ml's own build script, -O3
    inputs = np.ascontiguousarray(x[:CSIM_EVENTS], dtype=np.float32)
    expected = trace(program, x[:CSIM_EVENTS])[program.operations[-1].name]
    if (model.predict(inputs) != np.ldexp(expected, program.output_format.exponent)).any():
        sys.exit("bench: csim's output differs from the Program")
    y = np.zeros(program.outputs, np.float32)
    top = ctypes.cast(model._top_function_lib.myproject_float, ctypes.c_void_p)  # noqa: SLF001
    run, size = loops.time_csim, ctypes.c_size_t(CSIM_EVENTS)

    def predict(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            model.predict(inputs)
        return time.perf_counter() - start

    yield Contender(CSIM, CSIM_EVENTS, predict)
    yield Contender(
        "hls4ml csim, C++", CSIM_EVENTS,
        lambda calls: sum(float(run(top, at(inputs), at(y), size)) for _ in range(calls)),
    )  # fmt: skip


def peaks(loops: ctypes.CDLL, paths: tuple[str, ...]) -> list[Contender]:
    """Return this core's rates of multiply-accumulates, as contenders of that many 'events'."""
    chosen = []
    if "avx2" in paths:
        chosen += [
            ("vpmaddwd + vpaddd, 256 bits", "peak_vpmaddwd_256", 16),
            ("vpmaddubsw + vpaddw, 256 bits", "peak_vpmaddubsw_256", 32),
        ]
    if "avx512vnni" in paths:
        chosen += [
            ("vpmaddwd + vpaddd, 512 bits", "peak_vpmaddwd_512", 32),
            ("vpmaddubsw + vpaddw, 512 bits", "peak_vpmaddubsw_512", 64),
            ("vpdpbusd, 512 bits", "peak_vpdpbusd_512", 64),
        ]
    return [_counted(loops, name, symbol, 16 * products) for name, symbol, products in chosen]


def adders(loops: ctypes.CDLL) -> Contender:
    """Return this core's full adders/s, an event and bit each: what bit-sliced sums are made of."""
    return _counted(loops, "full adders, 256 bits", "peak_full_adder_256", 16 * 256)


def bandwidths(loops: ctypes.CDLL) -> list[Contender]:
    """Return this core's bytes/s: read from its nearest memory, and copied in the farthest."""
    near, far = 1 << 14, 1 << 26
    return [
        _counted(loops, "bytes read, 16 KiB", "read_near", near, rounds=1000),
        _counted(loops, "bytes read and written, 64 MiB", "copy_far", 2 * far, rounds=1),
    ]


def _counted(
    loops: ctypes.CDLL, name: str, symbol: str, amount: int, rounds: int = 100_000
) -> Contender:
    function = getattr(loops, symbol)
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_long]
    return Contender(name, amount * rounds, lambda calls: float(function(calls * rounds)))
