"""Two versions of an emulator, with and without a trigger, built as they are handed over."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from aetrig.emulator.build import build_library
from aetrig.emulator.folder import Name, write_folder
from aetrig.program.model import Program, Score, Trigger, WorkingPoint
from emulator.corners import CORNERS
from emulator.libraries import Library, library
from hls.programs import small_program
from program.strategies import vectors


@dataclass(frozen=True)
class Made:
    program: Program
    prefix: str
    folder: Path
    x: np.ndarray


def make(program: Program, version: int, folder: Path) -> Made:
    name = Name("small", version)
    x = vectors(program, 120, version)
    write_folder(program, name, x[:40].astype(np.int64), folder)
    build_library(folder, name.prefix)
    return Made(program, name.prefix, folder, x)


@pytest.fixture(scope="session")
def with_trigger(tmp_path_factory: pytest.TempPathFactory) -> Made:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    program = replace(small_program(), digest="3" * 64)
    points = (WorkingPoint("loose", 200), WorkingPoint("tight", 20000))
    score = Score("square", program.input_quantizer.name)
    triggered = replace(program, trigger=Trigger(score, points, "3" * 64))
    return make(triggered, 3, tmp_path_factory.mktemp("emulator") / "v3")


@pytest.fixture(scope="session")
def without_trigger(tmp_path_factory: pytest.TempPathFactory) -> Made:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    program = replace(small_program("FLOOR", seed=8), digest="4" * 64)
    return make(program, 4, tmp_path_factory.mktemp("emulator") / "v4")


@pytest.fixture(scope="session")
def corners(tmp_path_factory: pytest.TempPathFactory) -> Library:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    return library(list(CORNERS.values()), tmp_path_factory.mktemp("corners"))
