"""onnxruntime for scripts/bench: numbers of calls on standard input, seconds on standard output.

A process of its own for each of its two interfaces: the wheel holds onnxruntime twice, as a library
and inside its Python module.

    bench_onnxruntime.py c|python FOLDER MODEL BATCH INPUT OUTPUT

FOLDER holds bench.so, x.npy (float32 inputs) and y.npy (the outputs expected).
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float32]]


def from_c(folder: Path, model: str, x: Floats, y: Floats, names: list[str]) -> Callable[..., Any]:
    """Return the timed loop over the C interface."""
    package = importlib.util.find_spec("onnxruntime")
    if package is None or package.origin is None:
        sys.exit("bench: onnxruntime is not installed")
    library = next((Path(package.origin).parent / "capi").glob("libonnxruntime.so*"))
    loops = ctypes.CDLL(str(folder / "bench.so"))
    loops.open_onnxruntime.restype = ctypes.c_bool
    loops.time_onnxruntime.restype = ctypes.c_double
    if not loops.open_onnxruntime(str(library).encode(), model.encode()):
        sys.exit(f"bench: {library} cannot open {model}")
    given = [ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data)]
    encoded = [ctypes.c_char_p(name.encode()) for name in names]
    return lambda batch, calls: loops.time_onnxruntime(
        *given, ctypes.c_size_t(batch), *encoded, calls
    )


def from_python(model: str, x: Floats, y: Floats, names: list[str]) -> Callable[..., Any]:
    """Return the timed loop over the Python interface."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, ["CPUExecutionProvider"])

    def seconds(batch: int, calls: int) -> float:
        start = time.perf_counter()
        for call in range(calls):
            first = call * batch % len(x)
            result = session.run(names[1:], {names[0]: x[first : first + batch]})[0]
        elapsed = time.perf_counter() - start
        y[first : first + batch] = result
        return elapsed

    return seconds


def main() -> None:
    """Check the outputs of all events in one call, then time as asked."""
    kind, folder, model, batch, *names = sys.argv[1:]
    x, expected = np.load(Path(folder) / "x.npy"), np.load(Path(folder) / "y.npy")
    y = np.zeros_like(expected)
    if kind == "c":
        seconds = from_c(Path(folder), model, x, y, names)
    else:
        seconds = from_python(model, x, y, names)
    seconds(len(x), 1)
    if (y != expected).any():
        sys.exit("bench: onnxruntime's output differs from the Program")
    for line in sys.stdin:
        print(seconds(int(batch), int(line)), flush=True)


if __name__ == "__main__":
    main()
