"""Brevitas' fixed-point layers as the few operations that they are, for training.

With constant power-of-two scales, a layer and its quantizer are one matrix product, one rounding
and one clamp on integers, and backwards two products and a mask. Scaling by a power of two is exact
in floating point, so values, gradients and trained weights equal those of Brevitas' own modules bit
for bit; what falls away are its some hundred calls a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from aetrig.nets.formats import TensorFormat

BIAS = 2**31  # biases have 32 bits
# grad where low < x < high, else 0; one call, where masks by comparison are five
_masked: Any = torch.ops.aten.hardtanh_backward.default


@dataclass(frozen=True)
class Steps:
    """A quantized tensor: ``integers`` (events, width), as floats, times 2**``exponent``."""

    integers: Tensor
    exponent: int

    @property
    def value(self) -> Tensor:
        """Return the numbers that the integers stand for."""
        return self.integers * 2.0**self.exponent

    def detach(self) -> Steps:
        """Return the same, cut off from the gradient."""
        return Steps(self.integers.detach(), self.exponent)


@dataclass(frozen=True)
class Quantizer:
    """From numbers in units of 2**``exponent`` to integers of a format. ``relu``: zero below 0."""

    form: TensorFormat
    exponent: int
    relu: bool = False

    def integers(self, x: Tensor) -> Tensor:
        """Return the integers of ``x``, numbers in units of the quantizer's step."""
        rounded = torch.floor(x) if self.form.rounding == "FLOOR" else torch.round(x)
        return rounded.clamp_(self.form.low, self.form.high)

    def gradient(self, gradient: Tensor, x: Tensor) -> Tensor:
        """Return ``gradient`` where ``x`` is rounded into the range, else 0."""
        low, high = self._single if x.dtype == torch.float32 else self._double
        return cast("Tensor", _masked(gradient, x, low, high))

    @cached_property
    def _single(self) -> tuple[float, float]:
        return self._limits(np.float32)

    @cached_property
    def _double(self) -> tuple[float, float]:
        return self._limits(np.float64)

    def _limits(self, kind: type[np.floating[Any]]) -> tuple[float, float]:
        """Return the greatest number below, and the least above, all that end within the range."""
        low, high = self.form.low, self.form.high
        if self.form.rounding == "FLOOR":
            bottom, top = np.nextafter(kind(low), kind(-np.inf)), kind(high + 1)
        else:  # half to even: the tie beside an even limit ends within
            bottom, top = kind(low - 0.5), kind(high + 0.5)
            bottom = bottom if low % 2 else np.nextafter(bottom, kind(-np.inf))
            top = top if high % 2 else np.nextafter(top, kind(np.inf))
        return 0.0 if self.relu else float(bottom), float(top)

    def of(self, x: Tensor) -> Steps:
        """Return ``x``, real numbers (events, width), quantized."""
        integers = _Quantize.apply(x, self)  # type: ignore[no-untyped-call]
        return Steps(integers, self.exponent)


@dataclass(frozen=True)
class Affine:
    """A linear layer with quantized weight and the quantizer behind it."""

    weight: Quantizer
    behind: Quantizer

    def of(self, x: Steps, layer: nn.Linear) -> Steps:
        """Return the quantized output of ``x`` through ``layer``, a Brevitas QuantLinear."""
        integers = _Affine.apply(x.integers, layer.weight, layer.bias, x.exponent, self)  # type: ignore[no-untyped-call]
        return Steps(integers, self.behind.exponent)


class _Quantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, quantizer: Quantizer) -> Tensor:
        scaled = x * 2.0**-quantizer.exponent
        ctx.save_for_backward(scaled)
        ctx.quantizer = quantizer
        return quantizer.integers(scaled)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (scaled,) = ctx.saved_tensors
        inside = ctx.quantizer.gradient(gradients[0], scaled)
        return inside * 2.0**-ctx.quantizer.exponent, None


class _Affine(torch.autograd.Function):
    # All in units of the output's step, so that its quantizer has nothing to scale.

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, exponent: int, affine: Affine
    ) -> Tensor:
        accumulator = affine.weight.exponent + exponent
        unit = 2.0 ** (accumulator - affine.behind.exponent)
        kernel = affine.weight.integers(weight * 2.0**-affine.weight.exponent).mul_(unit)
        offset = (bias * 2.0**-accumulator).round_().clamp_(-BIAS, BIAS - 1).mul_(unit)
        y = torch.addmm(offset, x, kernel.t())
        ctx.save_for_backward(x, kernel, y)
        ctx.exponent, ctx.affine = exponent, affine
        return affine.behind.integers(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, kernel, y = ctx.saved_tensors
        behind: Quantizer = ctx.affine.behind
        inside = behind.gradient(gradients[0], y)
        # weights and biases that were clipped keep their gradient, so that they can return
        weight = inside.t().mm(x).mul_(2.0 ** (ctx.exponent - behind.exponent))
        bias = inside.sum(0).mul_(2.0**-behind.exponent)
        before = inside.mm(kernel) if ctx.needs_input_grad[0] else None
        return before, weight, bias, None, None
