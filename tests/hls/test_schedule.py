"""What csim cannot show: how the vendor's tool is told to schedule network and trigger."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aetrig.hls import csim
from aetrig.hls.project import check_project
from aetrig.program.evaluate import trace
from hls.conftest import Generate
from hls.programs import random_inputs
from hls.test_trigger import triggered

PREPROCESS = ("g++", "-E", "-P", "-std=c++11", "-Ifirmware/ap_types")
# by strategy and whether the score has a reference: the network's schedule, the trigger's
CASES = [
    ("latency", "input_quant", "PIPELINE", "PIPELINE II=1"),
    ("latency", None, "PIPELINE", "PIPELINE II=1"),
    ("resource", "input_quant", None, None),
    ("resource", None, "DATAFLOW", "DATAFLOW"),
]


def schedule(project: Path, source: str, function: str) -> str | None:
    """Return the pragma that the tool finds in a function, after the preprocessor."""
    done = subprocess.run(
        [*PREPROCESS, f"firmware/{source}"], cwd=project, capture_output=True, text=True, check=True
    )
    body = re.split(rf"^void {function}\(", done.stdout, flags=re.MULTILINE)[-1]
    found = re.findall(r"#pragma HLS ((?:PIPELINE|DATAFLOW)[^\n]*)", body)
    assert len(found) <= 1
    return found[0].strip() if found else None


@pytest.mark.parametrize(("strategy", "reference", "network", "top"), CASES)
def test_no_pipeline_unrolls_multipliers_that_are_to_be_reused(
    generated: Generate, strategy: str, reference: str | None, network: str | None, top: str | None
) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    made = generated(triggered("square", reference), strategy=strategy, reuse_factor=2)
    assert schedule(made.folder, "myproject.cpp", "myproject") == network
    assert schedule(made.folder, "trigger.cpp", "trigger") == top
    assert check_project(made.folder, made.program) == []


def test_a_reused_network_with_a_reference_is_exact(generated: Generate) -> None:
    made = generated(triggered("square", "input_quant"), strategy="resource", reuse_factor=2)
    x = random_inputs(made.program, 200, seed=5)
    found, expected = csim.load(made.folder, made.program).trace(x), trace(made.program, x)
    for name in ("score", "accept"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
