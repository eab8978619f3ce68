"""Emulators of networks in models/, with references, for the driver; plain or with a sanitizer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aetrig.emulator.build import compile_in, library_line
from aetrig.emulator.folder import Name, write_folder
from aetrig.program.contract import NETWORK, TRIGGER
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.program.read import read

MODELS = Path(__file__).resolve().parents[3] / "models"
DRIVER = Path(__file__).with_name("driver.cpp")


@dataclass(frozen=True)
class Made:
    """An emulator for the driver: its folder, its name's prefix, and the reference file."""

    folder: Path
    prefix: str
    reference: Path

    def words(self) -> list[str]:
        """Return the driver's three words."""
        return [str(self.folder / f"lib{self.prefix}.so"), self.prefix, str(self.reference)]


def networks(names: Sequence[str] = ()) -> list[str]:
    """Return the reference networks whose file is in the repository, or those of ``names``."""
    there = sorted(path.parent.name for path in MODELS.glob(f"*/{NETWORK}"))
    unknown = [name for name in names if name not in there]
    if unknown:
        raise SystemExit(f"no network {unknown[0]} in models/; there are {', '.join(there)}")
    return list(names) or there


def program_of(name: str) -> Program:
    """Return what is deployed of a reference network: its trigger where it has one."""
    folder = MODELS / name
    return read(folder / (TRIGGER if (folder / TRIGGER).exists() else NETWORK))


def make(name: str, version: int, events: int, folder: Path, *flags: str) -> Made:
    """Write and compile an emulator of a reference network, and what it must give.

    ``events``: of the reference, half drawn over the wires' whole range and half small.
    ``flags``: of g++, after the library's own.
    """
    program = program_of(name)
    called = Name(name.replace("-", "_"), version)
    x = _inputs(program, events, version)
    write_folder(program, called, x[:50], folder)
    compile_in(folder, [*library_line(called.prefix), *flags])
    reference = folder / "reference.bin"
    reference.write_bytes(b"".join(_reference(program, x)))
    return Made(folder, called.prefix, reference)


def make_driver(folder: Path, *flags: str) -> Path:
    """Compile the driver."""
    made = folder / "driver"
    command = [
        "g++",
        "-std=c++17",
        "-O2",
        "-Wall",
        "-pthread",
        *flags,
        str(DRIVER),
        "-o",
        str(made),
    ]
    subprocess.run([*command, "-ldl"], check=True)
    return made


def _inputs(program: Program, events: int, seed: int) -> Integers:
    generator = np.random.default_rng(seed)
    low = np.array([form.low for form in program.input_formats], dtype=np.int64)
    high = np.array([form.high for form in program.input_formats], dtype=np.int64)
    x = generator.integers(low, high + 1, (events, program.features))
    small = generator.integers(0, 16, (events // 2, 1))
    x[: events // 2] = np.clip(x[: events // 2] >> small, low, high)
    return x


def _reference(program: Program, x: Integers) -> Iterator[bytes]:
    values = trace(program, x)
    trigger, formats = program.trigger, program.input_formats
    narrow = all(form.low >= -(2**15) and form.high < 2**15 for form in formats)
    outside = formats[0].high + 1 if formats[0].high < 2**31 - 1 else 0
    points = 0 if trigger is None else len(trigger.points)
    head = [*x.shape, program.outputs, points, trigger is not None, narrow, outside, 0, 0, 0]
    yield np.array(head, dtype=np.int64).tobytes()
    yield x.astype(np.int32).tobytes()
    yield values[program.operations[-1].name].astype(np.int32).tobytes()
    if trigger is not None:
        yield values[SCORE].astype(np.int64).tobytes()
        yield values[ACCEPT].astype(np.uint8).tobytes()
