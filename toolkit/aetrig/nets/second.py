"""The second autoencoder of a float network, trained once the first is done."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aetrig.nets.float_net import FloatAutoencoder
from aetrig.nets.terms import Terms
from aetrig.physics.score import ScoreKind


class SecondAutoencoder(nn.Module):
    """The embedding layers of a float network, as a network of their own: the encoder is frozen.

    They are the same layers, so that training them here trains them there. The encoder is no
    submodule, and so neither a parameter nor part of the state.
    """

    def __init__(self, net: FloatAutoencoder) -> None:
        super().__init__()
        self.layer_names = net.embedding
        self._whole = (net,)  # in a tuple, torch does not register it
        for name in net.embedding:
            self.add_module(name, net.layer(name))

    def layer(self, name: str) -> nn.Linear:
        """Return an affine layer; its weight has shape (outputs, inputs)."""
        return self._whole[0].layer(name)

    def latent(self, x: Tensor) -> Tensor:
        """Return the latent numbers of ``x`` (hardware integers), shape (events, latent)."""
        return self._whole[0].latent(x)

    def score_pair(self, x: Tensor, kind: ScoreKind) -> tuple[Tensor | None, Tensor]:
        """Return (reference, output) of a score, as the whole network does."""
        return self._whole[0].score_pair(x, kind)

    def terms(self, x: Tensor, noise: torch.Generator | None = None) -> Terms:  # noqa: ARG002
        """Return the latent numbers of ``x`` (hardware integers) and their reconstruction."""
        (net,) = self._whole
        with torch.no_grad():
            latent = net.encode(net.normalise(x))
        return Terms(embedding=(latent, net.embed(latent)))
