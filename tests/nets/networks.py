"""Small networks and scalings for the tests of nets and train."""

from __future__ import annotations

import numpy as np
import torch

from aetrig.config.model import Network, Quantization
from aetrig.data.scaling import InputScaling
from aetrig.nets import QuantAutoencoder, tensor_formats


def shift_scaling(features: int, seed: int = 0) -> InputScaling:
    rng = np.random.default_rng(seed)
    offset, shift = rng.integers(-20, 100, features), rng.integers(-1, 6, features)
    return InputScaling(
        kind="shift",
        names=tuple(f"f{i}" for i in range(features)),
        offset=offset,
        shift=shift,
        center=offset.astype(np.float64),
        factor=np.ldexp(1.0, -shift),
        constant=np.zeros(features, dtype=np.bool_),
        rounding_loss=np.zeros(features),
    )


def random_exponents(
    features: int, network: Network, quant: Quantization, seed: int = 0
) -> dict[str, int]:
    """Exponents that put weights near 1 and activations near 4, moved about a little."""
    rng = np.random.default_rng(seed)
    exponents = {}
    for name, form in tensor_formats(features, network, quant).items():
        reach = 0 if name.endswith("_weight") else 2
        exponents[name] = int(reach - form.bits + 1 + rng.integers(-1, 2))
    return exponents


def random_net(features: int, network: Network, quant: Quantization, seed: int) -> QuantAutoencoder:
    torch.manual_seed(seed)
    exponents = random_exponents(features, network, quant, seed)
    return QuantAutoencoder(features, network, quant, shift_scaling(features, seed), exponents)


def events(features: int, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-512, 1024, (count, features)).astype(np.int32)
