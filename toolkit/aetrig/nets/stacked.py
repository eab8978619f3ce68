"""Several networks of one architecture as one: a layer's products are computed in one call.

Small networks spend their time in calls, not in arithmetic. Each network gets the numbers that it
would get alone, bit for bit: integers are exact in any order, and a batched product of floating
point numbers is taken only for shapes in which it was found to add in the order of the single one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from aetrig.nets.fixed_point import BIAS, Quantizer
from aetrig.nets.float_net import FloatAutoencoder
from aetrig.nets.quant_net import QuantAutoencoder
from aetrig.nets.terms import Pair

Network = FloatAutoencoder | QuantAutoencoder
ENOUGH, TRIES = 5_000, 100  # numbers compared before two products count as the same; at most


class _Layer(Protocol):
    """A layer of all networks. ``y``: its accumulators, shape (networks, events, outputs)."""

    def kernel(self, weights: Tensor) -> Tensor:
        """Return what events are multiplied with, (networks, outputs, inputs)."""

    def offset(self, biases: Tensor) -> Tensor:
        """Return what is added, (networks, outputs)."""

    def output(self, y: Tensor) -> Tensor:
        """Return the layer's output."""

    def masked(self, gradient: Tensor, y: Tensor) -> Tensor:
        """Return the gradient at ``y`` from that at the output."""

    def scaled(self, weights: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradients in the units of the parameters."""


@dataclass(frozen=True)
class _Float:
    relu: bool

    def kernel(self, weights: Tensor) -> Tensor:
        return weights

    def offset(self, biases: Tensor) -> Tensor:
        return biases

    def output(self, y: Tensor) -> Tensor:
        return torch.relu(y) if self.relu else y

    def masked(self, gradient: Tensor, y: Tensor) -> Tensor:
        # torch's own derivative of relu
        return torch.ops.aten.threshold_backward(gradient, y, 0) if self.relu else gradient

    def scaled(self, weights: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        return weights, biases


@dataclass(frozen=True)
class _Quantized:
    """As `fixed_point.Affine`; powers of two, shape (networks, 1, 1), of each network's scales."""

    weight: Quantizer
    behind: Quantizer
    weight_step: Tensor
    input_step: Tensor
    output_step: Tensor

    @cached_property
    def _accumulator(self) -> Tensor:
        return self.weight_step * self.input_step

    @cached_property
    def _unit(self) -> Tensor:
        return self._accumulator / self.output_step

    @cached_property
    def _weight_unit(self) -> Tensor:
        return self.input_step / self.output_step

    def kernel(self, weights: Tensor) -> Tensor:
        return self.weight.integers(weights / self.weight_step).mul_(self._unit)

    def offset(self, biases: Tensor) -> Tensor:
        steps = (biases / self._accumulator[:, 0]).round_().clamp_(-BIAS, BIAS - 1)
        return steps.mul_(self._unit[:, 0])

    def output(self, y: Tensor) -> Tensor:
        return self.behind.integers(y)

    def masked(self, gradient: Tensor, y: Tensor) -> Tensor:
        return self.behind.gradient(gradient, y)

    def scaled(self, weights: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        return weights.mul_(self._weight_unit), biases.div_(self.output_step[:, 0])


class Stacked:
    """Networks of one architecture, each of which keeps its parameters and its scaling."""

    def __init__(self, nets: Sequence[Network]) -> None:
        self._nets = nets
        self._names = nets[0].layer_names
        self._layers = {name: _layer(nets, name) for name in self._names}

    def pairs(self, x: Sequence[Tensor]) -> list[Pair]:
        """Return each network's target and reconstruction of its own hardware integers.

        ``x``: a tensor a network, all of one shape (events, features).
        """
        if len(x[0]) == 1:  # for one event of one number torch turns the gradient's product around
            return [net.compare(part) for net, part in zip(self._nets, x, strict=True)]
        begun = [_begun(net, part) for net, part in zip(self._nets, x, strict=True)]
        value = torch.stack([first for first, _ in begun])
        for name in self._names:
            layers = [net.layer(name) for net in self._nets]
            parameters = [*(one.weight for one in layers), *(one.bias for one in layers)]
            value = _Product.apply(value, self._layers[name], *parameters)  # type: ignore[no-untyped-call]
        outputs = (_ended(net, part) for net, part in zip(self._nets, value.unbind(), strict=True))
        return [(target, output) for (_, target), output in zip(begun, outputs, strict=True)]


def stackable(nets: Sequence[object]) -> bool:
    """Say whether networks can be stacked: chains of affine layers with ReLU, all alike."""
    found = {_architecture(net) for net in nets}
    return len(nets) > 1 and len(found) == 1 and None not in found


def _architecture(net: object) -> object:
    """Return what networks have to share, or None where there is more than affine and ReLU."""
    if not isinstance(net, FloatAutoencoder | QuantAutoencoder) or not net.plain:
        return None
    shapes = tuple((name, *net.layer(name).weight.shape) for name in net.layer_names)
    formats = tuple(net.formats.items()) if isinstance(net, QuantAutoencoder) else ()
    return type(net), shapes, formats


def _layer(nets: Sequence[Network], name: str) -> _Layer:
    first = nets[0]
    if isinstance(first, FloatAutoencoder):
        return _Float(first.rectified(name))
    names = first.layer_names
    place = names.index(name)
    before = "input_quant" if place == 0 else f"{names[place - 1]}_quant"
    return _Quantized(
        first.quantizers[f"{name}_weight"],
        first.quantizers[f"{name}_quant"],
        *(_steps(nets, tensor) for tensor in (f"{name}_weight", before, f"{name}_quant")),
    )


def _steps(nets: Sequence[Network], tensor: str) -> Tensor:
    """Return each network's scale of a tensor, shape (networks, 1, 1)."""
    weight = nets[0].layer(nets[0].layer_names[0]).weight
    scales = [2.0 ** cast("QuantAutoencoder", net).exponents[tensor] for net in nets]
    return torch.tensor(scales, dtype=weight.dtype, device=weight.device)[:, None, None]


def _begun(net: Network, x: Tensor) -> Pair:
    """Return what the first layer gets and what the output is compared with."""
    if isinstance(net, FloatAutoencoder):
        normalised = net.normalise(x)
        return normalised, normalised
    steps = net.quantize_input(x)
    return steps.integers, steps.value


def _ended(net: Network, output: Tensor) -> Tensor:
    if isinstance(net, FloatAutoencoder):
        return output
    return output * 2.0 ** net.exponents[f"{net.layer_names[-1]}_quant"]


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: _Layer, *parameters: Tensor) -> Tensor:
        count = len(parameters) // 2
        kernel = layer.kernel(torch.stack(parameters[:count]))
        offset = layer.offset(torch.stack(parameters[count:]))
        ctx.exact = _exact(*x.shape, kernel.shape[1], x.dtype, x.device)
        y = _affine(offset, x, kernel.transpose(1, 2), together=ctx.exact[0])
        ctx.save_for_backward(x, kernel, y)
        ctx.layer = layer
        return layer.output(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, kernel, y = ctx.saved_tensors
        inside = ctx.layer.masked(gradients[0], y)
        _, second, third = ctx.exact
        weights = _product(inside.transpose(1, 2), x, together=second)
        weights, biases = ctx.layer.scaled(weights, inside.sum(1))
        wanted = ctx.needs_input_grad[0]
        before = _product(inside, kernel, together=third) if wanted else None
        return before, None, *weights.unbind(), *biases.unbind()


def _affine(offset: Tensor, x: Tensor, kernel: Tensor, *, together: bool) -> Tensor:
    if together:
        return torch.baddbmm(offset[:, None], x, kernel)
    return torch.stack([torch.addmm(*_own(one)) for one in zip(offset, x, kernel, strict=True)])


def _product(a: Tensor, b: Tensor, *, together: bool) -> Tensor:
    if together:
        return torch.bmm(a, b)
    return torch.stack([torch.mm(*_own(pair)) for pair in zip(a, b, strict=True)])


def _own(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return copies at addresses of their own: how a product adds may depend on alignment."""
    return [part.clone() for part in parts]


@cache
def _exact(
    networks: int, events: int, inputs: int, outputs: int, dtype: torch.dtype, device: torch.device
) -> tuple[bool, bool, bool]:
    """Say which batched products of a layer equal the single ones: forward, weights, inputs.

    Tried with random numbers: a product that adds in another order differs somewhere among enough.
    """
    generator = torch.Generator(device).manual_seed(1)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(networks, *shape, generator=generator, dtype=dtype, device=device)

    equal = [True, True, True]
    smallest = networks * min(events * outputs, inputs * outputs, events * inputs)
    for _ in range(min(-(-ENOUGH // smallest), TRIES)):
        x, kernel, gradient = drawn(events, inputs), drawn(outputs, inputs), drawn(events, outputs)
        offset, flipped, turned = drawn(outputs), kernel.transpose(1, 2), gradient.transpose(1, 2)
        calls: list[Callable[[bool], Tensor]] = [
            lambda way: _affine(offset, x, flipped, together=way),  # noqa: B023 - called at once
            lambda way: _product(turned, x, together=way),  # noqa: B023
            lambda way: _product(gradient, kernel, together=way),  # noqa: B023
        ]
        pairs = zip(equal, calls, strict=True)
        equal = [so_far and torch.equal(call(True), call(False)) for so_far, call in pairs]
    forward, weights, before = equal
    return forward, weights, before
