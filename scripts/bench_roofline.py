"""The emulator against this core's limits, and onnxruntime beside it: `bench_roofline.py [JSON]`.

The network of scripts/bench as it is, with three quarters of its weights taken out, and with
weights of two bits and of one: each is built, compared with the Program, and timed in turns with
onnxruntime's int8 kernels (one thread, its best batch). Bounds are measured in the same run.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from aetrig.emulator.build import build_library
from aetrig.emulator.events import products
from aetrig.emulator.folder import PATHS, Name, write_folder
from aetrig.emulator.load import load
from aetrig.emulator.lower import lower
from aetrig.export.plain import to_plain
from aetrig.program.evaluate import trace
from aetrig.program.model import Affine, Format, Integers, Program
from aetrig.program.read import read
from bench_contenders import (
    EVENTS,
    MODEL,
    Contender,
    adders,
    at,
    bandwidths,
    onnxruntimes,
    peaks,
)
from bench_emulator import compiled, processor, with_trigger

ROUNDS = 200
SECONDS = 0.004  # of a timing: short, so that some are undisturbed on a machine with other work
BATCH, THEIR_BATCHES = 1024, (1024, 4096)
EVENT_PATHS = ("avx512events", "avx2events")
Array = np.ndarray[Any, Any]


def changed(program: Program, change: Callable[[Affine], Affine]) -> Program:
    """Return the network with other weights."""
    operations = [change(op) if isinstance(op, Affine) else op for op in program.operations]
    return replace(program, operations=tuple(operations))


def pruned(op: Affine) -> Affine:
    """Take out the smaller three quarters of a layer's weights."""
    order = np.argsort(abs(op.weight), axis=None, kind="stable")
    weight = op.weight.copy()
    weight.ravel()[order[: weight.size * 3 // 4]] = 0
    return replace(op, weight=weight)


def of_bits(bits: int) -> Callable[[Affine], Affine]:
    """Return what rounds a layer's weights to -1, 0 and 1 (2 bits), or to -1 and 0 (1 bit)."""

    def rounded(op: Affine) -> Affine:
        step = max(0, int(abs(op.weight).max()).bit_length() - 1)
        form = Format(bits, True, op.weight_format.exponent + step, narrow=bits == 2)
        weight: Integers = np.rint(op.weight / (1 << step) * 1.5).astype(np.int64)
        return replace(
            op, weight=weight.clip(form.low, form.high), weight_format=form, bias=op.bias >> step
        )

    return rounded


@dataclass
class Case:
    """A network with its timed rows."""

    name: str
    program: Program
    paths: dict[str, Contender]
    others: list[Contender]

    @property
    def all_products(self) -> int:
        """Multiply-accumulates of an event."""
        return sum(op.weight.size for op in self.program.operations if isinstance(op, Affine))

    @property
    def kept(self) -> int:
        """Those of pairs of weights that are not both zero."""
        return products(lower(self.program))

    @property
    def fastest(self) -> str:
        """The path that is the fastest in batches."""
        return max(self.paths, key=lambda path: self.paths[path].best)


def case(name: str, program: Program, folder: Path, x: Array) -> tuple[Case, ctypes.CDLL]:
    """Build a network's emulator and onnxruntime model, compare both with the Program."""
    folder.mkdir()
    write_folder(program, Name("bench", 1), x[:100].astype(np.int64), folder / "emulator")
    build_library(folder / "emulator", "aetrig_bench_v1")
    loops, loaded, reference = (
        compiled(folder, whole=True),
        load(folder / "emulator", program),
        trace(program, x),
    )
    y = np.zeros((EVENTS, program.outputs), np.int32)
    score, accept = np.zeros(EVENTS, np.int64), np.zeros((EVENTS, 2), np.uint8)
    size = ctypes.c_size_t(BATCH)
    rows = {}
    for path in loaded.paths():
        found = replace(loaded, path=path).trace(x)
        if any((values != reference[key]).any() for key, values in found.items()):
            sys.exit(f"bench: {name}, path {path}, differs from the Program")
        number = PATHS.index(path) + 1
        rows[path] = Contender(
            path,
            BATCH,
            lambda calls, number=number: float(
                loops.time_emulator(number, True, at(x), size, at(y), at(score), at(accept), calls)
            ),
        )
    network = replace(program, trigger=None)
    onnx.save(to_plain(network), folder / "model.onnx")
    timed = onnxruntimes(network, folder, x, folder / "model.onnx", THEIR_BATCHES)
    others = list(islice(timed, len(THEIR_BATCHES)))
    return Case(name, program, rows, others), loops


def line(case: Case, bound: Contender) -> dict[str, Any]:
    """Return a network's figures."""
    best = max(case.others, key=lambda row: row.best)
    ours = case.paths[case.fastest]
    kept = case.kept if case.fastest in EVENT_PATHS else case.all_products
    return {
        "network": case.name,
        "products": case.all_products,
        "kept": case.kept,
        "path": case.fastest,
        "events_per_second": ours.best,
        "by_path": {path: row.best for path, row in case.paths.items()},
        "onnxruntime": best.best,
        "onnxruntime_batch": best.batch,
        "ratio": ours.best / best.best,
        "of_bound": ours.best * kept / bound.best,
        # four vectors and two weights, a load each, for 64 events' pair and two outputs
        "bytes_near": case.kept * 6 * 32 // (64 * 2 * 2),
        "bytes": 4 * case.program.features + 4 * case.program.outputs + 8 + 2,
    }


def report(
    lines: list[dict[str, Any]], bound: Contender, adder: Contender, memory: list[Contender]
) -> None:
    """Print the tables."""
    print(f"{'':14}{'products':>10}{'not zero':>10}{'events/s':>13} {'path':13}", end="")
    print(f"{'onnxruntime':>12}{'times':>7}{'of bound':>10}")
    for row in lines:
        print(
            f"{row['network']:14}{row['products']:>10,}{row['kept']:>10,}"
            f"{row['events_per_second']:>13,.0f} {row['path']:13}"
            f"{row['onnxruntime']:>12,.0f}{row['ratio']:>7.1f}{row['of_bound']:>10.0%}"
        )
    print(f"\n{'events/s by path':24}", *(f"{path:>14}" for path in lines[0]["by_path"]), sep="")
    for row in lines:
        print(f"{row['network']:24}", *(f"{r:>14,.0f}" for r in row["by_path"].values()), sep="")
    first, (near, far) = lines[0], memory
    print(f"\n{'bounds of this core':44}{'/s':>12}{'an event':>10}{'events/s':>14}")
    for row in lines:
        text = f"{bound.name}, {row['network']}"
        print(f"{text:44}{bound.best:>12.3g}{row['kept']:>10,}{bound.best / row['kept']:>14,.0f}")
    for name, limit, amount in (
        (f"{near.name}, {first['network']}", near, first["bytes_near"]),
        (far.name, far, first["bytes"]),
    ):
        print(f"{name:44}{limit.best:>12.3g}{amount:>10,}{limit.best / amount:>14,.0f}")
    print(
        f"\nbit-sliced, {adder.best:.3g} full adders/s: multiply-accumulates/s by one-bit weights"
    )
    for bits in (1, 2, 4, 8):
        rate = adder.best / (bits + 1)
        print(
            f"  with numbers of {bits} bits{rate:>12.3g}, {rate / bound.best:.1f} of {bound.name}"
        )
    print(
        f"\n{first['kept'] / first['bytes']:.1f} multiply-accumulates a byte of input and output; "
        f"memory would bound below {bound.best / far.best:.1f}"
    )


def main() -> None:
    """Build, measure in turns, print."""
    base = with_trigger(read(MODEL / "model.qonnx.onnx"))
    with np.load(MODEL / "golden.npz") as golden:
        x = np.resize(golden["x"], (EVENTS, base.features)).astype(np.int32)
    networks = {
        "w6a8": base,
        "w6a8, 75% zero": changed(base, pruned),
        "w2a8": changed(base, of_bits(2)),
        "w1a8": changed(base, of_bits(1)),
    }
    with tempfile.TemporaryDirectory(prefix="aetrig-bench.") as name:
        made = [
            case(key, program, Path(name) / str(i), x)
            for i, (key, program) in enumerate(networks.items())
        ]
        loops = made[0][1]
        limits, memory = peaks(loops, tuple(made[0][0].paths)), bandwidths(loops)
        adder = adders(loops)
        rows = [row for found, _ in made for row in (*found.paths.values(), *found.others)]
        for row in (*rows, *limits, adder, *memory):
            row.calibrate(SECONDS)
        for _ in range(ROUNDS):
            for row in (*rows, *limits, adder, *memory):
                row.measure()
    print(
        f"{MODEL.name} and networks made from it; batches of {BATCH:,}, onnxruntime's best batch,"
    )
    print(
        f"one thread; best of {ROUNDS} short rounds in turns;"
        f"\n{processor()}, load {os.getloadavg()[0]:.1f}\n"
    )
    bound = max(limits, key=lambda row: row.best)
    lines = [line(found, bound) for found, _ in made]
    report(lines, bound, adder, memory)
    if len(sys.argv) > 1:
        figures = {
            "networks": lines,
            "bounds": {row.name: row.best for row in (*limits, adder, *memory)},
        }
        Path(sys.argv[1]).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
