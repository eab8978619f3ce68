"""No file is believed: the corpus of bad inputs, each in one clear line within time and memory.

The whole of it is `scripts/trust files`. Here a few cases that need no run of their own go through
the same runner; the others are slow.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from corpus import runner
from corpus.case import Case, damages
from corpus.families import every

REPOSITORY = Path(__file__).resolve().parents[2]
QUICK = (
    "config/billion-laughs", "config/python-tag", "config/deep-lists", "config/pipe",
    "config/endless", "config/bom-and-crlf", "config/huge-octal", "config/key-is-a-list",
    "search space/deep-maps", "set option/bomb",
)  # fmt: skip


def run(folder: Path, *words: str) -> list[dict[str, object]]:
    """Run the trial in a process of its own: it forks, which one with threads must not."""
    found = folder / "outcomes.json"
    places = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests")]
    done = subprocess.run(
        [sys.executable, "-m", "trials", "files", "--json", str(found), *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes: list[dict[str, object]] = json.loads(found.read_text(encoding="utf-8"))
    return outcomes


def test_names_are_unique_and_every_family_is_there() -> None:
    cases = list(every())
    assert len(cases) >= 300
    assert not [label for label, count in Counter(c.label for c in cases).items() if count > 1]
    assert len({case.family for case in cases}) >= 30


def test_a_fault_is_seen(capfd: pytest.CaptureFixture[str]) -> None:
    case = Case("x", "x", "x", lambda _: [], "bad.yaml")
    judge = runner.faults_of
    assert not list(judge(case, 2, "error: bad.yaml: not YAML\n"))
    for code, error, fault in (
        (1, "error: bad.yaml: no\n", "exit code 1"),
        (2, "Traceback (most recent call last):\n", "an exception shows"),
        (2, "error: bad.yaml: KeyError('x')\n", "an exception shows"),
        (2, "error: 'x'\n", "an exception shows"),
        (2, "error: other.yaml: no\n", "does not name bad.yaml"),
        (2, "error: bad.yaml: no\nwarning: more\n", "2 lines"),
        (2, "error: bad.yaml: \x1b[31m\n", "control characters"),
        (70, "fault: KeyError inside aetrig\n", "no error line"),
    ):
        assert fault in list(judge(case, code, error))
    capfd.readouterr()


def test_damages_are_the_same_every_time() -> None:
    content = bytes(range(256)) * 40
    first = [damage(content) for _, _, damage, _ in damages()]
    assert first == [damage(content) for _, _, damage, _ in damages()]


def test_some_bad_inputs(tmp_path: Path) -> None:
    outcomes = run(tmp_path, "--no-run", "--light", "--exactly", *QUICK)
    assert len(outcomes) == len(QUICK)


@pytest.mark.slow
def test_every_third_bad_input(tmp_path: Path) -> None:
    """`scripts/trust files` runs all of them, in minutes."""
    assert len(run(tmp_path, "--every", "3")) >= 300
