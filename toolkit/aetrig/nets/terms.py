"""What a network gives a loss to work on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Pair = tuple[Tensor, Tensor]  # (target, output), each (events, width)


@dataclass(frozen=True)
class Terms:
    """The terms of a loss for some events.

    ``reconstruction``: input and output of the autoencoder; ``embedding``: latent numbers and their
    reconstruction by the second autoencoder, cut off from the first; ``divergence``: KL of each
    event, shape (events,). None where the network has no such part, or does not train it now.
    """

    reconstruction: Pair | None = None
    embedding: Pair | None = None
    divergence: Tensor | None = None
