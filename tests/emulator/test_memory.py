"""Nothing is read or written beyond the caller's arrays: they end where memory ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from emulator.libraries import Library

GUARDED = """
import ctypes, mmap, sys
import numpy as np
libc = ctypes.CDLL(None, use_errno=True)
PAGE = mmap.PAGESIZE
keep = []

def guarded(dtype, count):
    size = count * np.dtype(dtype).itemsize
    pages = -(-size // PAGE) * PAGE
    memory = mmap.mmap(-1, pages + PAGE)
    keep.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert libc.mprotect(ctypes.c_void_p(start + pages), PAGE, 0) == 0
    return ctypes.c_void_p(start + pages - size)

for words in zip(*[iter(sys.argv[1:])] * 5):
    lib, prefix, (features, outputs, points) = ctypes.CDLL(words[0]), words[1], map(int, words[2:])
    for events in (1, 4, 8, 9, 17, 64, 128, 131):
        for name, kind in (("run_with", np.int32), ("run16_with", np.int16)):
            x = guarded(kind, events * features)
            y = guarded(np.int32, events * outputs)
            score = guarded(np.int64, events) if points else None
            accept = guarded(np.uint8, events * points) if points else None
            for path in range(1, 7):
                if lib[f"{prefix}_has_path"](path):
                    print(prefix, name, path, events)
                    assert lib[f"{prefix}_{name}"](path, x, ctypes.c_size_t(events), y, score, accept) == 0
print("inside")
"""


@pytest.mark.slow
def test_arrays_at_the_end_of_memory(corners: Library) -> None:
    words = []
    for unit, emulator in zip(corners.units, corners.emulators, strict=True):
        program = emulator.program
        points = 0 if program.trigger is None else len(program.trigger.points)
        words += [str(unit), emulator.prefix]
        words += [str(number) for number in (program.features, program.outputs, points)]
    command = [sys.executable, "-u", "-c", GUARDED, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("inside\n"), (done.stdout[-40:], done.returncode, done.stderr)
