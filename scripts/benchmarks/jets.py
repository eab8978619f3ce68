"""Encoding and decoding of jets: onnxruntime and the emulator beside PyTorch eager, on a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aetrig.emulator.build import build_library
from aetrig.emulator.folder import Name, write_folder
from aetrig.emulator.load import load
from aetrig.export.plain import to_plain
from aetrig.export.session import open_session
from aetrig.program.cut import decoder, encoder
from aetrig.program.evaluate import evaluate
from aetrig.program.model import Integers, Program
from benchmarks.eager import eager
from benchmarks.networks import Network, network
from benchmarks.rows import Options, Row, compared, in_turns, rate, require

GROUP, OTHER = "jets", "PyTorch eager, float32"
EVENTS = 32_768
GOALS = {"encode": 10.0, "decode": 3.0}
NAMES = ("atlas-4to3-tanh", "jets-16to2")
Call = Callable[[], Any]


def rows(options: Options) -> Iterator[Row]:
    """Yield encode and decode of each network by each contender."""
    torch.set_num_threads(1)
    for name in NAMES[-1:] if options.quick else NAMES:
        net = network(name, EVENTS)
        codes = evaluate(encoder(net.program), net.x)
        halves = {
            "encode": (encoder(net.program), net.x), "decode": (decoder(net.program), codes)
        }  # fmt: skip
        for part, (half, x) in halves.items():
            yield from _half(options, net, part, half, x)


def _half(options: Options, net: Network, part: str, half: Program, x: Integers) -> Iterator[Row]:
    ours = {
        "onnxruntime": _onnxruntime(half, x),
        "emulator": _emulator(half, x, options.folder / f"{net.name}-{part}"),
    }
    timings = [rate(call, EVENTS) for call in (*ours.values(), _torch(net, half, x))]
    *figures, theirs = in_turns(timings, options.rounds(7))
    for name, found in zip(ours, figures, strict=True):
        yield compared(
            GROUP, (f"{part}, {net.widths}, {name}", OTHER), (found, theirs), "events/s",
            goal=GOALS[part], note="",
        )  # fmt: skip


def _onnxruntime(half: Program, x: Integers) -> Call:
    session, given = open_session(to_plain(half)), x.astype(np.float32)

    def call() -> Any:
        return session.run(["y"], {"x": given})[0]

    expected = np.ldexp(evaluate(half, x).astype(np.float64), half.output_format.exponent)
    require((call() == expected).all(), "onnxruntime's half differs from the Program")
    return call


def _emulator(half: Program, x: Integers, folder: Path) -> Call:
    name, given = Name("half", 1), x.astype(np.int32)
    write_folder(half, name, x[:200], folder)
    build_library(folder, name.prefix)
    loaded = load(folder, half)
    (found,) = loaded.trace(given).values()
    require((found == evaluate(half, x)).all(), "the emulator's half differs from the Program")
    return lambda: loaded.trace(given)


def _torch(net: Network, half: Program, x: Integers) -> Call:
    """Return the float32 half: not quantized, so only close to the Program."""
    run, given = eager(half, net.folder / "config.yaml"), torch.from_numpy(x.astype(np.float32))
    expected = np.ldexp(evaluate(half, x).astype(np.float64), half.output_format.exponent)
    difference = np.median(np.abs(run(given).numpy() - expected)) / expected.std()
    require(difference < 0.05, f"the float32 half is another network: {difference:.2g}")
    return lambda: run(given)
