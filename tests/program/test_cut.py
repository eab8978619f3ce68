"""Encoder and decoder, one behind the other, are the network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aetrig.errors import UserError
from aetrig.program import Program, evaluate
from aetrig.program.cut import decoder, encoder, latent
from fuzz.architectures import SMALL, architecture
from program.strategies import vectors


def autoencoders(count: int) -> list[Program]:
    """The first random networks that lead through fewer numbers back to as many."""
    found: list[Program] = []
    for seed in range(1000):
        program = dataclasses.replace(architecture(seed, SMALL), trigger=None)
        try:
            decoder(program)
        except UserError:
            continue
        found.append(program)
        if len(found) == count:
            return found
    raise AssertionError(f"{len(found)} found")


def test_two_halves_are_the_whole() -> None:
    kinds = set()
    for program in autoencoders(25):
        first, second = encoder(program), decoder(program)
        x = vectors(program, 40)
        codes = evaluate(first, x)
        assert first.outputs < program.features
        assert first.output_format == latent(program).format
        np.testing.assert_array_equal(evaluate(second, codes), evaluate(program, x))
        kinds |= {type(op).__name__ for op in second.operations}
    assert {"Table", "Relu", "Affine", "Quantize"} <= kinds


def test_an_encoder_alone_is_refused() -> None:
    half = encoder(autoencoders(1)[0])
    with pytest.raises(UserError, match="no autoencoder with a latent space"):
        decoder(half)
