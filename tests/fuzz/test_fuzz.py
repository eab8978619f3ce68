"""Random architectures through every engine; scripts/fuzz N runs as many as one likes."""

from __future__ import annotations

import pytest

from fuzz.architectures import SMALL, architecture
from fuzz.rungs import Report, fast, slow


@pytest.mark.slow
def test_a_few_architectures_through_the_fast_engines() -> None:
    seeds, report = range(12), Report()
    fast(seeds, [architecture(seed) for seed in seeds], report)
    assert report.compared["QONNX"] == 12


@pytest.mark.slow
def test_three_hundred_architectures_through_the_fast_engines() -> None:
    report = Report()
    for start in range(1000, 1300, 50):
        seeds = range(start, start + 50)
        fast(seeds, [architecture(seed) for seed in seeds], report)
    print("\n".join(report.lines()))
    assert report.compared["QONNX"] == 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7024, 7034, 7043, 7046, 7100, 7143])
def test_what_differed_once(seed: int) -> None:
    report = Report()
    slow(seed, architecture(seed, SMALL), report)
    assert sum(report.compared.values()) + sum(report.refused.values()) == 2


@pytest.mark.slow
def test_sixty_small_architectures_through_csim_and_rtl() -> None:
    report = Report()
    for seed in range(2000, 2060):
        slow(seed, architecture(seed, SMALL), report)
    print("\n".join(report.lines()))
    built = sum(n for name, n in report.compared.items() if name.startswith("csim"))
    refused = sum(report.refused.values())
    assert built + refused >= 60
    assert report.compared["RTL"] + refused >= 60
