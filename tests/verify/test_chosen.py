"""Vectors chosen for faults: a cover is one, the same twice, and better than chance."""

from __future__ import annotations

import numpy as np

from aetrig.verify.chosen import breed, choose, cover, faults, seen, undetected
from aetrig.verify.faults.memory import count, draw, memories
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
