"""An activation as a table over the integers of the quantizer before it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from aetrig.nets.activations import Activation
from aetrig.nets.formats import TensorFormat


class Table(nn.Module):
    """Look up ``activation`` of a quantized number; a straight-through gradient in training.

    The entries are computed once, in float64, rounded to the result's grid, and from then on part
    of the network's state: no later stage calls a mathematics library. ``before``, ``after``: the
    formats of input and result, with their exponents.
    """

    values: Tensor

    def __init__(
        self,
        activation: Activation,
        before: tuple[TensorFormat, int],
        after: tuple[TensorFormat, int],
    ) -> None:
        super().__init__()
        form, exponent = before
        result, step = after
        self._activation, self._low, self._scale = activation, form.low, 2.0**-exponent
        exact = activation.values(np.ldexp(np.arange(form.low, form.high + 1.0), exponent))
        steps = np.rint(np.ldexp(exact, -step)).clip(result.low, result.high)
        entries = np.ldexp(steps, step).astype(np.float32)
        self.register_buffer("values", torch.from_numpy(entries))

    def forward(self, x: Tensor) -> Tensor:
        """Return the entries of ``x``, multiples of the input's scale within its range."""
        index = (x.detach() * self._scale - self._low).to(torch.int64)
        if not self.training:
            return self.values[index]
        smooth = self._activation.of(x)
        # off the grid by a rounding of float32 at most: the quantizer behind it takes that away
        return smooth + (self.values[index] - smooth).detach()
