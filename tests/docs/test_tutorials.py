"""The tutorials' blocks run as a reader would run them: in order, one folder a page, real tools.

A `bash` block is run by bash and a `python` block by Python; a block with a title is written as the
file of that name. The class `norun`, as in `{ .bash .norun }`, leaves it out, and `slow` leaves it to the slow tests. Each
line of a `text` block of class `expect` has to be in what the block before it printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from docs.pages import DOCS, Block, blocks, pages

FAST = ("tutorial-your-data",)  # but for their slow blocks
SLOW = (
    *FAST, "ci-for-your-firmware", "index", "many-machines", "report", "tutorial-compression",
    "tutorial-import", "tutorial-rate-to-firmware",
)  # fmt: skip
FORMATS = (DOCS / "formats.md").read_text(encoding="utf-8")
TAIL = 4000  # characters of output in a failure


def environment() -> dict[str, str]:
    """Return the caller's environment, with this Python's commands first and nothing preset."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AETRIG_")}
    scripts = sysconfig.get_path("scripts")
    return kept | {"PATH": f"{scripts}{os.pathsep}{kept['PATH']}", "COLUMNS": "120"}


def run(block: Block, folder: Path) -> str:
    """Write the file that a block is, or run it; return what it printed, or fail with it."""
    if block.title is not None:
        (folder / block.title).write_text(block.text, encoding="utf-8")
        return ""
    commands = {
        "bash": ["bash", "-euo", "pipefail", "-c", block.text],
        "python": [sys.executable, "-c", block.text],
    }
    done = subprocess.run(
        commands[block.language],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"line {block.line}, exit code {done.returncode}:\n{done.stdout[-TAIL:]}"
    )
    return done.stdout


def run_page(name: str, folder: Path, *, whole: bool) -> None:
    printed = ""
    for block in blocks(DOCS / f"{name}.md"):
        if "slow" in block.words and not whole:
            continue
        if block.runs:
            printed = run(block, folder)
        elif "expect" in block.words:
            missing = set(block.text.splitlines()) - set(printed.splitlines())
            assert not missing, (
                f"line {block.line}, not printed: {missing}; printed:\n{printed[-TAIL:]}"
            )


@pytest.mark.parametrize("name", FAST)
def test_a_tutorial_runs(name: str, tmp_path: Path) -> None:
    run_page(name, tmp_path, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_a_long_tutorial_runs(name: str, tmp_path: Path) -> None:
    run_page(name, tmp_path, whole=True)
    for path in tmp_path.glob("runs/*/*"):
        assert path.name in FORMATS, f"docs/formats.md does not name {path.name}"


def test_every_tutorial_is_run() -> None:
    with_commands = {page.stem for page in pages() if any(block.runs for block in blocks(page))}
    assert with_commands == set(SLOW)


def test_what_does_not_run_is_marked() -> None:
    for name in SLOW:
        page = DOCS / f"{name}.md"
        for block in blocks(page):
            known = block.language in {"bash", "python", "text", "yaml", "json"}
            assert known, f"{page.name}, line {block.line}: what is '{block.language}'?"
            if block.language == "yaml":
                assert block.title or "norun" in block.words, f"{page.name}, line {block.line}"
