"""`aetrig import` as a user meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aetrig.cli.import_network import command
from aetrig.errors import UserError
from bring.foreign import MODULE, config_file, plain, save

AETRIG = Path(sys.executable).with_name("aetrig")


def aetrig(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AETRIG, "import", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_module_of_a_python_file(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODULE, encoding="utf-8")
    config_file(tmp_path)
    answer = aetrig(tmp_path, "net.py:make", "--config", "mine.yaml", "--name", "theirs")
    assert answer.returncode == 0, answer.stderr
    assert "encoder_1 /neck/MatMul" in " ".join(answer.stdout.split())
    assert "values differ from QONNX's executor, the live module and onnxruntime" in answer.stdout
    assert (tmp_path / "runs/theirs/model.qonnx.onnx").exists()
    assert "Traceback" not in answer.stderr + answer.stdout
    assert "Warning" not in answer.stderr + answer.stdout


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("none.onnx", "none.onnx: cannot be read"),
        ("net.py", "net.py: name the function that returns the module, net.py:make"),
        ("net.pt", "net.pt: a pickled module can execute anything when it is opened"),
        ("none.py:make", "none.py: no such Python file"),
        ("conv.onnx", "conv.onnx: operator 'Conv' at node 'my_conv': convolutions"),
    ],
)
def test_mistakes_are_told_and_leave_nothing(
    network: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(plain(lambda d, data: d.node("Conv", "my_conv", [data, data])), tmp_path / "conv.onnx")
    with pytest.raises(UserError, match=message) as caught:
        command(network)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_weights_are_for_modules(tmp_path: Path) -> None:
    answer = aetrig(tmp_path, "net.onnx", "--weights", "state.pt")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: --weights is for FILE.py:FUNCTION")
    assert answer.stderr.count("\n") == 1
