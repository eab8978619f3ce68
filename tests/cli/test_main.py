"""The program as a user meets it: help, exit codes, one line for every mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AETRIG = Path(sys.executable).with_name("aetrig")
COMMANDS = (
    "qat", "export-onnx", "import", "threshold", "hls", "rtl", "emulator", "verify", "report", "clusters", "scan",
    "compress", "decompress", "package", "doctor", "config", "data", "golden",
)  # fmt: skip


def aetrig(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [AETRIG, *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    answer = aetrig("--help", cwd=tmp_path)
    assert answer.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in answer.stdout


@pytest.mark.parametrize("command", ["qat", "export-onnx", "hls", "verify", "doctor"])
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    answer = aetrig(command, "--help", cwd=tmp_path)
    assert answer.returncode == 0
    assert f"aetrig {command}" in answer.stdout.split("Usage")[1].split("\n", 1)[1]


def test_help_does_not_load_the_heavy_libraries() -> None:
    code = (
        "import sys; from aetrig.cli import main; main.app(['--help'], standalone_mode=False); "
        "print(sorted({'torch', 'onnx', 'hls4ml', 'pandas', 'numpy', 'rich'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("group", [(), ("config",), ("data",), ("golden",)])
def test_help_cuts_no_sentence_off(group: tuple[str, ...], tmp_path: Path) -> None:
    answer = aetrig(*group, "--help", cwd=tmp_path, COLUMNS="80")
    assert "..." not in answer.stdout.split("Commands:")[1]


def test_completion_script_is_offered(tmp_path: Path) -> None:
    answer = aetrig(
        "--show-completion", cwd=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert answer.returncode in {0, 2}
    completed = aetrig(
        cwd=tmp_path, _AETRIG_COMPLETE="complete_bash", COMP_WORDS="aetrig ver", COMP_CWORD="1"
    )
    assert "verify" in completed.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["verify"], 2, "no run under"),
        (["export-onnx", "--run", "none"], 2, "none is not a run directory"),
        (["hls", "--run", "none"], 2, "none is not a run directory"),
        (["qat", "none.yaml"], 2, "none.yaml: cannot be read"),
        (["qat", "--set", "quant.weight_bits=40"], 2, "found 40"),
        (["qat", "--resume"], 2, "no run under"),
        (["config", "check", "--set", "sede=1"], 2, "did you mean 'seed'?"),
        (["data", "info", "none.yaml"], 2, "cannot be read"),
        (["verfy"], 2, "no such command"),
        (["qat", "--set", "data={source: table, files: [no.csv], columns: [{name: a, step: 1, bits: 8}]}"], 2, "no.csv"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_code_2(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    answer = aetrig(*arguments, cwd=tmp_path)
    assert answer.returncode == code
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr + answer.stdout
    if answer.stderr.startswith("error:"):
        assert answer.stderr.count("\n") == 1


def test_config_commands(tmp_path: Path) -> None:
    shown = aetrig("config", "show", "--set", "seed=5", cwd=tmp_path)
    assert "seed: 5" in shown.stdout
    (tmp_path / "mine.yaml").write_text(shown.stdout)
    assert aetrig("config", "check", "mine.yaml", cwd=tmp_path).returncode == 0
    assert '"$defs"' in aetrig("config", "schema", cwd=tmp_path).stdout


def test_doctor_names_what_lacks_and_its_remedy(tmp_path: Path) -> None:
    answer = aetrig("doctor", cwd=tmp_path, PATH="/nonexistent", COLUMNS="200")
    assert answer.returncode == 3
    assert "not ready: g++, make" in answer.stderr
    assert "apt-get install g++" in answer.stdout
    assert "vitis_hls" in answer.stdout
