"""How scripts/bench makes its ratios, and that a wrong result is never timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module")
def package() -> Any:
    sys.path.insert(0, str(SCRIPTS))
    try:
        from benchmarks import __main__, rows, table
    finally:
        sys.path.remove(str(SCRIPTS))
    return {"main": __main__, "rows": rows, "table": table}


def test_ratios_are_medians_of_rounds_and_above_one_where_ours_is_better(package: Any) -> None:
    rows = package["rows"]
    speed = rows.compared("g", ("a", "b"), ([10.0, 30.0, 20.0], [5.0, 5.0, 20.0]), "events/s")
    assert (speed.ours, speed.other, speed.ratio) == (20, 5, 2)
    assert speed.spread == pytest.approx((6 - 1) / 2)
    time = rows.compared("g", ("a", "b"), ([1.0, 1.0], [4.0, 4.0]), "s")
    assert time.ratio == 4
    assert rows.sizes("g", ("a", "b"), (10.0, 25.0), "bytes").ratio == 2.5


def test_contenders_take_turns(package: Any) -> None:
    called: list[str] = []

    def timing(name: str) -> Any:
        return lambda: called.append(name) or 1.0

    assert package["rows"].in_turns([timing("a"), timing("b")], 3) == [[1.0] * 3] * 2
    assert called == ["a", "b"] * 3


def test_a_table_tells_a_missed_goal(package: Any) -> None:
    rows, table = package["rows"], package["table"]
    found = [
        rows.compared("g", ("slow", "b"), ([1.0], [4.0]), "events/s", goal=2),
        rows.compared("g", ("fast", "b"), ([4.0], [1.0]), "events/s", goal=2),
        rows.absent("g", "none", "b", "not installed"),
    ]
    text = "\n".join(table.lines(found))
    assert "goal 2: MISSED" in text
    assert "goal 2: reached" in text
    assert "not installed" in text


def test_results_that_differ_end_with_exit_code_1(
    package: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The start-up group with a help text that lacks its commands: another program's."""
    main = package["main"]
    from benchmarks import startup

    monkeypatch.setattr(startup, "HELP", (sys.executable, "--help"))
    assert main.main(["--quick", "--only", "startup"]) == 1
    assert "does not list its commands" in capsys.readouterr().err


def test_an_unknown_group_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "startupp"],
        cwd=SCRIPTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "startupp" in done.stderr
