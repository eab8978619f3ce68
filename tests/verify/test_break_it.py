"""Break the chain on purpose: verification catches it and names the layer."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from aetrig.export.session import LEVELS
from aetrig.run import Run
from aetrig.verify.stage import verify
from aetrig.verify.verdict import Mismatch, Verdict


def first(verdict: Verdict, reference: str, other: str) -> Mismatch:
    """Return the first mismatch of two stages on the adversarial vectors."""
    row = next(
        row
        for row in verdict.ladder
        if (row.reference, row.other, row.vectors) == (reference, other, "adversarial")
    )
    assert row.first is not None, row
    return row.first


def differing(verdict: Verdict) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for row in verdict.ladder:
        pair = (row.reference, row.other)
        counts[pair] = counts.get(pair, 0) + row.differing
    return counts


def firmware_type(run: Run, name: str) -> tuple[Path, str]:
    """Return the header and the line that declares a type of the firmware project."""
    path = run / "hls/firmware/defines.h"
    found = re.search(rf"^typedef .*\b{name};.*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, path.read_text(encoding="utf-8")
    return path, found[0]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    assert old != new
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_an_untouched_chain_passes_with_no_differing_bit(finished: Run) -> None:
    told: list[str] = []
    verdict = verify(finished, told.append)
    assert verdict.failures() == []
    assert verdict.passed
    stages = [("QAT", "onnxruntime"), ("onnxruntime", "Program"), ("Program", "csim")]
    for pair in stages:
        assert differing(verdict)[pair] == 0
    levels = [pair for pair in differing(verdict) if pair[1].startswith("onnxruntime (")]
    assert len(levels) == len(LEVELS)
    # every quantizer of every stage, input to output: 6 + 8 + 2 + 8 + 6 values an event
    row = next(row for row in verdict.ladder if row.vectors == "adversarial")
    assert (row.events, row.values) == (500, 500 * 30)
    assert verdict.physics is not None
    assert [stage.stage for stage in verdict.physics.stages] == ["float", "QAT", "csim"]
    (signal,) = verdict.physics.signals
    assert signal.auc["QAT"] == signal.auc["csim"]
    assert signal.auc["float"].value > 0.7
    assert verdict.latency.cycles is None
    assert any("csim" in line or "adversarial" in line for line in told)
    written = json.loads((finished / "verify.json").read_text(encoding="utf-8"))
    assert written["passed"] is True
    assert not (finished / "mismatches.json").exists()
    again = verify(finished)
    assert again.passed, again.failures()
    assert again == verdict


def test_one_weight_changed_in_the_qonnx_file(broken: Run) -> None:
    path = broken / "model.qonnx.onnx"
    model = onnx.load(path)
    tensors = {item.name: item for item in model.graph.initializer}
    scale = float(numpy_helper.to_array(tensors["decoder_0_weight_quant_scale"]).reshape(()))
    weight = numpy_helper.to_array(tensors["decoder_0_weight"]).copy()
    weight[0, 0] += scale if weight[0, 0] <= 0 else -scale
    tensors["decoder_0_weight"].CopyFrom(numpy_helper.from_array(weight, "decoder_0_weight"))
    onnx.save(model, path)
    verdict = verify(broken)
    assert not verdict.passed
    assert verdict.failures()[0].startswith("model.qonnx.onnx: not what aetrig export-onnx wrote")
    assert first(verdict, "onnxruntime", "Program").layer == "decoder_0_quant"
    assert differing(verdict)["QAT", "onnxruntime"] == 0
    mismatches = json.loads((broken / "mismatches.json").read_text(encoding="utf-8"))
    pair = [item for item in mismatches if item["other_stage"] == "Program"]
    assert pair[0]["layer"] == "decoder_0_quant"


def test_one_rounding_mode_swapped_in_the_qonnx_file(broken: Run) -> None:
    path = broken / "model.qonnx.onnx"
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.name == "encoder_0_quant")
    attribute = next(item for item in node.attribute if item.name == "rounding_mode")
    assert attribute.s == b"ROUND"
    attribute.s = b"FLOOR"
    onnx.save(model, path)
    verdict = verify(broken)
    assert not verdict.passed
    assert verdict.findings[0].where == "model.qonnx.onnx"
    assert "encoder_0_quant" in {finding.layer for finding in verdict.findings}
    assert first(verdict, "onnxruntime", "Program").layer == "encoder_0_quant"


def test_one_accumulator_narrowed_in_the_firmware(broken: Run) -> None:
    path, line = firmware_type(broken, "encoder_0_accum_t")
    bits, integer = (int(item) for item in re.findall(r"<(\d+),\s*(-?\d+)", line)[0])
    narrowed = re.sub(r"<\d+,\s*-?\d+", f"<{bits - 3},{integer - 3}", line)
    edit(path, line, narrowed)
    verdict = verify(broken)
    assert not verdict.passed
    assert verdict.failures()[0].startswith("hls: not what aetrig hls wrote")
    assert "encoder_0" in {finding.layer for finding in verdict.findings}
    assert first(verdict, "Program", "csim").layer == "encoder_0_quant"
    assert differing(verdict)["onnxruntime", "Program"] == 0


def test_one_rounding_mode_swapped_in_the_firmware(broken: Run) -> None:
    path = broken / "hls/firmware/defines.h"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "RND_CONV" in line]
    line = lines[3]  # of input, encoder_0, encoder_1, decoder_0, decoder_1: hls4ml numbers them
    edit(path, line, line.replace("RND_CONV", "TRN"))
    verdict = verify(broken)
    assert not verdict.passed
    assert verdict.failures()[0].startswith("hls: not what aetrig hls wrote")
    assert any("decoder_0" in (finding.layer or "") for finding in verdict.findings)
    assert first(verdict, "Program", "csim").layer == "decoder_0_quant"


def test_a_truncated_qonnx_file_is_named_and_the_other_stages_still_meet(broken: Run) -> None:
    path = broken / "model.qonnx.onnx"
    path.write_bytes(path.read_bytes()[:200])
    verdict = verify(broken)
    assert not verdict.passed
    assert verdict.findings[0].where == "model.qonnx.onnx"
    assert "Program" in {finding.where for finding in verdict.findings}
    assert differing(verdict)["QAT", "onnxruntime"] == 0
    assert verdict.physics is not None


def test_a_missing_firmware_project_is_told_with_its_remedy(broken: Run) -> None:
    shutil.rmtree(broken / "hls")
    verdict = verify(broken)
    assert not verdict.passed
    assert [stage.where for stage in verdict.not_run] == ["csim"]
    assert "aetrig hls" in verdict.not_run[0].what
    assert differing(verdict)["onnxruntime", "Program"] == 0


def test_damaged_validation_vectors_leave_the_adversarial_ones(broken: Run) -> None:
    (broken / "vectors/validation.npz").write_bytes(b"PK\x03\x04 no archive")
    verdict = verify(broken)
    assert verdict.findings[0].where == "vectors/validation.npz"
    assert {row.vectors for row in verdict.ladder} == {"adversarial"}
    assert set(differing(verdict).values()) == {0}
    assert verdict.physics is None


def test_a_missed_limit_fails_and_says_by_how_much(broken: Run) -> None:
    edit(broken / "config.yaml", "loss_ratio: 1000.0", "loss_ratio: 0.5")
    verdict = verify(broken)
    missed = [check for check in verdict.checks if check.passed is False]
    assert [check.name for check in missed] == ["loss over float loss"]
    assert missed[0].value is not None
    assert missed[0].text == f"missed by {missed[0].value - 0.5:.3g}"
    assert np.isfinite(missed[0].value)
