"""Projects that several tests share; they are copied before anything is changed in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aetrig.config.model import Hls
from aetrig.hls.generate import generate
from aetrig.program import read
from aetrig.program.model import Program
from hls.programs import random_inputs, small_program
from program.qonnx_files import write_qonnx


@dataclass(frozen=True)
class Generated:
    program: Program
    qonnx: Path
    folder: Path
    log: Path


Generate = Callable[..., Generated]


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generate:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")

    def make(program: Program | None = None, **options: object) -> Generated:
        root = tmp_path_factory.mktemp("hls")
        qonnx = write_qonnx(program or small_program(), root / "model.qonnx.onnx")
        read_back = read(qonnx)
        x = random_inputs(read_back, 50)
        generate(qonnx, read_back, Hls(**options), root / "project", root / "hls.log", x)
        return Generated(read_back, qonnx, root / "project", root / "hls.log")

    return make


@pytest.fixture(scope="session")
def shared(generated: Generate) -> Generated:
    return generated()


@pytest.fixture
def project(shared: Generated, tmp_path: Path) -> Generated:
    folder = shutil.copytree(shared.folder, tmp_path / "hls")
    return Generated(shared.program, shared.qonnx, folder, shared.log)
