"""Budgets as people type them."""

from __future__ import annotations

import pytest

from aetrig.errors import UserError
from aetrig.parts import Part, resolve
from aetrig.search import budget
from aetrig.search.budget import Goal

PART = resolve("xcvu9p")


@pytest.mark.parametrize(
    ("text", "cycles"), [("50ns", 10), ("0.05us", 10), ("54 ns", 10), ("7cycles", 7), ("5NS", 1)]
)
def test_latencies_are_whole_cycles(text: str, cycles: int) -> None:
    assert budget.latency(text, 5.0) == cycles


def test_a_latency_of_exact_cycles_is_not_rounded_down() -> None:
    assert [budget.latency(f"{n * 0.1}ns", 0.1) for n in range(1, 200)] == list(range(1, 200))


def test_luts_are_a_share_of_the_part_or_a_number() -> None:
    assert budget.luts("1%", PART) == pytest.approx(0.01 * (PART.lut or 0))
    assert budget.luts("12000", PART) == 12000


@pytest.mark.parametrize(("text", "seconds"), [("20min", 1200), ("90s", 90), ("1.5h", 5400)])
def test_times(text: str, seconds: float) -> None:
    assert budget.duration(text) == seconds


def test_axes_keep_their_order() -> None:
    assert budget.axes("latency, quality") == ("quality", "latency")


@pytest.mark.parametrize(
    ("function", "text", "message"),
    [
        (lambda t: budget.luts(t, PART), "1x", r"--luts 1x: expected 1% of the part"),
        (lambda t: budget.luts(t, PART), "0", "more than none"),
        (lambda t: budget.luts(t, PART), "101%", "no more than the part"),
        (lambda t: budget.luts(t, Part("odd", "odd")), "1%", "not known; give a number"),
        (lambda t: budget.latency(t, 5.0), "4ns", r"less than one clock cycle of 5 ns"),
        (lambda t: budget.latency(t, 5.0), "50", "expected 50ns"),
        (lambda t: budget.latency(t, 5.0), "-50ns", "expected 50ns"),
        (budget.duration, "20", "expected 20min"),
        (budget.duration, "0s", "expected 20min"),
        (budget.share, "120%", "expected 20%"),
        (budget.axes, "quality,size", "expected some of quality,luts,latency"),
        (budget.axes, "luts,luts", "each once"),
    ],
)
def test_one_line_says_what_is_wrong(function: object, text: str, message: str) -> None:
    assert callable(function)
    with pytest.raises(UserError, match=message) as caught:
        function(text)
    assert "\n" not in str(caught.value)


def test_bounds_are_exceeded_by_a_share_of_themselves() -> None:
    goal = Goal(cycles=10, luts=1000.0, quality=0.5)
    assert goal.excess(0.25, 1500, 12) == pytest.approx(
        {"latency": 0.2, "luts": 0.5, "quality": 0.5}
    )
    assert goal.allows(0.5, 1000, 10)
    assert not goal.allows(0.49, 1000, 10)
    assert Goal().allows(0.0, 1e9, 1000)
