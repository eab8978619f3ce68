"""scripts/bench keeps a history and warns where a ratio has fallen; on lines of a real run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ROW = 'start-up: aetrig --help / python -c "import typer"'


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass(frozen=True)
class Run:
    """A real run's figures, and its line in the history."""

    content: dict[str, Any]
    line: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("bench")
    path, figures = folder / "history.jsonl", folder / "figures.json"
    files = ["--history", str(path), "--json", str(figures)]
    done = subprocess.run(
        [str(SCRIPTS / "bench"), "--quick", "--only", "startup", *files],
        capture_output=True, text=True, check=False, env=os.environ | {"AETRIG_VENV": sys.prefix},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    (line,) = lines(path)
    return Run(json.loads(figures.read_text()), line)


@pytest.fixture
def real(run: Run) -> dict[str, Any]:
    """The line alone."""
    return run.line


def scaled(line: dict[str, Any], factor: float) -> dict[str, Any]:
    return line | {"ratios": {name: factor * ratio for name, ratio in line["ratios"].items()}}


def written(path: Path, entries: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_a_line_names_machine_versions_and_ratios(real: dict[str, Any]) -> None:
    assert real["machine"]["processor"]
    assert real["machine"]["cores"] >= 1
    assert real["versions"]["aetrig"]
    assert real["ratios"][ROW] > 0


@pytest.fixture(scope="module")
def history() -> Any:
    sys.path.insert(0, str(SCRIPTS))
    try:
        from benchmarks import history as module
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


def test_a_fall_is_warned_of_and_entered(
    history: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = [scaled(run.line, factor) for factor in (9, 10, 10, 11, 10)]
    path = written(tmp_path / "history.jsonl", before)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert history.enter(path, run.content)
    said = capsys.readouterr()
    assert f"bench: warning: {ROW}" in said.err
    assert "the median of the last 5" in said.err
    assert f"::warning title=benchmark::{ROW}" in said.out
    assert lines(path) == [*before, run.line]


@pytest.mark.parametrize(("factor", "warned"), [(1.0, 0), (0.81, 0), (0.79, 1), (3.0, 0)])
def test_a_fifth_is_the_limit(
    history: Any, real: dict[str, Any], factor: float, warned: int
) -> None:
    assert len(history.falls([real] * 5, scaled(real, factor))) == warned


def test_the_median_of_the_last_five_counts(history: Any, real: dict[str, Any]) -> None:
    old = [scaled(real, 100)] * 20  # long ago
    last = [scaled(real, factor) for factor in (0.01, 1, 1, 1, 100)]  # two freak runs
    assert not history.falls(old + last, scaled(real, 0.9))
    (warning,) = history.falls(old + last, scaled(real, 0.5))
    assert "50% below" in warning


@pytest.mark.parametrize(
    "other",
    [
        {"machine": {"processor": "another", "cores": 2, "load": 0}},
        {"quick": False},
    ],
)
def test_other_machines_are_not_compared(
    history: Any, real: dict[str, Any], other: dict[str, Any]
) -> None:
    before = [scaled(real, 100) | other] * 5
    assert not history.falls(before, real)


def test_damaged_lines_and_new_rows_do_no_harm(
    history: Any, real: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path / "history.jsonl", [real])
    with path.open("a") as file:
        file.write('{"cut off": \n[]\n{"machine": 3}\n')
    assert len(history.read(path)) == 1
    assert not history.falls([real | {"ratios": {}}], real)
