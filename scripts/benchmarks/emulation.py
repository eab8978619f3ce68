"""Emulation: the emulator beside csim, alkaid's interpreter, onnxruntime and QONNX's executor."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from qonnx.core import onnx_exec
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes

import bench_contenders as contenders
import bench_emulator
from aetrig.emulator.build import build_library
from aetrig.emulator.folder import Name, write_folder
from aetrig.program.evaluate import evaluate
from aetrig.program.model import Program
from aetrig.program.read import read
from benchmarks.rows import Options, Row, compared, in_turns, rate, require

GROUP = "emulation"
GOALS = {"csim": 500.0, "batch": 2.0, "single": 10.0}
BATCH = 16_384
IR_VERSION = 10  # onnx writes newer ones than onnxruntime reads
Timing = Callable[[], float]
Integers = np.ndarray[Any, Any]


def rows(options: Options) -> Iterator[Row]:
    """Yield ours in its best batch beside each of the others in theirs, and one event a call."""
    network = read(contenders.MODEL / "model.qonnx.onnx")
    program = bench_emulator.with_trigger(network)
    with np.load(contenders.MODEL / "golden.npz") as golden:
        x = np.resize(golden["x"], (contenders.EVENTS, program.features)).astype(np.int32)
    folder = options.folder
    write_folder(program, Name("bench", 1), x[:100].astype(np.int64), folder / "emulator")
    build_library(folder / "emulator", "aetrig_bench_v1")
    loops = bench_emulator.compiled(folder)
    ours = [r for r in contenders.emulators(loops, program, folder, x) if r.name == contenders.OURS]
    ort = [r for r in contenders.onnxruntimes(program, folder, x) if r.name == contenders.ORT]
    # hls4ml's project takes long to compile
    csim = [] if options.quick else [next(iter(contenders.csims(loops, program, folder, x)))]
    for row in (*ours, *ort, *csim):
        row.calibrate()
    best, best_ort = _best(ours), _best(ort)
    single = next(row for row in ours if row.batch == 1)
    single_ort = next(row for row in ort if row.batch == 1)
    timings = [
        *(_timing(row) for row in (best, best_ort, single, single_ort)),
        _interpreter(network, x[:BATCH]),
        _executor(network, x[:BATCH]),
        *map(_timing, csim),
    ]
    ours_, ort_, one, one_ort, alkaid, qonnx, *csim_ = in_turns(timings, options.rounds(9))
    name = "its best batch"
    batches = f"ours in batches of {best.batch:,}, onnxruntime in its best, {best_ort.batch:,}"
    for other, found, goal in (
        ("onnxruntime int8, C, its best", ort_, GOALS["batch"]),
        *((contenders.CSIM, found, GOALS["csim"]) for found in csim_),
        ("alkaid's interpreter", alkaid, None),
        (f"QONNX's executor, {BATCH:,}", qonnx, None),
    ):
        yield compared(GROUP, (name, other), (ours_, found), "events/s", goal=goal, note=batches)
        batches = ""
    yield compared(
        GROUP, ("one event a call, C", "onnxruntime int8, C"), (one, one_ort), "events/s",
        goal=GOALS["single"],
        note="57-32-16-3-16-32-57, 4,768 multiply-accumulates; ours gives output, score and two "
        "accept bits, the others the output alone; --detail has all batches and paths",
    )  # fmt: skip


def _best(found: list[contenders.Contender]) -> contenders.Contender:
    """Return the row whose batch is the fastest."""
    for row in found:
        row.measure()
    return max(found, key=lambda row: row.rate)


def _timing(row: contenders.Contender) -> Timing:
    def timing() -> float:
        row.measure()
        return row.rates[-1]

    return timing


def _interpreter(program: Program, x: Integers) -> Timing:
    """Return alkaid's own interpreter of the traced network, on one thread."""
    from aetrig.rtl.lower import lower

    comb, values = lower(program).comb, x.astype(np.float64)

    def call() -> Any:
        return comb.predict(values, n_threads=1)

    require((call() == _expected(program, x)).all(), "alkaid's interpreter differs")
    return rate(call, len(x))


def _executor(program: Program, x: Integers) -> Timing:
    """Return QONNX's executor with a fixed batch, the way its documentation calls it."""
    model = onnx.load(contenders.MODEL / "model.qonnx.onnx")
    with _quiet():
        wrapper = ModelWrapper(model).transform(ChangeBatchSize(len(x))).transform(InferShapes())
    given, taken = wrapper.graph.input[0].name, wrapper.graph.output[0].name
    values = x.astype(np.float32)

    def call() -> Any:
        with _quiet():
            return onnx_exec.execute_onnx(wrapper, {given: values})[taken]

    require((call() == _expected(program, x)).all(), "QONNX's executor differs from the Program")
    return rate(call, len(x))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep qonnx's prints away, and give its single-node models a version that can be read."""
    original = onnx_exec.qonnx_make_model

    def make(graph: onnx.GraphProto, **given: Any) -> onnx.ModelProto:
        model = original(graph, **given)
        model.ir_version = min(model.ir_version, IR_VERSION)
        return model

    onnx_exec.qonnx_make_model = make
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        onnx_exec.qonnx_make_model = original


def _expected(program: Program, x: Integers) -> np.ndarray[Any, Any]:
    found = evaluate(program, x.astype(np.int64)).astype(np.float64)
    return np.ldexp(found, program.output_format.exponent)
