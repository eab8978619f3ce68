"""Files are whole or not there; what a killed writer left goes away, what a living one has stays."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aetrig import files
from aetrig.files import discard, left_below, left_of, replacing, sweep, workspace, write_text


def killed(code: str, *arguments: Path) -> None:
    """Run Python code in a process that ends itself by SIGKILL."""
    lines = "import os, signal, sys\nfrom pathlib import Path\nfrom aetrig.files import *\n"
    whole = f"{lines}path = Path(sys.argv[1])\n{code}"
    done = subprocess.run([sys.executable, "-c", whole, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL


KILL = "os.kill(os.getpid(), signal.SIGKILL)"


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


@pytest.mark.parametrize("old", [True, False])
def test_a_killed_writer_leaves_what_was_there(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "artefact.json"
    if old:
        path.write_text("old")
    killed(f"with replacing(path) as temporary:\n temporary.write_text('half')\n {KILL}", path)
    assert path.exists() == old
    assert not old or path.read_text() == "old"
    (left,) = left_of(path)
    assert (left / "artefact.json").read_text() == "half"
    sweep(left_of(path))
    assert names(tmp_path) == (["artefact.json"] if old else [])


def test_a_folder_is_exchanged_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hls"
    path.mkdir()
    seen = []
    exchanged = files._exchanged

    def watched(one: Path, other: Path) -> bool:
        seen.append(path.exists())
        found = exchanged(one, other)
        seen.append(path.exists())
        return found

    monkeypatch.setattr(files, "_exchanged", watched)
    with replacing(path) as temporary:
        temporary.mkdir()
        write_text(temporary / "new", "new")
    assert seen == [True, True]
    assert names(path) == ["new"]
    assert names(tmp_path) == ["hls"]


def test_a_folder_is_put_back_where_names_cannot_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hls"
    path.mkdir()
    (path / "old").write_text("old")
    # killed after the old folder went aside, before the new one was in place
    code = "\n".join([
        "import aetrig.files as files",
        "files._exchanged = lambda *_: False",
        "rename = Path.rename",
        "def once(self, target):",
        " rename(self, target)",
        f" {KILL}",
        "Path.rename = once",
        "with replacing(path) as temporary:",
        " temporary.mkdir()",
    ])  # fmt: skip
    killed(code, path)
    assert not path.exists()
    sweep(left_of(path))
    assert names(path) == ["old"]
    assert names(tmp_path) == ["hls"]
    monkeypatch.setattr(files, "_exchanged", lambda *_: False)
    with replacing(path) as temporary:
        temporary.mkdir()
    assert names(path) == []
    assert names(tmp_path) == ["hls"]


def test_what_a_living_writer_has_is_not_swept(tmp_path: Path) -> None:
    path = tmp_path / "made"
    with replacing(path) as temporary:
        temporary.write_text("half")
        sweep(left_below(tmp_path))
        assert temporary.read_text() == "half"
    assert names(tmp_path) == ["made"]


def test_scratch_of_another_name_and_hidden_files_of_others_stay(tmp_path: Path) -> None:
    others = [".made.of.abcdefgh.part", ".made.abc.part", "made.abcdefgh.part", ".git"]
    for name in others:
        (tmp_path / name).mkdir()
    assert left_of(tmp_path / "made") == []
    sweep(left_of(tmp_path / "made"))
    assert names(tmp_path) == sorted(others)


def test_workspaces_of_killed_processes_go_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    killed(f"with workspace() as folder:\n {KILL}", tmp_path)
    assert len(names(tmp_path)) == 1
    with workspace() as one, workspace() as other:
        assert one != other
        assert len(names(tmp_path)) == 2
    assert names(tmp_path) == []


def test_a_folder_is_discarded_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    discard(tmp_path / "run")
    assert names(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG])
def test_an_error_names_the_final_file(tmp_path: Path, code: int) -> None:
    def raised(*where: str) -> None:
        raise OSError(code, os.strerror(code), *where)

    def write(inside: str | None) -> None:
        with replacing(tmp_path / "hls") as temporary:
            temporary.mkdir()
            if inside is None:
                raised()  # as of writing to an open file
            else:
                with replacing(temporary / inside) as nested:
                    raised(str(nested))

    def fail(inside: str | None) -> str:
        with pytest.raises(OSError, match=os.strerror(code)) as found:
            write(inside)
        return str(found.value.filename)

    assert fail(None) == str(tmp_path / "hls")
    assert fail("a/b.cpp") == str(tmp_path / "hls/a/b.cpp")
    assert names(tmp_path) == []


def test_a_forked_child_keeps_no_lock(tmp_path: Path) -> None:
    code = "\n".join([
        "import time",
        "runs, tells = os.pipe()",
        "with replacing(path) as temporary:",
        " if os.fork() == 0:",
        "  os.write(tells, b'1')",
        "  time.sleep(3)",  # outlives its parent
        "  os._exit(0)",
        " os.read(runs, 1)",
        f" {KILL}",
    ])  # fmt: skip
    killed(code, tmp_path / "made")
    sweep(left_of(tmp_path / "made"))
    assert names(tmp_path) == []


def test_writers_and_sweepers_at_once(tmp_path: Path) -> None:
    """No sweep takes a folder that is being made: neither before it is locked nor after."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom aetrig import files\n"
        "path, end = Path(sys.argv[1]), time.monotonic() + 1.5\n"
        "while time.monotonic() < end:\n"
        "    files.sweep(files.left_of(path))\n"
        "    with files._scratch(path) as folder:\n"
        "        (folder / 'x').write_text('x')\n"
        "        files.sweep(files.left_of(path))\n"
        "        assert (folder / 'x').read_text() == 'x'\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "artefact")]
    started = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert names(tmp_path) == []
