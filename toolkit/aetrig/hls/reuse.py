"""Reuse factors by layer: how many multiplications share one multiplier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from aetrig.config.model import Hls
from aetrig.hls.precision import Layer


def reuse_factors(lowered: Sequence[Layer], options: Hls) -> dict[str, int]:
    """Return each layer's reuse factor: the one asked for, or in resource the nearest valid one.

    hls4ml would take the nearest one too, but without saying so; of two equally near ones both
    take the smaller, which is faster.
    """
    found = {layer.name: options.reuse_factor for layer in lowered}
    if options.strategy != "resource":
        return found
    for before, layer in pairwise(lowered):
        if layer.kind == "dense":
            valid = valid_reuse_factors(before.width, layer.width)
            found[layer.name] = min(valid, key=lambda item: abs(item - options.reuse_factor))
    return found


def valid_reuse_factors(inputs: int, outputs: int) -> list[int]:
    """Return the reuse factors that hls4ml's resource strategy takes for a layer, rising.

    They divide inputs * outputs, and are multiples of the inputs or leave whole outputs to each
    multiplier (hls4ml, ``FPGABackend._validate_reuse_factor``).
    """
    products = inputs * outputs
    return [
        factor
        for factor in range(1, products + 1)
        if products % factor == 0
        and (factor % inputs == 0 if factor >= inputs else (products // factor) % outputs == 0)
    ]
