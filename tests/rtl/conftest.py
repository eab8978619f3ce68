"""A small trigger as a compiled Verilog project, and tools that may be absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aetrig.config.model import Rtl
from aetrig.program import Affine, Format, Program, Quantize, Relu, Rescale
from aetrig.program.model import Score, Trigger, WorkingPoint
from aetrig.rtl.pipeline import search
from aetrig.rtl.project import write


def small(kind: str = "square") -> Program:
    """An autoencoder of five features, with both roundings and a score of either kind."""
    rng = np.random.default_rng(5)

    def affine(name: str, rows: int, columns: int) -> Affine:
        weight = rng.integers(-15, 16, (rows, columns))
        return Affine(name, weight, Format(5, True, -3), rng.integers(-60, 60, columns))

    return Program(
        tuple(Format(b, s, 0) for b, s in ((10, True), (9, False), (10, True), (9, False), (8, True))),
        (
            Rescale("input_scale", np.array([3, 0, -7, 1, 0]), np.array([2, 1, 2, 1, 0])),
            Quantize("input_quant", Format(7, True, -1), "ROUND"),
            affine("encoder_0", 5, 3),
            Relu("encoder_0_relu"),
            Quantize("encoder_0_quant", Format(6, False, -1), "FLOOR"),
            affine("decoder_0", 3, 5),
            Quantize("decoder_0_quant", Format(7, True, -1, True), "ROUND"),
        ),
        digest="c0de" * 16,
        trigger=Trigger(
            Score(kind, "input_quant"),  # type: ignore[arg-type]
            (WorkingPoint("loose", 900), WorkingPoint("tight", 4000)),
            "1" * 64,
        ),
    )  # fmt: skip


def project(folder: Path, program: Program, language: str = "verilog") -> int:
    """Write a project of short stages and return its latency by construction."""
    pipeline = search(program, 2.0, None)[-1]
    write(folder, program, pipeline, Rtl(language=language))  # type: ignore[arg-type]
    return pipeline.stages


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Program, int]:
    """A compiled project, its Program and its latency."""
    folder = tmp_path_factory.mktemp("rtl") / "project"
    program = small()
    return folder, program, project(folder, program)


def without_trigger(program: Program) -> Program:
    """The network alone."""
    return replace(program, trigger=None)
