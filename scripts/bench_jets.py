"""Encoding and decoding beside PyTorch eager, on one core, in one run: `bench_jets.py RUN`.

Each contender runs in a process of its own, which also tells its memory. The bound is that of a
large product of float32 matrices on the same core.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_emulator import processor

CONTENDERS = ("PyTorch eager, float32", "onnxruntime, integers", "emulator, integers")
ROUNDS, SIDE = 7, 1024
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Calls = dict[str, Callable[[], Any]]


def torch_calls(run: Any, x: Any, codes: Any) -> tuple[Calls, int]:
    """Return encode and decode by the float network, and its bytes."""
    import numpy as np
    import torch

    from aetrig.train.load import load_float

    torch.set_num_threads(1)
    net = load_float(run)
    given = torch.from_numpy(x.astype(np.float32))
    with torch.no_grad():
        latent = net.encode(net.normalise(given))

    def call(function: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
        def run_it() -> Any:
            with torch.no_grad():
                return function(value)

        return run_it

    del codes
    size = sum(value.numel() * value.element_size() for value in net.state_dict().values())
    encode = call(lambda value: net.encode(net.normalise(value)), given)
    decode = call(lambda value: net._through(net.decoder, value), latent)  # noqa: SLF001
    return {"encode": encode, "decode": decode}, size


def onnx_calls(run: Any, x: Any, codes: Any) -> tuple[Calls, int]:
    """Return encode and decode by onnxruntime, and the bytes of both graphs."""
    import numpy as np

    from aetrig.export.plain import to_plain
    from aetrig.export.session import open_session
    from aetrig.program.cut import decoder, encoder
    from aetrig.program.read import read

    program = read(run / "model.qonnx.onnx")
    size, calls = 0, {}
    for name, half, values in (
        ("encode", encoder(program), x),
        ("decode", decoder(program), codes),
    ):
        model = to_plain(half)
        session, given = open_session(model), values.astype(np.float32)
        size += len(model.SerializeToString())
        calls[name] = lambda session=session, given=given: session.run(["y"], {"x": given})[0]
    return calls, size


def emulator_calls(run: Any, x: Any, codes: Any) -> tuple[Calls, int]:
    """Return encode and decode by the emulator of each half, and the bytes of both libraries."""
    import numpy as np

    from aetrig.emulator.build import build_library
    from aetrig.emulator.folder import Name, write_folder
    from aetrig.emulator.load import load
    from aetrig.program.cut import decoder, encoder
    from aetrig.program.read import read

    program = read(run / "model.qonnx.onnx")
    size, calls = 0, {}
    for name, half, values in (
        ("encode", encoder(program), x),
        ("decode", decoder(program), codes),
    ):
        folder = Path(tempfile.mkdtemp(prefix="aetrig-bench-"))
        write_folder(half, Name(name, 1), values[:200].astype(np.int64), folder)
        size += build_library(folder, Name(name, 1).prefix).stat().st_size
        loaded = load(folder, half)
        calls[name] = lambda loaded=loaded, given=values: loaded.trace(given)
    return calls, size


def prepared(run: Any) -> tuple[Any, Any]:
    """Return the validation jets and their latent codes."""
    from aetrig.data.vectors import load
    from aetrig.program.cut import encoder
    from aetrig.program.evaluate import evaluate
    from aetrig.program.read import read

    x = load(run / "vectors/validation.npz").x
    codes = evaluate(encoder(read(run / "model.qonnx.onnx")), x.astype("int64"))
    return x, codes.astype("int32")


def measure(number: int, folder: str) -> None:
    """Print one contender's seconds, bytes and memory as JSON."""
    from aetrig.run import Run

    run = Run(Path(folder))
    x, codes = prepared(run)
    calls, size = (torch_calls, onnx_calls, emulator_calls)[number](run, x, codes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = {}
    for name, call in calls.items():
        call()
        found = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
        seconds[name] = min(found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": seconds, "bytes": size, "memory_kib": memory, "events": len(x)}))


def peak() -> float:
    """Return multiply-accumulates a second of a large float32 product on one core."""
    code = (
        "import torch,time;torch.set_num_threads(1);"
        f"a=torch.rand({SIDE},{SIDE});b=torch.rand({SIDE},{SIDE});f=lambda:a@b;f();t=[]\n"
        "for _ in range(20):\n s=time.perf_counter();f();t.append(time.perf_counter()-s)\n"
        f"print({SIDE}**3/min(t))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(folder: Path) -> None:
    """Measure every contender and print the table."""
    from aetrig.program.cut import decoder, encoder
    from aetrig.program.model import Affine
    from aetrig.program.read import read

    program = read(folder / "model.qonnx.onnx")
    work = {
        name: sum(op.weight.size for op in half.operations if isinstance(op, Affine))
        for name, half in (("encode", encoder(program)), ("decode", decoder(program)))
    }
    bound = peak()
    results = []
    for number, name in enumerate(CONTENDERS):
        command = [sys.executable, __file__, "--one", str(number), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | ONE_CORE
        )
        if done.returncode:
            print(f"{name}: not run: {done.stderr.strip().splitlines()[-1]}")
            continue
        results.append((name, json.loads(done.stdout)))
    first = results[0][1]
    print(f"{first['events']:,} events on one core, best of {ROUNDS}; {processor()}")
    print(f"a {SIDE} x {SIDE} float32 product: {bound / 1e9:.1f} G multiply-accumulates/s\n")
    heads = (
        "encode ms",
        "times",
        "of bound",
        "decode ms",
        "times",
        "of bound",
        "bytes",
        "KiB more",
    )
    print(f"{'':24s}" + "".join(f"{head:>11s}" for head in heads))
    for name, found in results:
        cells = []
        for part in ("encode", "decode"):
            seconds = found["seconds"][part]
            ratio = first["seconds"][part] / seconds
            share = work[part] * found["events"] / seconds / bound
            cells += [f"{seconds * 1e3:.1f}", f"{ratio:.1f}", f"{share:.0%}"]
        cells += [f"{found['bytes']:,}", f"{found['memory_kib']:,}"]
        print(f"{name:24s}" + "".join(f"{cell:>11s}" for cell in cells))
    print(
        "\ntimes: against PyTorch eager; KiB more: memory beyond what was loaded before the calls"
    )


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        measure(int(sys.argv[2]), sys.argv[3])
    else:
        main(Path(sys.argv[1]))
