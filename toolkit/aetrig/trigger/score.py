"""Which cut of a network a score needs, and the score as an operation on its integers."""

from __future__ import annotations

from dataclasses import replace

from aetrig.config.model import RunConfig
from aetrig.errors import UserError
from aetrig.program.model import Program, Quantize, Score, Trigger


def scored(network: Program, config: RunConfig) -> Program:
    """Return the network, cut behind its latent means for that score, with the score behind it.

    It has no working point yet. Raises UserError where the network has no such quantizer.
    """
    latent = f"encoder_{len(config.net.encoder) - 1}_quant"
    match config.trigger.score:
        case "mse":
            score, cut = Score("square", network.input_quantizer.name), network
        case "mae":
            score, cut = Score("absolute", network.input_quantizer.name), network
        case "latent":
            score, cut = Score("square", None), _cut(network, latent)
        case "embedding":
            _position(network, latent)
            score, cut = Score("square", latent), network
    return replace(cut, trigger=Trigger(score, (), network.digest))


def _cut(network: Program, last: str) -> Program:
    return replace(network, operations=network.operations[: _position(network, last) + 1])


def _position(network: Program, name: str) -> int:
    for index, op in enumerate(network.operations):
        if isinstance(op, Quantize) and op.name == name:
            return index
    quantizers = [op.name for op in network.operations if isinstance(op, Quantize)]
    raise UserError(f"the network has no quantizer '{name}' for the score: {', '.join(quantizers)}")
