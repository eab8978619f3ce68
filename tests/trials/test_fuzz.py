"""The fuzzing trial itself: what counts as a failure, smaller inputs, added sessions."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from aetrig.errors import UserError

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def reads(path: Path) -> None:
    """Refuse what has no A, and fall over B behind it."""
    content = path.read_bytes()
    if b"A" not in content:
        raise UserError(f"{path}: no A")
    if b"B" in content:
        raise ValueError("B")


def test_an_error_of_ours_is_no_failure_and_another_is(tmp_path):
    from trials.fuzz.reader import Reader, fails

    reader = Reader("toy", reads, list)
    assert fails(reader, b"x", tmp_path) is None
    assert fails(reader, b"A", tmp_path) is None
    failure = fails(reader, b"AB", tmp_path)
    assert failure is not None
    assert failure.kind.startswith("ValueError")


def test_a_message_is_one_printable_line(tmp_path):
    from trials.fuzz.reader import Reader, fails

    def refuses(path: Path) -> None:
        raise UserError("a\nb \x1b[2J " + "c" * 9000)

    assert fails(Reader("toy", refuses, list), b"", tmp_path) is None
    assert str(UserError("a\nb \x1b \udc80 ü")) == "a\\nb \\x1b \\udc80 ü"


def test_a_reader_that_does_not_end_is_a_failure(tmp_path, monkeypatch):
    from trials.fuzz import reader as module

    def endless(path: Path) -> None:
        while True:
            with suppress(Exception):  # as a careless reader does
                list(range(1000))

    monkeypatch.setattr(module, "HANG_SECONDS", 0.2)
    failure = module.fails(module.Reader("toy", endless, list), b"", tmp_path)
    assert failure is not None
    assert failure.kind.startswith("HangError")


def test_an_input_is_made_smaller_while_it_fails_in_the_same_place(tmp_path):
    from trials.fuzz.found import smallest
    from trials.fuzz.reader import Reader

    found = smallest(Reader("toy", reads, list), b"x" * 50 + b"A" + b"y" * 50 + b"B" * 9, tmp_path)
    assert found == b"AB"


def test_sessions_add_up(tmp_path):
    from trials.fuzz import totals

    path = tmp_path / "record.jsonl"
    for seconds, finds in ((10, ("a",)), (20, ("a", "b"))):
        totals.add(
            path,
            totals.Session("csv", seconds, 100, seconds, 7, finds, "c0ffee", "m", "2026-01-01"),
        )
    table = totals.table(totals.read(path), {"csv": "CSV", "npz": "never run"})
    assert "| csv | CSV | 30 | 200 | 20 | 7 | 2 |" in table
    assert "| **all** | | 30 | 200 | | | 2 |" in table


def test_every_reader_has_a_module_and_every_structured_target_a_builder():
    from trials.fuzz import readers

    assert "trials.fuzz.worker" not in sys.modules  # the list needs no atheris
    assert set(readers.STRUCTURED) | set(readers.INSTRUMENTED) <= set(readers.names())
    assert readers.reader("manifest").build is not None
    assert readers.reader("csynth").build is None
