"""Vectors chosen for faults: a cover is one, the same twice, and better than chance."""

from __future__ import annotations

import numpy as np
import pytest

from aetrig.verify import chosen
from aetrig.verify.chosen import breed, choose, faults, undetected
from aetrig.verify.faults.memory import apart, count, draw, memories
from aetrig.verify.repeated import HELD, repeated
from aetrig.verify.shown import cover, seen
from aetrig.verify.vectors import drawn
from verify.programs import random_program


def test_cover_covers_what_can_be_with_few_columns() -> None:
    generator = np.random.default_rng(1)
    marks = generator.random((200, 80)) < 0.1
    marks[:5] = False
    rows = cover(marks, 80)
    assert marks[:, rows].any(axis=1).sum() == marks.any(axis=1).sum()
    assert len(rows) < 60
    assert len(cover(marks, 3)) == 3
    assert cover(marks[:5], 9).size == 0


def test_cover_shows_a_row_as_often_as_asked_where_it_can_be() -> None:
    generator = np.random.default_rng(2)
    marks = generator.random((200, 80)) < 0.05
    before = generator.integers(0, 3, 200)
    rows = cover(marks, 80, times=3, shown=before)
    assert len(set(rows.tolist())) == len(rows) < 80
    wanted = np.minimum(np.maximum(0, 3 - before), marks.sum(axis=1))
    assert (marks[:, rows].sum(axis=1) >= wanted).all()


def test_faults_held_back_show_by_those_that_are_shown_several_times() -> None:
    program = random_program(2, widths=(5, 8, 3, 8, 5), bits=6)
    generator = np.random.default_rng(5)
    x, pool = drawn(program, 3, generator), drawn(program, 600, generator)
    found = draw(memories(program), None, 3)
    tried, held = found[:100], found[100:600]
    result = repeated(program, x, pool, tried, held)
    inputs = {tuple(row) for row in pool.tolist()}
    assert all(tuple(row) in inputs for row in result.x.tolist())
    changed = seen(program, np.concatenate((x, pool)), held).any(axis=1)
    assert result.held == changed.sum()
    alone, together = (
        seen(program, part, held).any(axis=1).sum() for part in (x, np.concatenate((x, result.x)))
    )
    assert alone < together == result.shown
    enough = repeated(program, np.concatenate((x, pool)), pool, tried, held)
    assert len(enough.x) == 0
    assert enough.held == enough.shown == result.held


def test_where_not_all_can_be_tried_others_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    program = random_program(2, widths=(5, 8, 3, 8, 5), bits=6)
    x = drawn(program, 4, np.random.default_rng(2))
    monkeypatch.setattr(chosen, "FAULTS", 60)
    monkeypatch.setattr(chosen, "WIDE", 2_000)
    result = choose(program, x)
    coverage = result.coverage
    held = draw(apart(memories(program))[1], 60 + HELD, chosen.SEED)
    shown = seen(program, np.concatenate((x, result.x)), held[60:]).any(axis=1)
    assert shown.sum() == coverage.held_shown > 0.9 * coverage.held
    assert coverage.tried < coverage.bits


def test_chosen_vectors_show_what_they_say_and_are_the_same_twice() -> None:
    program = random_program(2, widths=(5, 4, 2, 4, 5), bits=4)
    x = drawn(program, 4, np.random.default_rng(2))
    first, second = choose(program, x), choose(program, x)
    np.testing.assert_array_equal(first.x, second.x)
    coverage = first.coverage
    assert coverage == second.coverage
    tried = faults(program, memories(program))
    assert coverage.tried == len(tried) == sum(map(count, memories(program)))
    left, quiet = undetected(program, np.concatenate((x, first.x)), tried)
    assert coverage.silent == quiet
    assert len(tried) - quiet - len(left) == coverage.detected
    assert coverage.before < coverage.detected <= coverage.changed
    assert coverage.share > 0.99


def test_breeding_finds_inputs_that_chance_does_not() -> None:
    program = random_program(4, widths=(8, 6, 3, 6, 8), bits=8)
    generator = np.random.default_rng(3)
    pool = drawn(program, 30, generator)
    hidden, _ = undetected(program, pool, draw(memories(program), None, 1))
    assert hidden
    bred = breed(program, pool, hidden, generator, rounds=4)
    assert bred.marks.shape == (len(hidden), len(bred.x))
    assert bred.marks.any(axis=1).any()
    assert bred.searched >= 1_000
    np.testing.assert_array_equal(bred.marks, seen(program, bred.x, hidden))
