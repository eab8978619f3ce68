"""Many Programs in one library, so that g++ starts once for a test."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aetrig.emulator.files import KERNELS, template
from aetrig.emulator.load import Emulator, load_library
from aetrig.emulator.lower import lower
from aetrig.emulator.source import source
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import Program
from program.strategies import vectors

SIZES = (0, 1, 2, 13, 64, 301)


@dataclass(frozen=True)
class Library:
    """``emulators``: one a Program, each from one of ``units``. Their path avxvnni is compiled to
    AVX-512's 256-bit forms of the same instructions: it runs on processors without AVX-VNNI."""

    units: tuple[Path, ...]
    emulators: tuple[Emulator, ...]


def library(programs: Sequence[Program], folder: Path, *flags: str) -> Library:
    for name in KERNELS:
        (folder / name).write_text(template(name), encoding="utf-8")
    prefixes = [f"aetrig_p_v{i}" for i in range(len(programs))]
    items = list(zip(programs, prefixes, strict=True))
    # two units at once: the compiler's time is most of a test's
    with ThreadPoolExecutor(2) as pool:
        units = list(pool.map(lambda part: _unit(items[part::2], folder, part, flags), (0, 1)))
    loaded = [
        load_library(units[i % 2], prefix, program) for i, (program, prefix) in enumerate(items)
    ]
    return Library(tuple(units[i % 2] for i in range(len(items))), tuple(loaded))


def _unit(
    items: list[tuple[Program, str]], folder: Path, part: int, flags: tuple[str, ...]
) -> Path:
    parts = [source(lower(program), prefix, program.digest) for program, prefix in items]
    text = '#define AETRIG_VNNI_BY_AVX512\n#include "emulator.hpp"\n' + "\n".join(parts)
    unit = folder / f"part{part}.cpp"
    unit.write_text(text, encoding="utf-8")
    made = unit.with_suffix(".so")
    common = ["-std=c++17", "-fPIC", "-shared"]
    subprocess.run(["g++", *common, *(flags or ["-O1"]), str(unit), "-o", str(made)], check=True)
    return made


def assert_exact(emulator: Emulator, x: np.ndarray) -> None:
    """Every path and both interfaces equal the Program, in batches of every size."""
    program = emulator.program
    narrow = all(f.low >= -(2**15) and f.high < 2**15 for f in program.input_formats)
    assert len(x) >= max(SIZES)
    for size in SIZES:
        events = x[len(x) - size :]
        reference = trace(program, events)
        for path in emulator.paths():
            chosen = replace(emulator, path=path)
            assert first_difference(reference, chosen.trace(events)) is None, (path, size)
            if narrow:
                words = chosen.trace16(events.astype(np.int16))
                assert first_difference(reference, words) is None, (path, size, "16-bit inputs")


def assert_all_exact(programs: Sequence[Program], folder: Path, *flags: str) -> None:
    made = library(programs, folder, *flags)
    for seed, emulator in enumerate(made.emulators):
        assert_exact(emulator, vectors(emulator.program, max(SIZES), seed))
