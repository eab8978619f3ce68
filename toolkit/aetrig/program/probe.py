"""A few thousand inputs for a stage's own check of what it made, before verification proper."""

from __future__ import annotations

import numpy as np

from aetrig.program.model import Integers, Program

EVENTS = 5000


def smoke_vectors(program: Program, x: Integers) -> Integers:
    """Return up to 5,000 events and the corners: all zero, all lowest, all highest, alternating."""
    low = np.array([form.low for form in program.input_formats], dtype=np.int64)
    high = np.array([form.high for form in program.input_formats], dtype=np.int64)
    even = np.arange(program.features) % 2 == 0
    corners = [np.zeros_like(low), low, high, np.where(even, low, high), np.where(even, high, low)]
    step = max(1, len(x) // EVENTS)
    return np.concatenate([np.stack(corners), x[::step][:EVENTS]])
