"""The variational head and the second autoencoder: their terms, gradients and integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributions

from aetrig.config.model import LayerQuantization, Network, Quantization
from aetrig.nets import (
    FloatAutoencoder,
    QuantAutoencoder,
    SecondAutoencoder,
    folded_parameters,
    tensor_formats,
    trace_integers,
)
from aetrig.nets.fixed_point import Steps
from aetrig.nets.variational import HEAD, bounded, divergence, sampled
from nets.networks import events, random_exponents, random_net, shift_scaling

VARIATIONAL = Network(encoder=(6, 3), variational=True)
EMBEDDING = Network(encoder=(6, 3), embedding=(4, 2))
WIDTH = 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(count: int = 64) -> torch.Tensor:
    return torch.from_numpy(events(WIDTH, count).astype(np.float32))


def float_net(network: Network, seed: int = 0) -> FloatAutoencoder:
    torch.manual_seed(seed)
    return FloatAutoencoder(WIDTH, network, shift_scaling(WIDTH))


def quant_net(network: Network, seed: int = 0) -> QuantAutoencoder:
    return random_net(WIDTH, network, Quantization(), seed)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), latent=st.integers(1, 8), spread=st.floats(0.1, 5))
def test_divergence_is_that_of_torch(seed: int, latent: int, spread: float) -> None:
    noise = generator(seed)
    mean = torch.randn(7, latent, generator=noise, dtype=torch.float64) * spread
    log_variance = torch.randn(7, latent, generator=noise, dtype=torch.float64) * spread
    here = distributions.Normal(mean, torch.exp(log_variance / 2))
    standard = distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = distributions.kl_divergence(here, standard).sum(dim=1)
    torch.testing.assert_close(divergence(mean, log_variance), expected, rtol=1e-9, atol=1e-12)


def test_samples_have_mean_and_variance() -> None:
    mean = torch.tensor([[1.0, -2.0]]).expand(100_000, 2)
    log_variance = torch.tensor([[0.0, -3.0]]).expand(100_000, 2)
    found = sampled(mean, log_variance, generator())
    torch.testing.assert_close(found.mean(dim=0), mean[0], rtol=0, atol=0.02)
    torch.testing.assert_close(found.var(dim=0), log_variance[0].exp(), rtol=0.03, atol=0)
    assert torch.equal(found, sampled(mean, log_variance, generator()))
    assert not torch.equal(found, sampled(mean, log_variance, generator(1)))


def test_log_variances_stay_finite() -> None:
    assert bounded(torch.tensor([-1e9, 0.5, 1e9])).tolist() == [-10.0, 0.5, 10.0]


@pytest.mark.parametrize("make", [float_net, quant_net])
def test_noise_reaches_the_output_and_evaluation_has_none(
    make: Callable[[Network], FloatAutoencoder | QuantAutoencoder],
) -> None:
    net, x = make(VARIATIONAL), batch()
    with torch.no_grad():
        plain, noisy = net.terms(x), net.terms(x, generator())
        assert plain.reconstruction is not None
        assert noisy.reconstruction is not None
        target, output = net.compare(x)
        assert torch.equal(plain.reconstruction[0], target)
        assert torch.equal(plain.reconstruction[1], output)
        assert torch.equal(output, net(x))
        assert not torch.equal(noisy.reconstruction[1], output)
        assert plain.divergence is not None
        assert noisy.divergence is not None
        assert plain.divergence.shape == (64,)
        assert torch.equal(plain.divergence, noisy.divergence)  # of the means alone


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR"])
def test_at_zero_noise_training_is_deployment(
    rounding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = random_net(WIDTH, VARIATIONAL, Quantization(rounding=rounding), 3)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = net.terms(batch()).reconstruction
        monkeypatch.setattr(torch, "randn", lambda shape, **_: torch.zeros(shape))
        found = net.terms(batch(), generator()).reconstruction
    assert found is not None
    assert expected is not None
    assert torch.equal(found[1], expected[1])


def test_what_the_decoder_gets_with_noise_is_on_the_latent_grid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = quant_net(VARIATIONAL).train()
    through, seen = QuantAutoencoder._through, []

    def noted(net: QuantAutoencoder, names: Sequence[str], value: Steps) -> Steps:
        seen.append((names, value))
        return through(net, names, value)

    monkeypatch.setattr(QuantAutoencoder, "_through", noted)
    net.terms(batch(), generator())
    ((_, latent),) = [found for found in seen if found[0] == net.decoder]
    assert latent.exponent == net.exponents["encoder_1_quant"]
    assert torch.equal(latent.integers, latent.integers.round())
    assert len(latent.integers.unique()) > 10


@pytest.mark.parametrize("make", [float_net, quant_net])
def test_every_weight_learns(
    make: Callable[[Network], FloatAutoencoder | QuantAutoencoder],
) -> None:
    net = make(VARIATIONAL)
    terms = net.terms(batch(), generator())
    assert terms.reconstruction is not None
    assert terms.divergence is not None
    target, output = terms.reconstruction
    torch.nn.functional.mse_loss(output, target).backward(retain_graph=True)
    from_noise = net.layer(HEAD).weight.grad
    assert from_noise is not None
    assert from_noise.abs().sum() > 0
    terms.divergence.mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("encoder", [(6, 3), (3,)], ids=["two layers", "one layer"])
def test_the_head_is_folded_with_its_encoder(encoder: tuple[int, ...]) -> None:
    network = Network(encoder=encoder, variational=True)
    first, x = float_net(network), batch()
    quant = Quantization(weight_bits=16, activation_bits=16, input_bits=16, output_bits=16)
    exponents = {
        name: (1 if name.endswith("_weight") else 11) - 15
        for name in random_exponents(6, network, quant)
    }
    # as of a standard scaling, so that the fold has something to do
    first.center.add_(0.4)
    first.factor.mul_(1.3)
    scaling = shift_scaling(WIDTH)
    standard = type(scaling)(
        **{
            **vars(scaling),
            "kind": "standard",
            "center": first.center.numpy(),
            "factor": first.factor.numpy(),
        }
    )
    net = QuantAutoencoder(WIDTH, network, quant, standard, exponents)
    net.take(folded_parameters(first, standard))
    with torch.no_grad():
        expected, found = first.terms(x).divergence, net.terms(x).divergence
    assert expected is not None
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.5)


def test_embedding_ends_with_the_bits_of_the_latent_space() -> None:
    quant = Quantization(
        weight_bits=5,
        activation_bits=7,
        layers={
            "encoder_1": LayerQuantization(activation_bits=9),
            "embedding_1": LayerQuantization(weight_bits=3, activation_bits=4),
            "embedding_2": LayerQuantization(weight_bits=2, rounding="FLOOR"),
        },
    )
    formats = tensor_formats(6, EMBEDDING, quant)
    assert [formats[f"embedding_{i}_weight"].bits for i in range(3)] == [5, 3, 2]
    assert [formats[f"embedding_{i}_quant"].bits for i in range(3)] == [7, 4, 9]
    assert [formats[f"embedding_{i}_quant"].signed for i in range(3)] == [False, False, True]
    assert formats["embedding_2_quant"].rounding == "FLOOR"
    net = random_net(WIDTH, EMBEDDING, quant, 1)
    assert [name for name in net.formats if name.endswith("_quant")] == [
        "input_quant",
        *(f"{name}_quant" for name in EMBEDDING.layer_names()),
    ]


def test_deployed_chain_is_encoder_and_second_autoencoder() -> None:
    net = quant_net(EMBEDDING).eval()
    found = trace_integers(net, events(WIDTH, 200))
    latent = torch.from_numpy(np.ldexp(found["encoder_1_quant"], net.exponents["encoder_1_quant"]))
    with torch.no_grad():
        pair = net.double().terms(batch(200).double()).embedding
    assert pair is not None
    assert torch.equal(pair[0], latent)
    last = np.ldexp(found["embedding_2_quant"], net.exponents["embedding_2_quant"])
    assert torch.equal(pair[1], torch.from_numpy(last))
    assert len(np.unique(found["embedding_2_quant"])) > 1


def test_the_second_loss_moves_no_first_autoencoder() -> None:
    for net in (quant_net(EMBEDDING), SecondAutoencoder(float_net(EMBEDDING))):
        pair = net.terms(batch()).embedding
        assert pair is not None
        torch.nn.functional.mse_loss(pair[1], pair[0]).backward()
        moved = {
            name.split(".")[0]
            for name, parameter in net.named_parameters()
            if parameter.grad is not None and parameter.grad.abs().sum() > 0
        }
        assert moved == set(EMBEDDING.embedding_names)


def test_the_frozen_encoder_is_no_part_of_the_second_network() -> None:
    whole = float_net(EMBEDDING)
    second = SecondAutoencoder(whole)
    names = {name.split(".")[0] for name in second.state_dict()}
    assert names == set(EMBEDDING.embedding_names)
    assert second.layer("embedding_0") is whole.layer("embedding_0")


def test_float_scores() -> None:
    net, x = float_net(EMBEDDING), batch()
    with torch.no_grad():
        latent = net.encode(net.normalise(x))
        reference, output = net.score_pair(x, "embedding")
        assert reference is not None
        assert torch.equal(reference, latent)
        hidden = torch.relu(net.layer("embedding_0")(latent))
        hidden = torch.relu(net.layer("embedding_1")(hidden))
        assert torch.equal(output, net.layer("embedding_2")(hidden))
        mean = float_net(VARIATIONAL)
        reference, output = mean.score_pair(x, "latent")
        assert reference is None
        assert torch.equal(output, mean.encode(mean.normalise(x)))
