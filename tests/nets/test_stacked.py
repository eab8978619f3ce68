"""Networks computed as one against each alone: equal in every bit, gradients too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import mse_loss

from aetrig.config.model import Network, Quantization
from aetrig.nets import FloatAutoencoder, QuantAutoencoder
from aetrig.nets.stacked import Stacked, stackable
from nets.networks import events, random_net, shift_scaling


@settings(max_examples=12, deadline=None)
@given(
    network=st.builds(
        Network,
        encoder=st.lists(st.integers(1, 20), min_size=1, max_size=3).map(tuple),
    ),
    quantized=st.booleans(),
    count=st.integers(2, 4),
    size=st.integers(1, 70),
    rounding=st.sampled_from(["ROUND", "FLOOR"]),
    seed=st.integers(0, 1000),
)
@example(
    network=Network(encoder=(17, 1)), quantized=False, count=2, size=1, rounding="ROUND", seed=0
)
def test_each_network_gets_what_it_gets_alone(
    network: Network, *, quantized: bool, count: int, size: int, rounding: str, seed: int
) -> None:
    quant = Quantization(rounding=rounding)  # type: ignore[arg-type]
    nets = []
    for number in range(seed, seed + count):  # scales and offsets of its own each
        torch.manual_seed(number)
        nets.append(
            random_net(5, network, quant, number)
            if quantized
            else FloatAutoencoder(5, network, shift_scaling(5, number))
        )
    assert stackable(nets)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as training does
    try:
        compare(nets, count, size)
    finally:
        torch.set_num_threads(before)


def compare(nets: list[FloatAutoencoder | QuantAutoencoder], count: int, size: int) -> None:
    x = [torch.from_numpy(events(5, size, n).astype(np.float32)) for n in range(count)]
    found = Stacked(nets).pairs(x)
    torch.stack([mse_loss(output, target) for target, output in found]).sum().backward()
    for net, part, (target, output) in zip(nets, x, found, strict=True):
        gradients = [parameter.grad.clone() for parameter in net.parameters()]
        net.zero_grad()
        alone = net.compare(part)
        assert torch.equal(alone[0], target)
        assert torch.equal(alone[1], output)
        mse_loss(alone[1], alone[0]).backward()
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            assert torch.equal(parameter.grad, gradient)


@pytest.mark.parametrize(
    "other",
    [
        {"encoder": (6, 3)},
        {"encoder": (8, 3), "activation": "tanh"},
        {"encoder": (8, 3), "variational": True},
        {"encoder": (8, 8, 3), "residual": True},
        {"encoder": (8, 3), "batch_norm": True},
        {"encoder": (8, 3), "dropout": 0.1},
        {"encoder": (8, 3), "embedding": (2,)},
    ],
)
def test_other_networks_are_not_stacked(other: dict[str, object]) -> None:
    plain, network = Network(encoder=(8, 3)), Network.model_validate(other)
    first, second, third = (
        FloatAutoencoder(5, one, shift_scaling(5)) for one in (plain, network, network)
    )
    assert not stackable([first, second])
    assert stackable([second, third]) == (other == {"encoder": (6, 3)})
    assert not stackable([first])
    assert not stackable([first, random_net(5, plain, Quantization(), 1)])
