"""The autoencoder in floating point: what the quantized network starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from aetrig.config.model import Network
from aetrig.data.scaling import InputScaling
from aetrig.nets.activations import activation_of
from aetrig.nets.formats import layer_widths, linear_layers, residual_layers
from aetrig.nets.terms import Terms
from aetrig.nets.variational import HEAD, bounded, divergence, sampled
from aetrig.physics.score import ScoreKind


def dropped(value: Tensor, share: float, noise: torch.Generator) -> Tensor:
    """Return ``value`` with a random share of it zero and the rest larger by what is missing."""
    kept = torch.rand(value.shape, generator=noise, device=value.device) >= share
    return value * kept / (1 - share)


class FloatAutoencoder(nn.Module):
    """Fully-connected autoencoder on hardware integers: normalise, encode, decode.

    The activation follows every layer but the latent one and the last. The affine layers are
    submodules named as in `Network.training_names`, batch normalization `L_norm`; a variational
    network has the head `log_variance` beside its latent layer, and a network with an embedding a
    second autoencoder behind it.
    """

    center: Tensor
    factor: Tensor

    def __init__(self, features: int, network: Network, scaling: InputScaling) -> None:
        super().__init__()
        self.layer_names = network.training_names()
        self.encoder, self.decoder = network.encoder_names, network.decoder_names
        self.embedding = network.embedding_names
        self._linear, self._activation = linear_layers(network), activation_of(network)
        # float64: float32 would round the centre of a standard scaling before the subtraction
        self.register_buffer("center", torch.tensor(scaling.center, dtype=torch.float64))
        self.register_buffer("factor", torch.tensor(scaling.factor, dtype=torch.float64))
        self._residual = residual_layers(features, network)
        widths = layer_widths(features, network)
        for name, (inputs, outputs) in widths.items():
            layer = nn.Linear(inputs, outputs)
            if self._activation.gain is not None and name not in self._linear:
                nn.init.xavier_uniform_(layer.weight, self._activation.gain)
            self.add_module(name, layer)
        if network.batch_norm:
            for name in (*self.encoder, *self.decoder):
                if name not in self._linear:
                    self.add_module(f"{name}_norm", nn.BatchNorm1d(widths[name][1]))
        self._dropout = network.dropout
        self.heads = (HEAD,) if network.variational else ()
        if network.variational:
            self.add_module(HEAD, nn.Linear(*widths[self.encoder[-1]]))

    @property
    def first_layers(self) -> tuple[str, ...]:
        """Layers that take the input: beside a latent layer that does, its head does too."""
        return (self.encoder[0], *(self.heads if len(self.encoder) == 1 else ()))

    @property
    def plain(self) -> bool:
        """Whether there is nothing but affine layers, with ReLU or without."""
        more = self.heads or self.embedding or self._residual or self._dropout
        normed = any(self.norm(name) is not None for name in self.layer_names)
        return self._activation.name == "relu" and not more and not normed

    def rectified(self, name: str) -> bool:
        """Whether the activation follows a layer."""
        return name not in self._linear

    def layer(self, name: str) -> nn.Linear:
        """Return an affine layer; its weight has shape (outputs, inputs)."""
        return cast("nn.Linear", self.get_submodule(name))

    def norm(self, name: str) -> nn.BatchNorm1d | None:
        """Return the batch normalization behind an affine layer."""
        return cast("nn.BatchNorm1d | None", getattr(self, f"{name}_norm", None))

    def normalise(self, x: Tensor) -> Tensor:
        """Return (x - center) * factor in the weights' type; ``x``: (events, features) integers."""
        weight = self.layer(self.layer_names[0]).weight
        return ((x - self.center) * self.factor).to(weight.dtype)

    def reconstruct(self, normalised: Tensor) -> Tensor:
        """Return the reconstruction of normalised events, shape (events, features)."""
        return self._through(self.decoder, self.encode(normalised))

    def encode(self, normalised: Tensor) -> Tensor:
        """Return the latent numbers of normalised events, shape (events, latent)."""
        return self._through(self.encoder, normalised)

    def embed(self, latent: Tensor) -> Tensor:
        """Return the second autoencoder's reconstruction of latent numbers (events, latent)."""
        return self._through(self.embedding, latent)

    def _through(
        self, names: Sequence[str], value: Tensor, noise: torch.Generator | None = None
    ) -> Tensor:
        for name in names:
            before, value = value, self.layer(name)(value)
            if name in self._linear:
                continue
            norm = self.norm(name)
            value = self._activation.of(value if norm is None else norm(value))
            if noise is not None and self._dropout > 0:
                value = dropped(value, self._dropout, noise)
            if name in self._residual:
                value = value + before
        return value

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of ``x`` (hardware integers) in normalised units."""
        return self.reconstruct(self.normalise(x))

    def compare(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised input and its reconstruction, from the latent means."""
        normalised = self.normalise(x)
        return normalised, self.reconstruct(normalised)

    def terms(self, x: Tensor, noise: torch.Generator | None = None) -> Terms:
        """Return the loss's terms; without ``noise`` nothing is dropped or drawn.

        The second autoencoder is none of them: it trains afterwards, see `SecondAutoencoder`.
        """
        normalised = self.normalise(x)
        hidden = self._through(self.encoder[:-1], normalised, noise)
        mean = self._through(self.encoder[-1:], hidden)
        if not self.heads:
            return Terms((normalised, self._through(self.decoder, mean, noise)))
        log_variance = bounded(self.layer(HEAD)(hidden))
        latent = mean if noise is None else sampled(mean, log_variance, noise)
        output = self._through(self.decoder, latent, noise)
        return Terms((normalised, output), divergence=divergence(mean, log_variance))

    def latent(self, x: Tensor) -> Tensor:
        """Return the latent numbers of ``x`` (hardware integers), shape (events, latent)."""
        return self.encode(self.normalise(x))

    def score_pair(self, x: Tensor, kind: ScoreKind) -> tuple[Tensor | None, Tensor]:
        """Return (reference, output) of a score; the reference of latent means is zero: None."""
        if kind == "latent":
            return None, self.latent(x)
        if kind == "embedding":
            latent = self.latent(x)
            return latent, self.embed(latent)
        return self.compare(x)
