"""Climbing for entries of a table: what is returned is there, and chance was not."""

from __future__ import annotations

import numpy as np

from aetrig.program.evaluate import trace
from aetrig.program.model import Program, Table
from aetrig.verify.entries import Climb, mutated
from aetrig.verify.vectors import drawn
from fuzz.architectures import SMALL, architecture


def with_table() -> tuple[Program, Table, str]:
    """Return a program, a table of it that many integers reach, and the operation before it."""
    program = architecture(33, SMALL)
    place = [isinstance(op, Table) for op in program.operations].index(True)
    table = program.operations[place]
    assert isinstance(table, Table)
    return program, table, program.operations[place - 1].name


def test_inputs_climb_to_entries_that_the_pool_does_not_meet() -> None:
    program, table, before = with_table()
    generator = np.random.default_rng(1)
    wide = trace(program, drawn(program, 5_000, np.random.default_rng(2)))[before]
    pool = drawn(program, 6, generator)
    unmet = set(np.unique(wide).tolist()) - set(np.unique(trace(program, pool)[before]).tolist())
    assert len(unmet) > 20
    climb = Climb(program, table.name, unmet, pool, generator)
    met: set[int] = set()
    for _ in range(12):
        there = climb.step(unmet - met)
        sums = trace(program, there)[before]
        assert np.isin(sums, list(unmet)).any(axis=1).all()
        met |= set(np.unique(sums).tolist()) & unmet
    assert len(met) > 0.5 * len(unmet)
    assert climb.step([]).shape == (0, program.features)


def test_mutated_inputs_stay_within_the_pool_and_differ() -> None:
    program, _, _ = with_table()
    generator = np.random.default_rng(1)
    pool = drawn(program, 40, generator)
    copies = mutated(pool, pool, generator)
    assert copies.shape == pool.shape
    assert (copies >= pool.min(axis=0)).all()
    assert (copies <= pool.max(axis=0)).all()
    assert (copies != pool).any(axis=1).mean() > 0.3
