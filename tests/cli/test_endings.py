"""How the program ends on a full disk, a read-only one, Ctrl-C and SIGTERM: one line, no more."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from aetrig.cli import main as program
from search.small import config, write_events

TOLD = "interrupted; nothing is lost: the same command goes on"
# a shell's background jobs ignore it
HANDLED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
LISTENS = f"{HANDLED}; from aetrig.cli import interrupts; interrupts.listen()"
GREEDY = """
import time
try:
    print("{first}", flush=True)
    time.sleep(60)
except BaseException:
    pass
print("{then}", flush=True)
"""
SLEEPS = f"""
import sys, time
{HANDLED}
import typer
from aetrig.cli import main as program
program.app = typer.Typer()
@program.app.command(context_settings={{"ignore_unknown_options": True}})
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
    def full(**_: object) -> None:
        raise OSError(code, os.strerror(code), "runs/one/hls")

    monkeypatch.setattr(program, "app", full)
    assert ended() == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: runs/one/hls: {expected}")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # as far as the wording of all versions of typer agrees
        (["qat", "--bogus"], "error: aetrig qat: no such option"),
        (["bogus"], "error: aetrig: no such command 'bogus'"),
        (["score"], "error: aetrig score: missing argument "),
        (["search", "--trials", "x"], "error: aetrig search: invalid value for '--trials': "),
    ],
)
def test_words_that_cannot_be_read_are_one_line(
    words: list[str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["aetrig", *words])
    assert ended() == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(expected)
    assert line.endswith("; see aetrig --help" if words == ["bogus"] else f"{words[0]} --help")


def test_no_word_at_all_is_answered_with_the_help(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["aetrig", "data"])
    assert ended() == 2
    assert capfd.readouterr().err.startswith("Usage: aetrig data [OPTIONS] COMMAND")


def ended() -> object:
    """Run the program in this process; return its exit code."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with pytest.raises(SystemExit) as end:
            program.main()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return end.value.code


def interrupted(sent: signal.Signals, words: list[str]) -> tuple[int, str, str]:
    """Send a signal once "begun" is said; return the exit code and what was said after."""
    process = subprocess.Popen(
        [sys.executable, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(sent)
        out, said = process.communicate(timeout=120)
    return process.returncode, out, said


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_is_said_how_to_go_on(sent: signal.Signals) -> None:
    code, _, said = interrupted(sent, ["-c", SLEEPS, "score"])
    assert said.splitlines() == [TOLD]
    assert code == 130


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_module_that_catches_everything_does_not_swallow_it(
    sent: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY.format(first="begun", then="went on"))
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code, out, said = interrupted(sent, ["-c", f"{path}; {LISTENS}; import greedy"])
    assert (code, out, said.splitlines()) == (130, "", [TOLD])


def test_the_hint_of_a_command_is_said_inside_an_import_too(tmp_path: Path) -> None:
    """Training imports modules of its own libraries long after it began."""
    (tmp_path / "greedy.py").write_text(GREEDY.format(first="begun", then="went on"))
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    hint = "interrupts.go_on_with(lambda: 'aetrig qat --resume')"
    _, _, said = interrupted(signal.SIGINT, ["-c", f"{path}; {LISTENS}; {hint}; import greedy"])
    assert said.splitlines() == ["interrupted; nothing is lost: aetrig qat --resume goes on"]


def test_the_second_ends_at_once() -> None:
    """Where others' code, here of a thread pool, caught the first."""
    program = (
        f"{LISTENS}\n{GREEDY.format(first='begun', then='begun')}\nimport time; time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert (process.returncode, said.splitlines()) == (130, [TOLD])


@pytest.mark.slow
def test_the_hint_of_an_interrupted_training_goes_on_with_it(tmp_path: Path) -> None:
    write_events(tmp_path)
    train = {
        "device": "cpu",
        "threads": 1,
        "float_phase": {"epochs": 60},
        "qat_phase": {"epochs": 3},
    }
    made = config(train=train).model_dump(mode="json")
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(made))
    program = [sys.executable, "-c", f"{HANDLED}; from aetrig.cli.start import main; main()"]
    words = ["qat", "tiny.yaml", "--runs", "other", "--name", "mine", "--quiet"]
    process = subprocess.Popen([*program, *words], cwd=tmp_path, text=True, stderr=subprocess.PIPE)
    with process:
        while not (tmp_path / "other/mine/metrics.jsonl").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    again = f"aetrig {' '.join(words)} --resume"
    assert said.splitlines() == [f"interrupted; nothing is lost: {again} goes on"]
    answer = subprocess.run(
        [*program, *words, "--resume"], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "other/mine: validation loss" in answer.stdout
