"""The autoencoder in floating point: what the quantized network starts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from aetrig.config.model import Network
from aetrig.data.scaling import InputScaling
from aetrig.nets.formats import layer_widths, linear_layers
from aetrig.physics.score import ScoreKind


class FloatAutoencoder(nn.Module):
    """Fully-connected autoencoder on hardware integers: normalise, encode, decode.

    ReLU follows every layer but the latent one and the last. The affine layers are submodules
    named as in `Network.layer_names`.
    """

    center: Tensor
    factor: Tensor

    def __init__(self, features: int, network: Network, scaling: InputScaling) -> None:
        super().__init__()
        self.layer_names = network.layer_names()
        self._encoder = self.layer_names[: len(network.encoder)]
        self._linear = linear_layers(network)
        # float64: float32 would round the centre of a standard scaling before the subtraction
        self.register_buffer("center", torch.tensor(scaling.center, dtype=torch.float64))
        self.register_buffer("factor", torch.tensor(scaling.factor, dtype=torch.float64))
        for name, (inputs, outputs) in layer_widths(features, network).items():
            self.add_module(name, nn.Linear(inputs, outputs))

    def layer(self, name: str) -> nn.Linear:
        """Return an affine layer; its weight has shape (outputs, inputs)."""
        return cast("nn.Linear", self.get_submodule(name))

    def normalise(self, x: Tensor) -> Tensor:
        """Return (x - center) * factor in the weights' type; ``x``: (events, features) integers."""
        weight = self.layer(self.layer_names[0]).weight
        return ((x - self.center) * self.factor).to(weight.dtype)

    def reconstruct(self, normalised: Tensor) -> Tensor:
        """Return the reconstruction of normalised events, shape (events, features)."""
        return self._through(self.layer_names, normalised)

    def encode(self, normalised: Tensor) -> Tensor:
        """Return the latent numbers of normalised events, shape (events, latent)."""
        return self._through(self._encoder, normalised)

    def _through(self, names: Sequence[str], value: Tensor) -> Tensor:
        for name in names:
            value = self.layer(name)(value)
            if name not in self._linear:
                value = torch.relu(value)
        return value

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstruction of ``x`` (hardware integers) in normalised units."""
        return self.reconstruct(self.normalise(x))

    def compare(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (target, output) of the loss: the normalised input and its reconstruction."""
        normalised = self.normalise(x)
        return normalised, self.reconstruct(normalised)

    def score_pair(self, x: Tensor, kind: ScoreKind) -> tuple[Tensor | None, Tensor]:
        """Return (reference, output) of a score; the reference of latent means is zero: None."""
        if kind == "latent":
            return None, self.encode(self.normalise(x))
        return self.compare(x)
