"""Sums without the zero weights: nothing is lost, and what is said to fit does fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from aetrig.emulator.arithmetic import Store
from aetrig.emulator.events import Term, applies, products, stores_before, twos
from aetrig.emulator.lower import Layer, lower
from emulator.corners import CORNERS
from program.strategies import programs

LEAST, MOST = -(2**15), 2**15 - 1


def ends(terms: tuple[Term, ...], half: int, before: Store) -> tuple[int, int]:
    weights = np.array([term.weights[half] for term in terms], dtype=np.int64).reshape(-1)
    products = np.outer(weights, [before.low, before.high])
    return int(products.min(axis=1).sum()), int(products.max(axis=1).sum())


def check(layer: Layer, before: Store) -> None:
    weight, bias = np.zeros_like(layer.weight), np.zeros(layer.width, np.int64)
    for number, two in enumerate(twos(layer, before)):
        for half, column in enumerate(range(2 * number, min(2 * number + 2, layer.width))):
            bias[column] = two.rest[half] + sum(chunk.start[half] for chunk in two.chunks)
            for chunk in two.chunks:
                low, high = ends(chunk.terms, half, before)
                if layer.kind == "dot8":
                    assert chunk.start[half] + low >= LEAST
                    assert chunk.start[half] + high <= MOST
                for term in chunk.terms:
                    low, high = ends((term,), half, before)
                    assert layer.kind != "dot8" or (low >= LEAST and high <= MOST)
                    for i in (0, 1):
                        if term.weights[half][i]:
                            weight[2 * term.pair + i, column] += term.weights[half][i]
        listed = [[*chunk.both, *chunk.of(0), *chunk.of(1)] for chunk in two.chunks]
        assert [sorted(id(t) for t in terms) for terms in listed] == [
            sorted(id(t) for t in chunk.terms) for chunk in two.chunks
        ]
        assert two.wide or two.rest == (0, 0)
        assert two.wide or (layer.narrow and len(two.chunks) <= 2)
    assert np.array_equal(weight, layer.weight)
    assert bias.tolist() == list(layer.bias)


@settings(max_examples=60, deadline=None)
@given(programs(bits=(1, 8), width=60, depth=3))
def test_chunks_hold_every_weight_and_fit(program: object) -> None:
    network = lower(program)
    for step, before in zip(network.layers, stores_before(network), strict=True):
        if isinstance(step, Layer) and step.kind != "wide":
            check(step, before)


def test_corners_visit_every_kind_of_sum() -> None:
    found = set()
    for corner in CORNERS.values():
        network = lower(corner)
        if not applies(network):
            found.add("none")
            continue
        for step, before in zip(network.layers, stores_before(network), strict=True):
            if not isinstance(step, Layer):
                continue
            check(step, before)
            for two in twos(step, before):
                found.add((step.kind, two.wide, min(len(two.chunks), 3)))
    assert found >= {
        "none", ("dot16", True, 1), ("dot8", False, 1), ("dot8", False, 2), ("dot8", True, 1),
        ("dot8", True, 3),
    }  # fmt: skip


def test_zero_weights_cost_nothing() -> None:
    """What is left of a pruned layer is less than half of it, in pairs."""
    network = lower(CORNERS["wide layers"])
    layer = network.layers[0]
    assert isinstance(layer, Layer)
    weight = layer.weight.copy()
    weight[: len(weight) * 3 // 4] = 0
    pruned = replace(network, layers=(replace(layer, weight=weight), *network.layers[1:]))
    assert products(pruned) < products(network) - weight.size // 2
