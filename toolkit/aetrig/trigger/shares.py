"""Thresholds from the share of signal or background that they accept, where there is no rate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from aetrig.config.model import Share
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError

Integers = npt.NDArray[np.int64]


def threshold_at_share(scores: Integers, vectors: Vectors, wanted: Share) -> int:
    """Return the integer threshold whose accepted share is nearest to the one that is wanted.

    ``scores``: of all validation events. Of two that are equally near it is the higher one, and
    the lowest integer that accepts these events. Raises UserError for a process that the data do
    not have, and for a share of less than one of its events.
    """
    chosen = np.sort(scores[_rows(vectors, wanted.of)])
    if wanted.share * len(chosen) < 1:
        raise UserError(
            f"trigger.shares: {wanted.share:g} of the {len(chosen):,} events of '{wanted.of}' is "
            f"less than one; that takes {math.ceil(1 / wanted.share):,} events"
        )
    # above a threshold equal to a score lie those that are greater
    candidates = np.unique(np.concatenate(([chosen[0] - 1], chosen)))
    candidates = candidates[candidates >= 0]
    accepted = 1 - np.searchsorted(chosen, candidates, side="right") / len(chosen)
    distance = abs(accepted - wanted.share)
    return int(candidates[np.flatnonzero(distance == distance.min())[-1]])


def _rows(vectors: Vectors, of: str) -> npt.NDArray[np.bool_]:
    names = [process.name for process in vectors.processes]
    if of in names:
        rows = np.asarray(vectors.process == names.index(of))
    elif of in ("background", "signal"):
        rows = vectors.rows("background" if of == "background" else "signal")
    else:
        rows = np.zeros(len(vectors.x), dtype=np.bool_)
    if not rows.any():
        known = ", ".join(_present(vectors))
        raise UserError(f"trigger.shares: no validation event is of '{of}'; there are {known}")
    return rows


def _present(vectors: Vectors) -> list[str]:
    roles = [role for role in ("background", "signal") if vectors.rows(role).any()]
    names = [p.name for i, p in enumerate(vectors.processes) if (vectors.process == i).any()]
    return list(dict.fromkeys([*roles, *names]))
