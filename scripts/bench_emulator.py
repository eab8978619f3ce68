"""The emulator beside onnxruntime and hls4ml's csim, on one thread: see scripts/bench."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from aetrig.emulator.build import build_library
from aetrig.emulator.folder import Name, write_folder
from aetrig.emulator.load import load
from aetrig.program.model import Affine, Program, Score, Trigger, WorkingPoint
from aetrig.program.read import read
from bench_contenders import (
    CSIM,
    EVENTS,
    MODEL,
    ORT,
    OURS,
    Contender,
    csims,
    emulators,
    onnxruntimes,
    peaks,
)

ROUNDS = 9


def with_trigger(program: Program) -> Program:
    """Return the network with the summed squared reconstruction error and two thresholds."""
    points = (WorkingPoint("loose", 3000), WorkingPoint("tight", 30000))
    score = Score("square", program.input_quantizer.name)
    return replace(program, trigger=Trigger(score, points, program.digest))


def compiled(folder: Path, *, whole: bool = False) -> ctypes.CDLL:
    """Compile the timed loops against the emulator in ``folder``.

    ``whole``: with the emulator inside, since the loader takes a library's name for the library.
    """
    emulator = folder / "emulator"
    library = emulator / "libaetrig_bench_v1.so"
    flags = ["-std=c++17", "-fPIC", "-shared", "-pthread", f"-I{emulator}"]
    linked = ["-O2", str(library), f"-Wl,-rpath,{emulator}"]
    if whole:
        linked = ["-O3", "-Wl,-Bsymbolic", str(emulator / "src" / "aetrig_bench_v1.cpp")]
    source = str(Path(__file__).with_suffix(".cpp"))
    made = ["-ldl", "-o", str(folder / "bench.so")]
    subprocess.run(["g++", *flags, source, *linked, *made], check=True)
    loops = ctypes.CDLL(str(folder / "bench.so"))
    for name in ("time_emulator", "time_emulator16", "time_csim", "time_threads"):
        getattr(loops, name).restype = ctypes.c_double
    return loops


def processor() -> str:
    """Return the processor's name, and what this process may use of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    words = {key.strip(): value.strip() for key, value in fields.items()}
    model = f"family {words.get('cpu family')} model {words.get('model')}"
    return f"{words.get('model name', platform.processor())} ({model}), {os.cpu_count()} cores"


def report(rows: list[Contender], limits: list[Contender], program: Program) -> dict[str, Any]:
    """Print the tables; return the figures."""
    best = {
        name: max((r for r in rows if r.name == name), key=lambda r: r.rate)
        for name in (OURS, ORT, CSIM)
    }
    single = {
        name: next(r for r in rows if r.name == name and r.batch == 1) for name in (OURS, ORT)
    }
    print(f"{'':32}{'events a call':>14}{'events/s':>14}{'spread':>9}")
    for row in rows:
        spread = (max(row.rates) - min(row.rates)) / row.rate
        print(f"{row.name:32}{row.batch:>14,}{row.rate:>14,.0f}{spread:>8.0%}")
    products = sum(op.weight.size for op in program.operations if isinstance(op, Affine))
    print(f"\n{'of this core, multiply-accumulates':46}{'/s':>14}{'events/s':>14}")
    for limit in limits:
        print(f"{limit.name:46}{limit.rate:>14,.4g}{limit.rate / products:>14,.0f}")
    batches = f"in batches of {best[OURS].batch:,}, over"
    ratios = {
        "csim": (f"{batches} hls4ml's csim predict", _ratio(best[OURS], best[CSIM]), 500),
        "batch": (
            f"{batches} onnxruntime's best ({best[ORT].batch:,})", _ratio(best[OURS], best[ORT]), 2
        ),
        "single": (
            "one event a call, over onnxruntime's, both in C",
            _ratio(single[OURS], single[ORT]), 10,
        ),
    }  # fmt: skip
    print()
    for text, ratio, goal in ratios.values():
        print(f"{text:60}{ratio:>9,.1f}  goal {goal}: {'reached' if ratio >= goal else 'MISSED'}")
    bound = max(limits, key=lambda limit: limit.rate, default=None)
    used = best[OURS].rate * products / bound.rate if bound else 0
    if bound:
        text = f"{products:,} multiply-accumulates an event: of {bound.name}"
        print(f"{text:60}{used:>9.0%}")
    return {
        "rates": [[row.name, row.batch, row.rate] for row in rows],
        "limits": {limit.name: limit.rate for limit in limits},
        "ratios": {key: ratio for key, (_, ratio, _) in ratios.items()},
        "fraction_of_limit": used,
    }


def _ratio(ours: Contender, other: Contender) -> float:
    """Return the median ratio of timings next to one another."""
    return statistics.median(a / b for a, b in zip(ours.rates, other.rates, strict=True))


def _conditions() -> str:
    """Say what is measured, how, and on what."""
    compiler = subprocess.run(
        ["g++", "-dumpfullversion"], capture_output=True, text=True, check=True
    ).stdout.strip()
    versions = [f"{name} {version(name)}" for name in ("onnxruntime", "hls4ml")]
    return "\n".join(
        [
            f"Network {MODEL.name}; the emulator gives output, score and two accept bits (summed",
            "squared error), the others the output alone. One thread each; every output has been",
            f"compared with the Program first. Medians of {ROUNDS} rounds in turns; spread: the",
            "greatest less the least; ratios: medians of the rounds' ratios. Measured on:",
            f"{processor()}, load {os.getloadavg()[0]:.1f};",
            f"g++ {compiler}, {', '.join(versions)}, Python {platform.python_version()}",
        ]
    )


def main() -> None:
    """Build everything, measure in turns, print."""
    begin = time.perf_counter()
    program = with_trigger(read(MODEL / "model.qonnx.onnx"))
    with np.load(MODEL / "golden.npz") as golden:
        x = np.resize(golden["x"], (EVENTS, program.features)).astype(np.int32)
    with tempfile.TemporaryDirectory(prefix="aetrig-bench.") as name:
        folder = Path(name)
        write_folder(program, Name("bench", 1), x[:100].astype(np.int64), folder / "emulator")
        build_library(folder / "emulator", "aetrig_bench_v1")
        loops = compiled(folder)
        rows = [
            *emulators(loops, program, folder, x),
            *onnxruntimes(program, folder, x),
            *csims(loops, program, folder, x),
        ]
        limits = peaks(loops, load(folder / "emulator", program).paths())
        for row in (*rows, *limits):
            row.calibrate()
        for _ in range(ROUNDS):
            for row in (*rows, *limits):
                row.measure()
    print(_conditions())
    print()
    figures = report(rows, limits, program)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"\n{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
