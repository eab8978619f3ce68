"""Thresholds at accepted shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.config.model import Share
from aetrig.data.dataset import Process
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.trigger.shares import threshold_at_share


def vectors(events: int) -> Vectors:
    processes = (Process("qcd", "background"), Process("w", "signal"), Process("z", "signal"))
    process = np.repeat(np.arange(3), events).astype(np.int16)
    x = np.zeros((3 * events, 1), np.int32)
    return Vectors(x, process, np.ones(3 * events), processes, ("x",))


@given(
    st.lists(st.integers(0, 30), min_size=4, max_size=40), st.floats(0.01, 0.99),
    st.sampled_from(["w", "signal", "background"]),
)  # fmt: skip
def test_no_other_threshold_is_nearer(values: list[int], share: float, of: str) -> None:
    events = vectors(len(values))
    scores = np.array([*values, *(v + 3 for v in values), *(2 * v for v in values)])
    rows = {"w": [1], "signal": [1, 2], "background": [0]}[of]
    own = scores[np.isin(events.process, rows)]
    if share * len(own) < 1:
        with pytest.raises(UserError, match="is less than one; that takes"):
            threshold_at_share(scores, events, Share(of=of, share=share))
        return
    found = threshold_at_share(scores, events, Share(of=of, share=share))
    distances = [abs((own > t).mean() - share) for t in range(scores.max() + 1)]
    assert abs((own > found).mean() - share) == pytest.approx(min(distances), abs=1e-12)
    assert found >= 0


def test_a_process_that_is_not_there_is_named() -> None:
    events = vectors(5)
    with pytest.raises(UserError, match="no validation event is of 'top'; there are background"):
        threshold_at_share(np.arange(15), events, Share(of="top", share=0.3))
