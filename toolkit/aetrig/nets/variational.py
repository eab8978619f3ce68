"""The variational part of an encoder: noise behind the means, and the KL term that holds both.

Kingma and Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114. A head of log-variances
stands beside the latent means during training; what is deployed is the mean head alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

HEAD = "log_variance"  # the head's submodule, in float and quantized networks alike
LOWEST, HIGHEST = -10.0, 10.0  # standard deviations from 0.007 to 150: exp() stays finite


def bounded(log_variance: Tensor) -> Tensor:
    """Return log-variances within the range that training allows."""
    return log_variance.clamp(LOWEST, HIGHEST)


def sampled(mean: Tensor, log_variance: Tensor, noise: torch.Generator) -> Tensor:
    """Return mean + eps * exp(log_variance / 2), with eps from N(0, 1); shapes (events, latent).

    ``noise``: a generator on the tensors' device.
    """
    eps = torch.randn(mean.shape, generator=noise, device=mean.device, dtype=mean.dtype)
    return mean + eps * torch.exp(log_variance / 2)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, 1)) of each event, summed over latent: (events,).

    In natural units (nats): half the sum of mean**2 + variance - 1 - log_variance, appendix B of
    arXiv:1312.6114.
    """
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return 0.5 * terms.sum(dim=1)
