"""A flipped bit: the fast simulation against the program with the fault, and what is proven."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Affine, Integers, Program
from aetrig.verify.faults.memory import Fault, count, draw, fault, faulty, memories
from aetrig.verify.faults.proof import Proof
from aetrig.verify.faults.simulation import Simulation
from fuzz.architectures import SMALL, architecture
from verify.programs import random_program


def inputs(program: Program, events: int, seed: int) -> Integers:
    generator = np.random.default_rng(seed)
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    return generator.integers(low, high + 1, (events, program.features))


def by_the_reference(program: Program, x: Integers, one: Fault) -> dict[str, Integers]:
    """Return where output, score and accept bits differ, from two whole evaluations."""
    good, bad = trace(program, x), trace(faulty(program, one), x)
    names = (program.operations[-1].name, SCORE, ACCEPT)
    return {n: (good[n] != bad[n]).any(axis=1) for n in names if n in good} | {
        "bits": bad.get(ACCEPT, np.zeros((len(x), 0), np.int64))
    }


@pytest.mark.parametrize("seed", range(12))
def test_simulation_equals_the_program_with_the_fault(seed: int) -> None:
    program = architecture(seed, SMALL)
    x = inputs(program, 60, seed)
    simulation, proof = Simulation(program, x), Proof(program)
    for one in draw(memories(program), 40, seed):
        changed = simulation.run(one)
        expected = by_the_reference(program, x, one)
        output = expected[program.operations[-1].name]
        np.testing.assert_array_equal(changed.rows[changed.output], np.flatnonzero(output))
        for name, found in ((SCORE, changed.score), (ACCEPT, changed.decision)):
            if name in expected:
                np.testing.assert_array_equal(changed.rows[found], np.flatnonzero(expected[name]))
        np.testing.assert_array_equal(changed.accept, expected["bits"][changed.rows])
        assert not (proof.silent(one) and changed.seen.size)


def test_what_is_proven_silent_changes_no_input_at_all() -> None:
    proofs = 0
    for seed in range(5):
        program = random_program(seed, widths=(2, 5, 2, 5, 2), bits=3)
        form = program.input_formats[0]
        x = np.array(list(itertools.product(range(form.low, form.high + 1, 11), repeat=2)))
        x = x.clip([f.low for f in program.input_formats], [f.high for f in program.input_formats])
        simulation, proof = Simulation(program, x), Proof(program)
        quiet = [one for one in draw(memories(program), None, seed) if proof.silent(one)]
        assert not any(simulation.run(one).seen.size for one in quiet)
        proofs += len(quiet)
    assert proofs > 20


def test_a_flipped_bit_is_one_bit_of_twos_complement() -> None:
    memory = memories(random_program(1))[0]
    assert (memory.kind, memory.bits, memory.signed) == ("weight", 4, True)
    assert count(memory) == memory.values.size * 4
    for number in range(count(memory)):
        one = fault(memory, number)
        old = int(memory.values[one.index])
        assert -8 <= old + one.change <= 7
        assert (old & 15) ^ ((old + one.change) & 15) == 1 << one.bit


def test_every_bit_is_drawn_once() -> None:
    program = architecture(3, SMALL)
    found = memories(program)
    every = draw(found, None, 5)
    assert len(every) == sum(map(count, found))
    assert len({(f.memory.kind, f.memory.name, f.index, f.bit) for f in every}) == len(every)
    some = draw(found, 7, 5)
    assert some == every[:7]


def test_all_weights_biases_tables_and_thresholds_are_memories() -> None:
    program = architecture(11, SMALL)
    layers = [op.name for op in program.operations if isinstance(op, Affine)]
    kinds = [(memory.kind, memory.name) for memory in memories(program)]
    assert [name for kind, name in kinds if kind == "weight"] == layers
    assert [name for kind, name in kinds if kind == "bias"] == layers
    assert kinds[-1] == ("threshold", ACCEPT)
