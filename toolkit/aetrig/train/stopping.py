"""Early stopping: when validation loss no longer falls."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from aetrig.config.model import Phase


@dataclass
class Stopping:
    """The best validation loss so far, its epoch, and the epochs without progress since."""

    best: float = math.inf
    best_epoch: int = -1
    stale: int = 0

    def better(self, phase: Phase, epoch: int, loss: float, *, settled: bool) -> bool:
        """Enter an epoch's loss; say whether its weights are the ones to keep.

        While pruning still removes weights (not ``settled``), the newest weights are kept and
        nothing is counted: a loss of denser weights is no measure for the final ones.
        """
        if not settled:
            self.best_epoch = epoch
            return True
        if loss < self.best - phase.min_delta:
            self.best, self.best_epoch, self.stale = loss, epoch, 0
            return True
        self.stale += 1
        return False

    def exhausted(self, phase: Phase) -> bool:
        """Say whether patience is at its end."""
        return phase.patience is not None and self.stale >= phase.patience

    def state(self) -> dict[str, Any]:
        """Return plain numbers; ``Stopping(**state)`` continues."""
        return asdict(self)
