"""Inputs that drive a deep quantizer into saturation, found by mutation and selection.

Random inputs rarely saturate the last layers of an autoencoder: the latent space leaves them few
directions. Where chance fails, the inputs with the largest accumulators are recombined, changed in
a few features, and selected again.
"""

from __future__ import annotations

import numpy as np

from aetrig.program.evaluate import trace
from aetrig.program.model import Integers, Program, Quantize

ROUNDS = 30
PARENTS = 4  # inputs kept for each element of the accumulator
CHILDREN = 1000
CHANGED = 0.15  # share of features that a child does not have from its parents


def climb(
    program: Program,
    quantizer: str,
    direction: int,
    pool: Integers,
    generator: np.random.Generator,
) -> Integers:
    """Return inputs whose accumulators before a quantizer are extreme.

    ``direction``: 1 for large values, -1 for small ones; ``pool``: hardware integers to begin with,
    shape (events, features), from which single features are taken, so that children stay in range.
    The result holds a few inputs for each element of the accumulator.
    """
    parents = _fittest(program, quantizer, direction, pool)
    for _ in range(ROUNDS):
        drawn = generator.integers(0, parents.shape[0], (2, CHILDREN))
        shape = (CHILDREN, pool.shape[1])
        children = np.where(generator.random(shape) < 0.5, parents[drawn[0]], parents[drawn[1]])
        rows = generator.integers(0, pool.shape[0], shape)
        fresh = np.take_along_axis(pool, rows, axis=0)
        children = np.where(generator.random(shape) < CHANGED, fresh, children)
        parents = _fittest(program, quantizer, direction, np.concatenate((parents, children)))
    return parents


def _fittest(program: Program, quantizer: str, direction: int, x: Integers) -> Integers:
    values = direction * _accumulators(program, quantizer, x)
    best = np.argsort(-values, axis=0, kind="stable")[:PARENTS]
    return np.asarray(x[np.unique(best)])


def _accumulators(program: Program, quantizer: str, x: Integers) -> Integers:
    """Return the integers that a quantizer takes."""
    before = x
    for op, values in zip(program.operations, trace(program, x).values(), strict=True):
        if isinstance(op, Quantize) and op.name == quantizer:
            return before
        before = values
    raise ValueError(f"the program has no quantizer '{quantizer}'")
