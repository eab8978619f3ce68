"""Learning rate by epoch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from aetrig.config.model import Phase

PLATEAU_FACTOR = 0.5
PLATEAU_EPOCHS = 3  # epochs without progress before the rate falls


@dataclass
class Schedule:
    """The learning rate of the epoch to come; `step` moves to the next.

    constant; cosine: rate * (1 + cos(pi * epoch / epochs)) / 2 (Loshchilov and Hutter,
    arXiv:1608.03983, without restarts); plateau: halved after three epochs without a new best.
    """

    rate: float
    best: float = math.inf
    stale: int = 0

    def step(self, phase: Phase, epoch: int, loss: float) -> None:
        """Set the rate of ``epoch`` (from 0), after a validation ``loss`` of the epoch before."""
        if phase.schedule == "cosine":
            turn = math.pi * epoch / phase.epochs
            self.rate = phase.learning_rate * (1 + math.cos(turn)) / 2
        elif phase.schedule == "plateau":
            self._plateau(loss)

    def _plateau(self, loss: float) -> None:
        self.stale = 0 if loss < self.best else self.stale + 1
        self.best = min(self.best, loss)
        if self.stale == PLATEAU_EPOCHS:
            self.rate, self.stale = self.rate * PLATEAU_FACTOR, 0

    def state(self) -> dict[str, Any]:
        """Return plain numbers; ``Schedule(**state)`` continues."""
        return asdict(self)
