"""`aetrig export-onnx`: write the contract and the plain model, each compared with the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from aetrig.config.load import load as load_config
from aetrig.data import features as feature_file
from aetrig.data import vectors
from aetrig.errors import CheckFailedError, UserError
from aetrig.export.plain import KERNEL_METADATA, to_plain
from aetrig.export.qonnx import to_qonnx
from aetrig.export.session import LEVELS, layer_integers, open_session, output_integers
from aetrig.nets import trace_integers
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import Integers, Program
from aetrig.program.read import read
from aetrig.records import read_record
from aetrig.run import Run, alone, replacing, write_json
from aetrig.train.load import load_quantized, load_scaling

INPUTS = (
    "config.yaml",
    "scaling.json",
    "features.json",
    "checkpoints/qat.pt",
    vectors.FILE,
)
QONNX, PLAIN, SUMMARY = "model.qonnx.onnx", "model.onnx", "export.json"
OUTPUTS = (QONNX, PLAIN, SUMMARY)


@dataclass(frozen=True)
class ExportResult:
    """What was compared: ``values`` integers over ``events`` validation events at each level.

    ``differing`` is zero, or the export would have failed. ``skipped``: inputs are unchanged.
    """

    kernel: str
    events: int
    values: int
    differing: int
    levels: int
    skipped: bool = False


@alone
def export_onnx(run: Run, *, force: bool = False) -> ExportResult:
    """Write `model.qonnx.onnx` and `model.onnx` from a trained run.

    Raises CheckFailedError, naming the first differing layer, where the network, the Program read
    from the QONNX file and onnxruntime at any optimization level differ in any bit of any
    validation event; nothing is written then.
    """
    run.need("checkpoints/qat.pt", "qat")
    if not run.begin("export-onnx", OUTPUTS, INPUTS, force=force):
        found = read_record(run / SUMMARY)
        facts = {field.name: found[field.name] for field in fields(ExportResult)[:-1]}
        return ExportResult(**facts, skipped=True)
    net = load_quantized(run)
    layers = load_config(run / "config.yaml").net.layer_names()
    features = feature_file.load(run / "features.json")
    events = vectors.load(run / vectors.FILE)
    names = tuple(feature.name for feature in features)
    if not names == load_scaling(run).names == events.features:
        raise UserError(
            f"{run.path}: features.json, scaling.json and vectors/validation.npz name different "
            "features; train again"
        )
    x = events.x
    with replacing(run / QONNX) as qonnx_path, replacing(run / PLAIN) as plain_path:
        onnx.save(to_qonnx(net, layers, features), qonnx_path)
        program = read(qonnx_path)
        plain = to_plain(program)
        onnx.save(plain, plain_path)
        reference = trace_integers(net, x)
        _check("the Program read from QONNX", reference, trace(program, x))
        _check_onnxruntime(plain_path, program, reference, x)
    values = sum(array.size for array in reference.values())
    kernel = next(item.value for item in plain.metadata_props if item.key == KERNEL_METADATA)
    result = ExportResult(kernel, len(x), values, 0, len(LEVELS))
    write_json(run / SUMMARY, asdict(result))
    run.record("export-onnx", OUTPUTS, INPUTS)
    return result


def _check(stage: str, reference: Mapping[str, Integers], found: Mapping[str, Integers]) -> None:
    difference = first_difference(reference, found)
    if difference is not None:
        raise CheckFailedError(f"{stage} differs from the Brevitas network: {difference}")


def _check_onnxruntime(
    path: Path, program: Program, reference: Mapping[str, Integers], x: npt.NDArray[np.int32]
) -> None:
    _check("onnxruntime, layer by layer,", reference, layer_integers(path, x))
    output = program.operations[-1].name
    for level in LEVELS:
        found = output_integers(open_session(path, level), x, program.output_format.exponent)
        stage = f"onnxruntime at optimization level '{level}'"
        _check(stage, {output: reference[output]}, {output: found})
