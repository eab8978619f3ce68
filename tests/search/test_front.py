"""The front, its volume and what shows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from aetrig.parts import resolve
from aetrig.report.draw import svg
from aetrig.report.picture import from_json
from aetrig.search import front as fronts
from aetrig.search.budget import Goal
from aetrig.search.space import configured, starts
from aetrig.search.trial import Cost, Record
from search.small import SPACE, config


def finished(number: int, quality: float, *pipelines: tuple[float, int]) -> Record:
    parameters = starts(SPACE, config())[0]
    costs = tuple(Cost(luts, cycles) for luts, cycles in pipelines)
    return Record(number, "finished", parameters, quality=quality, pipelines=costs)


RECORDS = [
    finished(0, 0.5, (100, 9), (120, 8)),
    finished(1, 0.5, (100, 9)),  # equal to the first
    finished(2, 0.4, (110, 9)),  # dominated
    finished(3, 0.6, (300, 12)),
    finished(4, 0.3, (50, 5)),
    Record(5, "stopped", {}, quality=0.9, sketch=Cost(1, 1)),
]


def test_dominated_and_equal_points_are_left_out() -> None:
    found = fronts.front(RECORDS, Goal())
    at = [(p.record.number, p.cost.luts, p.cost.cycles) for p in found]
    assert at == [(4, 50, 5), (0, 100, 9), (0, 120, 8), (3, 300, 12)]
    assert fronts.front(RECORDS[::-1], Goal()) == found


@pytest.mark.parametrize(
    ("goal", "numbers"),
    [
        (Goal(luts=200.0), [4, 0, 0]),
        (Goal(cycles=8), [4, 0]),
        (Goal(quality=0.45), [0, 0, 3]),
        (Goal(axes=("quality", "luts")), [4, 0, 3]),
        (Goal(axes=("quality",), cycles=9), [0]),
        (Goal(luts=10.0), []),
    ],
)
def test_bounds_and_axes(goal: Goal, numbers: list[int]) -> None:
    assert [point.record.number for point in fronts.front(RECORDS, goal)] == numbers


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=8))
def test_the_volume_is_optunas(points: list[tuple[int, int, int]]) -> None:
    reference = (5.0, 6.0, 4.0)
    inside = [p for p in points if all(a <= r for a, r in zip(p, reference, strict=True))]
    wanted = compute_hypervolume(np.array(inside, float), np.array(reference)) if inside else 0.0
    assert fronts.volume(points, reference) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "axes", [("quality", "luts", "latency"), ("luts", "latency"), ("quality",)]
)
def test_picture_and_table_have_every_point(axes: tuple[str, ...]) -> None:
    goal = Goal(rate_hz=3e4, luts=1000.0, cycles=20, axes=axes)  # type: ignore[arg-type]
    found = fronts.front(RECORDS, goal)
    configs = [
        fronts.config_of(p, configured(config(), p.record.parameters, "tiny")) for p in found
    ]
    title, columns, rows = fronts.table(found, configs, goal, resolve("xcvu9p"))
    assert title == "Pareto front"
    assert {len(row) for row in rows} == {len(columns)}
    assert len(rows) == len(found)
    drawn = fronts.picture(found, goal, 5.0, "tiny")
    assert sum(len(curve.x) for curve in drawn.panels[0].curves) == len(found)
    assert "ns" in drawn.panels[0].y + "".join(curve.label for curve in drawn.panels[0].curves) or (
        axes == ("quality",)
    )
    assert from_json(drawn.to_json()) == drawn
    assert svg(drawn).startswith("<svg")


def test_an_empty_front_can_be_shown() -> None:
    assert svg(fronts.picture([], Goal(), 5.0, "none")).startswith("<svg")
