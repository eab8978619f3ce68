"""The integers inside a quantized network, as the bit-for-bit comparisons need them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from aetrig.errors import CheckFailedError
from aetrig.nets.quant_net import QuantAutoencoder

Integers = npt.NDArray[np.int64]
CHUNK = 65536  # events at a time, to bound memory on samples of millions


def trace_integers(net: QuantAutoencoder, x: npt.NDArray[Any]) -> dict[str, Integers]:
    """Return the integers behind every `*_quant` operation, by name, shape (events, width).

    ``x``: hardware integers, shape (events, features). Evaluated in float64, which is exact while
    accumulators stay below 53 bits (float32 only below 24); the net is left as it is. Raises
    CheckFailedError where a value is not a multiple of its scale or lies outside its range.
    """
    double = copy.deepcopy(net).cpu().double().eval()
    names = [name for name in net.formats if name.endswith("_quant")]
    parts: dict[str, list[Integers]] = {name: [] for name in names}

    def keep(name: str) -> Any:
        def hook(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            value = getattr(output, "value", output)
            parts[name].append(_integers(net, name, value.numpy()))

        return hook

    for name in names:
        double.get_submodule(name).register_forward_hook(keep(name))
    with torch.no_grad():
        for start in range(0, len(x), CHUNK):
            double(torch.from_numpy(x[start : start + CHUNK].astype(np.float64)))
    return {name: _joined(found) for name, found in parts.items()}


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.int64)


def _integers(net: QuantAutoencoder, name: str, values: npt.NDArray[np.float64]) -> Integers:
    scaled = np.ldexp(values, -net.exponents[name])
    form = net.formats[name]
    wrong = (scaled != np.rint(scaled)) | (scaled < form.low) | (scaled > form.high)
    if wrong.any():
        event, element = np.argwhere(wrong)[0]
        raise CheckFailedError(
            f"'{name}' event {event} element {element} is {scaled[event, element]!r} steps of its "
            f"scale; an integer from {form.low} to {form.high} is expected"
        )
    return scaled.astype(np.int64)
