"""One command at a time has a place; who has it is said, and a killed one has it no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aetrig import hold
from aetrig.errors import UserError
from aetrig.hold import held, place_of
from aetrig.run import Run, alone, new_run, set_aside, write_text

CODE = """
import sys, time
from pathlib import Path
from aetrig.hold import held
sys.argv = ["/usr/bin/aetrig", "rtl", "--run", "one"]
with held(Path(FOLDER)):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a folder until it is told to end."""
    code = CODE.replace("FOLDER", repr(str(folder)))
    process = subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_the_second_says_who_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with another(folder) as process:
        expected = rf"in use by process {process.pid} on \S+ \(aetrig rtl --run one\); wait"
        with pytest.raises(UserError, match=expected), held(folder):
            pass
    with held(folder):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_has_it_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with another(folder) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (tmp_path / ".one.lock").exists()
        with held(folder):
            assert f"process {os.getpid()} " in (tmp_path / ".one.lock").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    code = CODE.replace("FOLDER", repr(str(folder))).replace(
        "    sys.stdin.read()",
        "    import os, signal\n    if os.fork() == 0:\n        time.sleep(5)\n        os._exit(0)\n"
        "    time.sleep(0.2)\n    os.kill(os.getpid(), signal.SIGKILL)",
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == -signal.SIGKILL
    with held(folder):
        pass


def test_a_thread_has_what_it_has_and_another_does_not(tmp_path: Path) -> None:
    said = []

    def other() -> None:
        try:
            with held(tmp_path / "one"):
                said.append("got it")
        except UserError as error:
            said.append(str(error))

    with held(tmp_path / "one"), held(tmp_path / "one"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert f"in use by process {os.getpid()} " in said[0]
    with held(tmp_path / "one"):
        pass


def test_whoever_waits_in_turn_never_has_it_twice(tmp_path: Path) -> None:
    have: list[int] = []
    most = []

    def work() -> None:
        done = 0
        while done < 20:
            try:
                with held(tmp_path / "one"):
                    have.append(1)
                    most.append(len(have))
                    time.sleep(0.0005)
                    have.pop()
                    done += 1
            except UserError:
                time.sleep(0.0002)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 80


def test_links_to_one_place_are_one_place(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "latest").symlink_to("one")
    with (
        another(tmp_path / "one"),
        pytest.raises(UserError, match="in use by"),
        held(tmp_path / "latest"),
    ):
        pass


def test_the_holder_cleans_up_after_killed_ones(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    for left in (tmp_path / ".one.abcdefgh.part", folder / ".hls.abcdefgh.part/hls"):
        left.mkdir(parents=True)
        (left / "half").write_text("half")
    with held(folder):
        assert not (tmp_path / ".one.abcdefgh.part").exists()
        assert list(folder.iterdir()) == []


def test_where_the_folder_around_is_read_only_the_lock_is_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    opened = Path.open

    def refused(self: Path, *args: str, **kwargs: str) -> object:
        if self.parent == tmp_path:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refused)
    with held(folder):
        assert [item.name for item in folder.iterdir()] == [".lock"]
    assert list(folder.iterdir()) == []
    expected = r"other cannot be written to \(Permission denied\); make"
    with pytest.raises(UserError, match=expected), held(tmp_path / "other"):
        pass


def test_a_read_only_place_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold.os, "access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written to"), held(tmp_path):
        pass


def test_what_to_hold_for_an_output(tmp_path: Path) -> None:
    assert place_of(tmp_path / "run", None) == tmp_path / "run"
    assert place_of(tmp_path / "run", tmp_path / "run/scores") == tmp_path / "run"
    assert place_of(tmp_path / "run", tmp_path / "scores") == tmp_path / "scores"


def test_a_run_in_use_is_neither_written_nor_replaced(tmp_path: Path) -> None:
    run = Run(tmp_path / "one")
    write_text(run / "config.yaml", "name: one\n")

    @alone
    def stage(run: Run) -> None:
        raise AssertionError(run)

    with another(run.path) as process:
        expected = f"in use by process {process.pid}"
        for attempt in (
            lambda: stage(run),
            lambda: set_aside(run.path),
            lambda: new_run(tmp_path, "one", force=True),
        ):
            with pytest.raises(UserError, match=expected):
                attempt()
    assert (run / "config.yaml").exists()
