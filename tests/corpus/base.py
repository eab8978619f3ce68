"""One real, tiny run with everything that later commands read, made by the program itself."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from conftest import small_config
from corpus.case import resign

COMMANDS = (
    "qat small.yaml -q", "export-onnx", "threshold --fpr 0.05", "emulator", "rtl", "hls",
    "verify -q", "golden write golden", "package --out firmware.zip", "compress events.csv --out events.aez",
    "score events.csv -q --out scores", "report",
    "search small.yaml --trials 1 --workers 1",
)  # fmt: skip
LARGE = "report.html"  # the only large file of a run, which nothing reads


def make(folder: Path) -> Path:
    """Make the run in ``folder`` unless it is there; return the folder."""
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    small_config(folder)
    for line in COMMANDS:
        _command(line.split(), folder)
    run = folder / "runs" / "small"
    shutil.rmtree(run / "tensorboard", ignore_errors=True)
    (run / LARGE).write_text("a page\n", encoding="utf-8")
    resign(run, LARGE)
    (folder / "done").touch()
    return folder


def _command(words: list[str], folder: Path) -> None:
    """Run the program in a fork of this warm process; raise where it fails."""
    child = os.fork()
    if not child:
        code = 70
        try:
            os.chdir(folder)
            handle = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            from corpus.runner import program

            code = program(words)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status):
        said = (folder / "log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"aetrig {' '.join(words)} failed:\n{said[-2000:]}")
