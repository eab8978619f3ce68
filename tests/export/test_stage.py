"""`aetrig export-onnx`: what it writes and records, and what stops it with nothing written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest

from aetrig.data import vectors
from aetrig.errors import AetrigError, CheckFailedError, UserError
from aetrig.export import stage
from aetrig.export.plain import to_plain
from aetrig.export.session import LEVELS
from aetrig.export.stage import INPUTS, OUTPUTS, export_onnx
from aetrig.program import read, trace
from aetrig.program.model import Affine, Program
from aetrig.run import Run, sha256, write_json
from verify.programs import replaced


def contents(run: Run) -> dict[str, bytes]:
    """Every file below the run, temporary ones too."""
    paths = (path for path in run.path.rglob("*") if path.is_file())
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths}


@contextmanager
def refused(run: Run, error: type[AetrigError], words: str) -> Iterator[None]:
    """Expect one line, and a run directory in which not a byte has changed."""
    before = contents(run)
    with pytest.raises(error, match=words) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert contents(run) == before


def test_files_and_manifest_are_written_and_the_second_call_is_skipped(run: Run) -> None:
    result = export_onnx(run)
    validation = vectors.load(run / "vectors/validation.npz")
    program = read(run / "model.qonnx.onnx")
    # six features through 12 and 3 neurons and back: 6 + 12 + 3 + 12 + 6 quantized values
    assert (result.events, result.values) == (len(validation.x), len(validation.x) * 39)
    assert (result.differing, result.levels, result.skipped) == (0, len(LEVELS), False)
    onnx.checker.check_model(onnx.load(run / "model.onnx"))
    assert [form.bits for form in program.input_formats] == [12] * 6
    written = json.loads((run / "export.json").read_text(encoding="utf-8"))
    assert written["kernel"] == result.kernel
    artefacts = run.manifest()["artefacts"]
    for name in OUTPUTS:
        assert artefacts[name]["stage"] == "export-onnx"
        assert artefacts[name]["sha256"] == sha256(run / name)
        assert artefacts[name]["inputs"] == {item: sha256(run / item) for item in INPUTS}
    before = contents(run)
    again = export_onnx(run)
    assert again.skipped
    assert (again.kernel, again.values) == (result.kernel, result.values)
    assert contents(run) == before
    assert not export_onnx(run, force=True).skipped
    assert contents(run) == before, "the export is not deterministic"


def test_a_changed_checkpoint_stops_the_export(run: Run) -> None:
    path = run / "checkpoints/qat.pt"
    path.write_bytes(path.read_bytes() + b"\0")
    with refused(run, UserError, r"checkpoints/qat\.pt is not what its stage wrote"):
        export_onnx(run)
    with refused(run, UserError, r"checkpoints/qat\.pt is not what its stage wrote"):
        export_onnx(run, force=True)


def test_a_missing_checkpoint_is_named_with_the_command_that_makes_it(run: Run) -> None:
    (run / "checkpoints/qat.pt").unlink()
    with refused(run, UserError, r"qat\.pt is missing; make it with: aetrig qat"):
        export_onnx(run)


@pytest.mark.parametrize("text", ["{", "[1]", "3", '[{"name": "f0"}]', "null", ""])
def test_damaged_features_are_one_line(run: Run, text: str) -> None:
    (run / "features.json").write_text(text, encoding="utf-8")
    with refused(run, UserError, r"features\.json is not what its stage wrote"):
        export_onnx(run)
    run.record("qat", ["features.json"], [])  # as if it had been written so
    with refused(run, UserError, r"features\.json: .*; train again"):
        export_onnx(run)


def test_failure_after_the_files_are_made_leaves_the_old_ones(run: Run) -> None:
    export_onnx(run)
    path = run / "features.json"
    features = json.loads(path.read_text(encoding="utf-8"))
    features[2]["grid"]["bits"] = 4  # the validation events do not fit any more
    write_json(path, features)
    run.record("qat", ["features.json"], [])
    with refused(run, UserError, r"feature 2 of event \d+ is .*4-bit input"):
        export_onnx(run, force=True)


@pytest.mark.parametrize("layer", ["encoder_0", "decoder_1"])
def test_other_weights_fail_the_check_at_their_layer(run: Run, layer: str, tmp_path: Path) -> None:
    export_onnx(run)
    program, x = _program(run)
    affine = next(op for op in program.operations if op.name == layer)
    assert isinstance(affine, Affine)
    other = replaced(program, layer, dataclasses.replace(affine, weight=-affine.weight))
    reference = trace(program, x)
    words = f"the Program differs from the Brevitas network: first difference in '{layer}"
    with pytest.raises(CheckFailedError, match=words):
        stage._check("the Program", reference, trace(other, x))
    quantized = {name: values for name, values in reference.items() if name.endswith("_quant")}
    onnx.save(to_plain(other), tmp_path / "other.onnx")
    with pytest.raises(CheckFailedError, match=f"layer by layer,.*'{layer}_quant'"):
        stage._check_onnxruntime(tmp_path / "other.onnx", program, quantized, x)
    stage._check_onnxruntime(run / "model.onnx", program, quantized, x)


def _program(run: Run) -> tuple[Program, np.ndarray]:
    return read(run / "model.qonnx.onnx"), vectors.load(run / "vectors/validation.npz").x
