"""The loss: mean squares of one or two reconstructions, and the KL term of a variational network.

    loss = mse + embedding mse + kl_weight * KL

Squares are averaged over events and elements; KL to N(0, 1) is summed over the latent space and
averaged over events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from aetrig.nets.terms import Pair, Terms
from aetrig.physics.score import ScoreKind

EVALUATION_BATCH = 16384


class Autoencoder(Protocol):
    """What training needs of a network, beside being a torch Module."""

    layer_names: tuple[str, ...]

    def terms(self, x: Tensor, noise: torch.Generator | None = None) -> Terms:
        """Return the loss's terms for hardware integers (events, features)."""

    def layer(self, name: str) -> nn.Linear:
        """Return an affine layer."""

    def latent(self, x: Tensor) -> Tensor:
        """Return the latent numbers (events, latent) of hardware integers."""

    def score_pair(self, x: Tensor, kind: ScoreKind) -> tuple[Tensor | None, Tensor]:
        """Return (reference, output) of a score."""


@dataclass(frozen=True)
class Measured:
    """Terms of the loss over a sample, from latent means; None for those a network has not."""

    reconstruction: float | None
    embedding: float | None
    divergence: float | None

    def total(self, kl_weight: float) -> float:
        """Return the loss."""
        squares = (self.reconstruction or 0.0) + (self.embedding or 0.0)
        return squares + kl_weight * (self.divergence or 0.0)


def loss(terms: Terms, kl_weight: float) -> Tensor:
    """Return the loss of a batch, a scalar that can be differentiated."""
    pairs = [pair for pair in (terms.reconstruction, terms.embedding) if pair is not None]
    parts = [mse_loss(output, target) for target, output in pairs]
    if terms.divergence is not None:
        parts.append(kl_weight * terms.divergence.mean())
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum()


@torch.no_grad()
def measure(net: Autoencoder, x: Tensor) -> Measured:
    """Return the loss's terms over events, without noise; sums are kept in float64."""
    module(net).eval()
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for part in torch.split(x, EVALUATION_BATCH):
        for name, values in _values(net.terms(part)).items():
            sums[name] = values.sum() + sums.get(name, 0.0)
            counts[name] = values.numel() + counts.get(name, 0)
    found = {name: float(value) / counts[name] for name, value in sums.items()}
    return Measured(found.get("reconstruction"), found.get("embedding"), found.get("divergence"))


def evaluate(net: Autoencoder, x: Tensor, kl_weight: float = 0.0) -> float:
    """Return the loss over events, without noise."""
    return measure(net, x).total(kl_weight)


def module(net: Autoencoder) -> nn.Module:
    """Return the network as the torch Module that it is."""
    if not isinstance(net, nn.Module):
        msg = f"{type(net).__name__} is no torch Module"
        raise TypeError(msg)
    return net


def _values(terms: Terms) -> dict[str, Tensor]:
    """Return the numbers in float64 whose mean each term is."""
    found = {}
    if terms.reconstruction is not None:
        found["reconstruction"] = _squares(terms.reconstruction)
    if terms.embedding is not None:
        found["embedding"] = _squares(terms.embedding)
    if terms.divergence is not None:
        found["divergence"] = terms.divergence.double()
    return found


def _squares(pair: Pair) -> Tensor:
    target, output = pair
    return (output - target).double().square()
