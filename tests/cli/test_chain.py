"""The whole chain as a user runs it: one command after another, on a table of a few columns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

pytestmark = pytest.mark.slow

AETRIG = Path(sys.executable).with_name("aetrig")


def write_inputs(folder: Path) -> None:
    """Write three correlated columns with labels, and a config that trains on them in seconds."""
    generator = np.random.default_rng(8)
    hidden = generator.normal(size=(2500, 1)) @ np.array([[50.0, -30.0, 70.0]])
    background = hidden + 5 * generator.normal(size=(2500, 3))
    signal = 120 * generator.normal(size=(500, 3))
    rows = np.rint(np.concatenate((background, signal))).clip(-512, 511).astype(int)
    labels = ["qcd"] * 2500 + ["odd"] * 500
    lines = ["a,b,c,label"]
    lines += [",".join(map(str, (*row, label))) for row, label in zip(rows, labels, strict=True)]
    (folder / "events.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    epochs = {"epochs": 2, "learning_rate": 0.01}
    content = {
        "name": "chain",
        "data": {
            "source": "table",
            "files": ["events.csv"],
            "columns": [{"name": name, "step": 1.0, "bits": 10} for name in "abc"],
            "label": "label",
            "background": ["qcd"],
        },
        "net": {"encoder": [4, 1]},
        "train": {
            "batch_size": 128,
            "device": "cpu",
            "float_phase": epochs,
            "qat_phase": dict(epochs),  # a copy: YAML would write an alias
        },
        # the chain is tested here, not how well two epochs train
        "verify": {
            "adversarial_events": 300,
            "background_rate": 0.05,
            "limits": {"agreement": 0, "auc_drop": 1, "efficiency_drop": 1, "loss_ratio": 1000},
        },
    }
    (folder / "chain.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def aetrig(folder: Path, *arguments: str) -> str:
    """Run one command, which must succeed without a word on stderr, and return what it printed."""
    answer = subprocess.run(
        [AETRIG, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, (arguments, answer.stdout, answer.stderr)
    assert "Traceback" not in answer.stderr + answer.stdout
    assert "Warning" not in answer.stderr + answer.stdout
    return answer.stdout


def test_whole_chain_by_the_commands_of_the_readme(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    told = aetrig(tmp_path, "data", "info", "chain.yaml")
    assert {"qcd", "odd", "2,500", "500"} <= set(told.split())

    told = aetrig(tmp_path, "qat", "chain.yaml", "--quiet")
    assert "Next: aetrig export-onnx" in told
    told = aetrig(tmp_path, "export-onnx")
    assert "written" in told
    # 3 + 4 + 1 + 4 + 3 quantized values of each of 500 background and 500 signal events
    assert " 0 of 15,000 values differ" in " ".join(told.split())
    told = " ".join(aetrig(tmp_path, "hls").split())
    assert "csim equals the Program in all of" in told

    told = aetrig(tmp_path, "verify", "--quiet")
    assert "PASSED: 0 of " in told
    run = tmp_path / "runs/chain"
    verdict = json.loads((run / "verify.json").read_text(encoding="utf-8"))
    assert verdict["passed"] is True
    assert {row["vectors"] for row in verdict["ladder"]} == {"validation", "adversarial"}
    assert {row["differing"] for row in verdict["ladder"]} == {0}
    assert sum(row["values"] for row in verdict["ladder"]) > 50_000

    told = aetrig(tmp_path, "golden", "write", "network")
    assert "1,300 golden vectors" in told
    assert "PASSED: no bit differs" in aetrig(tmp_path, "golden", "check", "network")

    assert "unchanged" in aetrig(tmp_path, "export-onnx")
    assert "is up to date" in " ".join(aetrig(tmp_path, "hls").split())
