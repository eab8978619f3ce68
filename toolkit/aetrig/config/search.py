"""What `aetrig search` may vary: ranges and choices, each of which YAML can narrow or widen."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from aetrig.config.base import Model
from aetrig.config.model import Rounding, ScoreKind


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("a range goes from low to high")
    return pair


def _different(values: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(values)) != len(values):
        raise ValueError("a choice is there twice")
    return values


Count = Annotated[int, Field(ge=1, le=4096)]
Counts = Annotated[tuple[Count, Count], AfterValidator(_ordered)]
Layers = Annotated[int, Field(ge=0, le=3)]
LayerRange = Annotated[tuple[Layers, Layers], AfterValidator(_ordered)]
Bit = Annotated[int, Field(ge=1, le=16)]
BitRange = Annotated[tuple[Bit, Bit], AfterValidator(_ordered)]
Share = Annotated[float, Field(ge=0, lt=1)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_ordered)]


class SearchSpace(Model):
    """Ranges [low, high], both included, and choices. Equal ends leave an option as it is set.

    Everything else of a run - data, scaling, activation, learning rates, clock - is the config's.
    """

    hidden_layers: LayerRange = Field(
        (1, 2), description="of the encoder, before the latent space; the decoder mirrors it"
    )
    width: Counts = Field((4, 48), description="neurons of a hidden layer")
    latent: Counts = Field((2, 8), description="latent numbers")
    weight_bits: BitRange = Field((2, 8), description="of weights, chosen for each kind of layer")
    activation_bits: BitRange = Field((3, 10), description="of outputs of hidden and latent layers")
    input_bits: BitRange = Field((4, 10), description="of the scaled inputs")
    output_bits: BitRange = Field((4, 10), description="of the network's output")
    rounding: Annotated[tuple[Rounding, ...], AfterValidator(_different)] = Field(
        ("ROUND", "FLOOR"), min_length=1, description="of layer outputs"
    )
    sparsity: Shares = Field((0.0, 0.9), description="final share of zero weights, over all layers")
    scores: Annotated[tuple[ScoreKind, ...], AfterValidator(_different)] | None = Field(
        None,
        min_length=1,
        description="default: mse and mae, or the config's own where it is another",
    )
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], AfterValidator(_different)
    ] = Field((1, 2, 3), min_length=1, description="of weights and shuffling")
