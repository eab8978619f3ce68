"""The wheel, installed in a clean environment outside the repository, runs the demo's chain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHORT = ("train.float_phase.epochs=3", "train.qat_phase.epochs=3", "data.max_events=30000")


def call(*command: str | Path, cwd: Path) -> str:
    answer = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    return answer.stdout


@pytest.mark.slow
def test_wheel_runs_the_chain_in_a_clean_environment(tmp_path: Path) -> None:
    call(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, REPOSITORY, cwd=tmp_path)
    (wheel,) = tmp_path.glob("aetrig-*.whl")
    call(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    pip = (tmp_path / "venv/bin/pip", "install", "--quiet", "-c", REPOSITORY / "constraints.txt")
    call(*pip, "--extra-index-url", "https://download.pytorch.org/whl/cpu", "torch", cwd=tmp_path)
    call(*pip, wheel, cwd=tmp_path)

    aetrig = tmp_path / "venv/bin/aetrig"
    work = tmp_path / "work"
    work.mkdir()
    call(aetrig, "doctor", cwd=work)
    call(aetrig, "qat", *(word for item in SHORT for word in ("--set", item)), cwd=work)
    call(aetrig, "export-onnx", cwd=work)
    call(aetrig, "hls", "--part", "xcvu9p", cwd=work)
    # three epochs are for the plumbing: bits must agree, physics need not be good
    answer = subprocess.run(
        [aetrig, "verify"], cwd=work, capture_output=True, text=True, check=False
    )
    assert answer.returncode in {0, 1}
    assert "Traceback" not in answer.stderr
    import json

    verdict = json.loads((work / "runs/l1/verify.json").read_text())
    assert verdict["findings"] == []
    assert {row["other"] for row in verdict["ladder"]} >= {"onnxruntime", "Program", "csim"}
    assert all(row["differing"] == 0 for row in verdict["ladder"])
