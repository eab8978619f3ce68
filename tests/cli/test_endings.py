"""How the program ends on a full disk, a read-only one, Ctrl-C and SIGTERM: one line, no more."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from aetrig.cli import main as program

SLEEPS = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
import typer
from aetrig.cli import main as program
program.app = typer.Typer()
@program.app.command(context_settings={"ignore_unknown_options": True})
def command(name: str) -> None:
    print("begun", flush=True)
    time.sleep(60)
program.main()
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, "No space left on device; nothing was written there: make room, or choose"),
        (errno.EFBIG, "File too large; nothing was written there: make room, or choose"),
        (errno.EDQUOT, "Disk quota exceeded; nothing was written there: make room, or choose"),
        (errno.EROFS, "Read-only file system; make it accessible to you, or choose"),
        (errno.EACCES, "Permission denied; make it accessible to you, or choose another place"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_an_error_of_the_system_is_one_line(
    code: int,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def full() -> None:
        raise OSError(code, os.strerror(code), "runs/one/hls")

    monkeypatch.setattr(program, "app", full)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            program.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: runs/one/hls: {expected}")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("name", "again"), [("qat", "aetrig qat --resume"), ("score", "the same command")]
)
def test_it_is_said_how_to_go_on(sent: signal.Signals, name: str, again: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPS, name],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(sent)
        _, said = process.communicate(timeout=30)
    assert said.splitlines() == [f"interrupted; nothing is lost: {again} goes on"]
    assert process.returncode == 130
