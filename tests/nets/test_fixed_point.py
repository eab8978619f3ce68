"""Training's integer arithmetic against Brevitas' own modules: equal in every bit."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import mse_loss

from aetrig.config.model import Network, Quantization
from aetrig.nets import QuantAutoencoder, TensorFormat
from aetrig.nets.fixed_point import Quantizer, Steps
from nets.networks import events, random_net

KINDS = {
    "plain": Network(encoder=(9, 6, 3)),
    "leaky": Network(encoder=(9, 3), activation="leaky_relu"),
    "tanh": Network(encoder=(9, 9, 3), activation="tanh", residual=True),
    "sigmoid": Network(encoder=(9, 3), activation="sigmoid"),
    "residual": Network(encoder=(9, 9, 3), residual=True),
    "variational": Network(encoder=(9, 3), variational=True),
    "embedding": Network(encoder=(9, 4), embedding=(2,)),
}


def pair(net: QuantAutoencoder, kind: str, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the deployed output through Brevitas' modules and through integers."""
    if kind == "embedding":
        return net(x), net.score_pair(x, "embedding")[1]
    return net(x), net.compare(x)[1]


def gradients(net: QuantAutoencoder, output: torch.Tensor) -> list[torch.Tensor | None]:
    net.zero_grad()
    mse_loss(output, torch.linspace(-1, 1, output.numel()).reshape(output.shape)).backward()
    return [parameter.grad for parameter in net.parameters()]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(
    quant=st.builds(
        Quantization,
        weight_bits=st.integers(1, 10),
        activation_bits=st.integers(1, 10),
        input_bits=st.integers(2, 12),
        output_bits=st.integers(2, 12),
        preactivation_bits=st.integers(3, 10),
        rounding=st.sampled_from(["ROUND", "FLOOR"]),
        input_rounding=st.sampled_from(["ROUND", "FLOOR"]),
    ),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_are_those_of_brevitas(
    kind: str, quant: Quantization, seed: int
) -> None:
    net = random_net(5, KINDS[kind], quant, seed).train()
    x = torch.from_numpy(events(5, 64, seed).astype(np.float32))
    slow, fast = pair(net, kind, x)
    assert torch.equal(slow, fast)
    expected, found = gradients(net, slow), gradients(net, fast)
    for left, right in zip(expected, found, strict=True):
        assert (left is None) == (right is None)
        assert left is None or right is None or torch.equal(left, right)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_flow(kind: str) -> None:  # so that the comparison above compares something
    net = random_net(5, KINDS[kind], Quantization(), 3).train()
    x = torch.from_numpy(events(5, 64).astype(np.float32))
    found = gradients(net, pair(net, kind, x)[1])
    assert sum(int((gradient != 0).sum()) for gradient in found if gradient is not None) > 50


def test_training_ends_with_the_weights_of_a_brevitas_loop() -> None:
    fast = random_net(5, KINDS["plain"], Quantization(weight_bits=4), 1).train()
    slow = copy.deepcopy(fast)
    x = torch.from_numpy(events(5, 640).astype(np.float32))
    target = slow.input_quant(slow.input_scale(x)).value
    ours, theirs = (torch.optim.Adam(net.parameters(), lr=0.01) for net in (fast, slow))
    before = copy.deepcopy(fast.state_dict())
    for rows in torch.split(torch.arange(640).repeat(3), 64):
        ours.zero_grad()
        mse_loss(*reversed(fast.compare(x[rows]))).backward()
        ours.step()
        theirs.zero_grad()
        mse_loss(slow(x[rows]), target[rows]).backward()
        theirs.step()
    for name, value in slow.state_dict().items():
        assert torch.equal(fast.state_dict()[name], value), name
    assert any((before[name] != value).any() for name, value in fast.state_dict().items())


@given(
    form=st.builds(
        TensorFormat,
        bits=st.integers(1, 8),
        signed=st.booleans(),
        narrow=st.just(False),
        rounding=st.sampled_from(["ROUND", "FLOOR"]),
    ),
    relu=st.booleans(),
    double=st.booleans(),
)
def test_the_gradient_passes_where_rounding_ends_within_the_range(
    form: TensorFormat, *, relu: bool, double: bool
) -> None:
    kind = torch.float64 if double else torch.float32
    limits = torch.tensor([form.low - 0.5, form.low, form.high, form.high + 0.5, form.high + 1, 0])
    limits = limits.to(kind)
    infinity = torch.tensor(torch.inf, dtype=kind)
    x = torch.cat([limits, limits.nextafter(infinity), limits.nextafter(-infinity)])
    rounded = x.floor() if form.rounding == "FLOOR" else x.round()
    inside = (rounded >= form.low) & (rounded <= form.high)
    if relu:
        inside = (x > 0) & (rounded <= form.high)
    found = Quantizer(form, 0, relu=relu).gradient(torch.ones_like(x), x)
    assert torch.equal(found, inside.to(kind))


def test_steps_know_their_numbers() -> None:
    steps = Steps(torch.tensor([[3.0, -4.0]], requires_grad=True), -2)
    assert steps.value.tolist() == [[0.75, -1.0]]
    assert not steps.detach().integers.requires_grad
