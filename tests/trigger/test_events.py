"""Which events a rate is counted with, and mixtures that give none."""

from __future__ import annotations

import numpy as np
import pytest

from aetrig.config.model import TriggerOptions
from aetrig.data.dataset import Process
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.trigger.events import rated_events


def vectors(*processes: Process, events: int = 100) -> Vectors:
    count = events * len(processes)
    process = np.repeat(np.arange(len(processes)), events).astype(np.int16)
    return Vectors(np.zeros((count, 1), np.int32), process, np.ones(count), processes, ("x",))


QCD = Process("qcd", "background", cross_section_pb=1e8)
W = Process("w", "background", cross_section_pb=5e4)
SOFT = Process("soft", "minbias", overlap=10)
SIGNAL = Process("a", "signal", cross_section_pb=1e20)


def test_crossings_share_the_filled_crossing_rate() -> None:
    found = rated_events(vectors(QCD, SOFT), TriggerOptions(crossing_rate=1e6))
    assert found.rows.tolist() == list(range(100, 200))
    assert found.weight_hz.sum() == pytest.approx(1e6)
    assert found.overlap == 10


def test_processes_have_luminosity_times_cross_section() -> None:
    options = TriggerOptions(source="processes", luminosity=2e34)
    found = rated_events(vectors(QCD, SIGNAL, W), options)
    # 1e8 pb * 1e-36 cm^2/pb * 2e34 /cm^2/s = 2 MHz, 5e4 pb: 1 kHz; a signal adds nothing
    assert found.weight_hz[:100].sum() == pytest.approx(2e6)
    assert found.weight_hz[100:].sum() == pytest.approx(1e3)
    assert found.rows.tolist() == [*range(100), *range(200, 300)]


@pytest.mark.parametrize(
    ("source", "process", "said"),
    [
        ("minbias", QCD, "no minimum-bias crossings"),
        ("processes", Process("mix", "background"), "'mix' has no cross section"),
        ("processes", SIGNAL, "no background events"),
    ],
)
def test_a_mixture_gives_no_rate(source: str, process: Process, said: str) -> None:
    with pytest.raises(UserError, match=said):
        rated_events(vectors(process), TriggerOptions(source=source))  # type: ignore[arg-type]
