"""Activations of hidden layers: ReLU, and those that become exact tables behind a quantizer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aetrig.config.model import ActivationName, Network

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Activation:
    """A function of one number. ``slope``: of leaky_relu below zero."""

    name: ActivationName
    slope: float

    @property
    def tabulated(self) -> bool:
        """Whether firmware looks it up; ReLU alone is arithmetic."""
        return self.name != "relu"

    @property
    def signed(self) -> bool:
        """Whether it gives negative numbers."""
        return self.name in ("leaky_relu", "tanh")

    @property
    def gain(self) -> float | None:
        """Factor of Glorot's uniform initial weights; None: torch's own.

        Sigmoid has the slope 1/4 at zero: without the factor 4 a deep network begins as, and often
        stays, a network with one latent number (Glorot and Bengio, AISTATS 2010).
        """
        return 4.0 if self.name == "sigmoid" else None

    def of(self, x: Tensor) -> Tensor:
        """Return the function of ``x``, for training."""
        match self.name:
            case "relu":
                return torch.relu(x)
            case "leaky_relu":
                return torch.nn.functional.leaky_relu(x, self.slope)
            case "tanh":
                return torch.tanh(x)
            case "sigmoid":
                return torch.sigmoid(x)

    def values(self, x: Reals) -> Reals:
        """Return the function of ``x`` in float64: what tables are made from, once."""
        match self.name:
            case "relu":
                found = np.maximum(x, 0.0)
            case "leaky_relu":
                found = np.where(x > 0, x, self.slope * x)
            case "tanh":
                found = np.tanh(x)
            case "sigmoid":
                found = 0.5 * (1.0 + np.tanh(0.5 * x))  # no overflow at large -x
        return np.asarray(found, dtype=np.float64)


def activation_of(network: Network) -> Activation:
    """Return the activation of a network's hidden layers."""
    return Activation(network.activation, network.negative_slope)
