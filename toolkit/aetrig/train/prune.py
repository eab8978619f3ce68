"""Magnitude pruning: the smallest weights become zero, more of them epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aetrig.config.model import Phase, Pruning
from aetrig.errors import UserError

Masks = dict[str, Tensor]  # by layer; True where a weight is pruned


@dataclass(frozen=True)
class Plan:
    """Cubic schedule from 0 at ``start`` to ``sparsity`` at ``end`` (epochs, from 0)."""

    sparsity: float
    start: int
    end: int
    scope: str

    def at(self, epoch: int) -> float:
        """Return s_f * (1 - (1 - (t - t0) / (t1 - t0))**3) (Zhu and Gupta, arXiv:1710.01878)."""
        if epoch >= self.end:
            return self.sparsity
        if epoch < self.start:
            return 0.0
        return self.sparsity * (1 - (1 - (epoch - self.start) / (self.end - self.start)) ** 3)


def plan(pruning: Pruning, phase: Phase) -> Plan:
    """Return the plan of a phase; raise UserError where the phase ends before its full sparsity."""
    last = phase.epochs - 1
    given = pruning.end_epoch
    end = given if given is not None else max(pruning.start_epoch, min(last, 2 * phase.epochs // 3))
    if pruning.sparsity > 0 and not pruning.start_epoch <= end <= last:
        raise UserError(
            f"train.pruning runs from epoch {pruning.start_epoch} to {end}, but the epochs of "
            f"qat_phase are 0 to {last}; choose start_epoch <= end_epoch <= {last}"
        )
    return Plan(pruning.sparsity, pruning.start_epoch, end, pruning.scope)


def masks(weights: Mapping[str, Tensor], sparsity: float, scope: str) -> Masks:
    """Mark the share ``sparsity`` (rounded down) of smallest weights, per layer or over all.

    Ties are settled by position, so the count is exact and the choice repeatable. Weights pruned
    before are zero, the smallest there is, and stay pruned.
    """
    if scope == "layer":
        return {name: _smallest(weight, sparsity) for name, weight in weights.items()}
    joined = _smallest(torch.cat([weight.flatten() for weight in weights.values()]), sparsity)
    parts = torch.split(joined, [weight.numel() for weight in weights.values()])
    return {
        name: part.reshape(weight.shape)
        for (name, weight), part in zip(weights.items(), parts, strict=True)
    }


def _smallest(weight: Tensor, sparsity: float) -> Tensor:
    # a hair added: 0.29 * 100 is 28.999999999999996
    count = math.floor(sparsity * weight.numel() + 1e-9)
    order = torch.argsort(weight.detach().abs().flatten(), stable=True)
    chosen = torch.zeros(weight.numel(), dtype=torch.bool, device=weight.device)
    chosen[order[:count]] = True
    return chosen.reshape(weight.shape)


@dataclass(frozen=True)
class Removal:
    """Rows of a layer that are zero, weights and bias, from an epoch on."""

    layer: str
    rows: tuple[int, ...]
    epoch: int

    def apply(self, layers: Mapping[str, nn.Linear], epoch: int) -> None:
        """Set the rows to zero where the epoch has come."""
        if epoch < self.epoch:
            return
        with torch.no_grad():
            layers[self.layer].weight[list(self.rows)] = 0.0
            layers[self.layer].bias[list(self.rows)] = 0.0


def apply(layers: Mapping[str, nn.Linear], pruned: Masks) -> None:
    """Set pruned weights to zero, which every quantizer here keeps as zero."""
    with torch.no_grad():
        for name, mask in pruned.items():
            layers[name].weight.masked_fill_(mask, 0.0)
