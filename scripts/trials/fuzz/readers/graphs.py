"""Networks as ONNX files: QONNX, triggers, plain models for onnxruntime, and foreign ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from aetrig.bring.scaling import Scaled, composed
from aetrig.bring.source import load_source
from aetrig.bring.walk import walk
from aetrig.bring.write import to_qonnx
from aetrig.data.dataset import Feature, Grid
from aetrig.emulator.lower import lower
from aetrig.errors import AetrigError
from aetrig.export.plain import to_plain
from aetrig.export.session import layer_integers, open_session, output_integers, run
from aetrig.program.evaluate import trace
from aetrig.program.model import (
    ACCEPT,
    SCORE,
    Add,
    Affine,
    Format,
    Integers,
    Program,
    Quantize,
    Relu,
    Rescale,
    Score,
    Table,
    Trigger,
    WorkingPoint,
)
from aetrig.program.ranges import ranges
from aetrig.program.read import read
from bring.foreign import plain as foreign
from program.qonnx_files import to_model
from trials.fuzz.onnx_changes import changed
from trials.fuzz.reader import BrokenPromiseError, Reader

EVENTS = 6
FEATURES = 6  # of the foreign network


def network() -> Program:
    """Return a network of 3-2-3 with every kind of operation."""
    rng = np.random.default_rng(5)
    weights = Format(4, True, -3)
    return Program(
        (Format(8, True, 0), Format(6, False, 0), Format(8, True, 0)),
        (
            Rescale("scale", np.array([3, 0, -1]), np.array([4, 4, 3])),
            Quantize("in", Format(6, True, -3), "ROUND"),
            Affine("e", rng.integers(-7, 8, (3, 2)), weights, np.array([3, 5])),
            Relu("e_relu"),
            Quantize("e_quant", Format(5, False, -2), "FLOOR"),
            Affine("d", rng.integers(-7, 8, (2, 3)), weights, np.zeros(3, int)),
            Quantize("d_pre_quant", Format(3, True, -2), "ROUND"),
            Table("d_table", -4, np.array([-4, -2, -1, 0, 0, 1, 2, 3]), -3),
            Quantize("d_quant", Format(4, True, -3, narrow=True), "ROUND"),
            Add("d_sum", "in"),
            Quantize("out", Format(7, True, -3), "ROUND"),
        ),
        "0" * 64,
    )


def with_trigger() -> Program:
    """Return the network with a score and two working points."""
    score = Score("square", "in")
    points = (WorkingPoint("tight", 300), WorkingPoint("loose", 20))
    return replace(network(), trigger=Trigger(score, points, "1" * 64))


def _program(path: Path) -> None:
    _check(read(path), path)


def _check(program: Program, path: Path) -> None:
    """Evaluate what was accepted, and hold it to its ranges and to every other form of it."""
    x = _inputs(program)
    values = trace(program, x)
    for name, found in ranges(program).items():
        if (values[name] < np.array(found.low)).any() or (
            values[name] > np.array(found.high)
        ).any():
            raise BrokenPromiseError(f"'{name}' leaves its range")
    last = program.operations[-1].name
    if values[last].shape != (EVENTS, program.outputs):
        raise BrokenPromiseError(f"output of shape {values[last].shape}")
    refused: list[AetrigError] = []
    for other in (_onnxruntime, _written_again, _emulated):
        try:
            other(program, x, values, path)
        except AetrigError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _inputs(program: Program) -> Integers:
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    rng = np.random.default_rng(len(low))
    return np.stack([low, high, *rng.integers(low, high + 1, (EVENTS - 2, len(low)))])


def _onnxruntime(program: Program, x: Integers, values: dict[str, Integers], _: Path) -> None:
    session = open_session(to_plain(program))
    y = _outputs(session, program, x)
    for name, found in y.items():
        if not np.array_equal(found, values[name]):
            raise BrokenPromiseError(f"onnxruntime's '{name}' differs")


def _outputs(session: Any, program: Program, x: Integers) -> dict[str, Integers]:
    """Return the output's integers of a session, and score and bits where there is a trigger."""
    narrow = x.astype(np.int32)
    if program.trigger is None:
        last = program.operations[-1].name
        return {last: output_integers(session, narrow, program.output_format.exponent)}
    score, accept = run(session, narrow, [SCORE, ACCEPT])
    return {SCORE: score.astype(np.int64), ACCEPT: accept.astype(np.int64)}


def _written_again(program: Program, x: Integers, values: dict[str, Integers], path: Path) -> None:
    alone = replace(program, trigger=None)
    features = tuple(
        Feature(f"f{i}", Grid(1.0, form.bits, signed=form.signed, unit="1"))
        for i, form in enumerate(program.input_formats)
    )
    again = path.with_name("again.onnx")
    onnx.save(to_qonnx(alone, features), again)
    found = trace(read(again), x)
    for name in found:
        if name not in values or not np.array_equal(found[name], values[name]):
            raise BrokenPromiseError(f"'{name}' differs when it is written and read again")


def _emulated(program: Program, x: Integers, values: dict[str, Integers], path: Path) -> None:
    del x, values, path
    lower(program)


def _bring(path: Path) -> None:
    source = load_source(path)
    found = walk(source.graph, FEATURES)
    zero = np.zeros(FEATURES, np.int64)
    rescale = composed(Scaled(zero, zero + 4, ""), found.offset, found.factor, str(path))
    formats = (Format(10, True, 0),) * FEATURES
    program = Program(formats, (rescale, *found.operations), "")
    x = _inputs(program)
    values = trace(program, x)
    _written_again(program, x, values, path)


def _session(path: Path) -> None:
    x = _inputs(network()).astype(np.int32)
    layer_integers(path, x)
    output_integers(open_session(path), x, -3)


def _seeds(*models: Callable[[], onnx.ModelProto]) -> Callable[[], list[bytes]]:
    return lambda: [bytes(make().SerializeToString()) for make in models]


def _model() -> onnx.ModelProto:
    return to_model(network())


def _trigger_model() -> onnx.ModelProto:
    return to_model(with_trigger())


def _plain_model() -> onnx.ModelProto:
    return to_plain(network())


READERS = (
    Reader("qonnx", _program, _seeds(_model), ".onnx", (), changed(_model)),
    Reader("trigger", _program, _seeds(_trigger_model), ".onnx", (), changed(_trigger_model)),
    Reader("import", _bring, _seeds(foreign, _model), ".onnx", (), changed(foreign)),
    Reader("session", _session, _seeds(_plain_model), ".onnx", (), changed(_plain_model)),
)
