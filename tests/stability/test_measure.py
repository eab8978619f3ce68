from __future__ import annotations

import math

import numpy as np
import pytest

from aetrig.stability.judge import failures
from aetrig.stability.measure import moved, shifted
from aetrig.stability.result import StabilityResult


def test_the_ratio_is_as_uncertain_as_its_discordant_events() -> None:
    # 10 accepted before, of which 8 still are, and 4 more
    before = np.array([5] * 10 + [0] * 90)
    after = np.array([5] * 8 + [0] * 2 + [5] * 4 + [0] * 86)
    found = moved(before, after, np.full(100, 2.0), 4)
    assert (found.rate, found.factor, found.gained, found.lost) == (24.0, 1.2, 4, 2)
    assert found.error == pytest.approx(2 * math.sqrt(12))
    assert found.factor_error == pytest.approx(math.sqrt(12 * 6 / 10**3))
    assert found.changed == pytest.approx(0.06)


def test_the_same_events_give_one_without_uncertainty() -> None:
    scores = np.arange(50)
    found = moved(scores, scores, np.ones(50), 40)
    assert (found.factor, found.factor_error, found.changed) == (1.0, 0.0, 0.0)


def test_nothing_before_has_no_factor_and_nothing_after_is_uncertain_by_an_event() -> None:
    nothing, some = np.zeros(20, dtype=np.int64), np.array([1] * 4 + [0] * 16)
    assert moved(nothing, some, np.ones(20), 0).factor is None
    found = moved(some, nothing, np.ones(20), 0)
    assert found.factor == 0
    assert found.factor_error == pytest.approx(math.sqrt(1 * 4 / 4**3))


def test_the_ratio_s_error_is_that_of_repeated_draws() -> None:
    generator = np.random.default_rng(8)
    factors, errors = [], []
    for _ in range(400):
        kind = generator.choice(4, size=2000, p=[0.05, 0.01, 0.03, 0.91])
        found = moved(np.isin(kind, (0, 1)) * 1, np.isin(kind, (0, 2)) * 1, np.ones(2000), 0)
        factors.append(found.factor)
        errors.append(found.factor_error)
    assert np.mean(errors) == pytest.approx(np.std(factors), rel=0.12)


def test_efficiency_moves_by_the_events_that_changed() -> None:
    found = shifted(np.array([5, 5, 0, 0]), np.array([5, 5, 5, 0]), 1)
    assert (found.value, found.change) == (0.75, 0.25)
    assert found.error == pytest.approx(math.sqrt((0.25 - 0.0625) / 4))


def content(factor: float, limit: float | None = 3.0) -> dict:
    point = {"rate": 9e4, "error": 5e3, "factor": factor, "factor_error": 0.2, "changed": 0.01,
             "gained": 3, "lost": 1, "efficiency": {"s": {"value": 0.2, "change": -0.3, "error": 0.01}}}  # fmt: skip
    conditions = [
        {
            "group": "region",
            "family": "one of 2 sectors",
            "name": name,
            "size": None,
            "points": {"tight": point | {"factor": f}},
        }
        for name, f in (("dead one", factor), ("dead two", 1.0))
    ]
    return {
        "unit": "Hz", "rates_from": "crossings", "points_from": "those of the trigger",
        "points": [{"name": "tight", "threshold": 4, "rate": 3e4, "error": 2e3, "accepted": 9, "efficiency": {"s": 0.5}}],
        "signals": {"s": 10}, "conditions": conditions, "left_out": [{"group": "hot", "reason": "no list"}],
        "limits": {"rate_factor": {} if limit is None else {"region": limit}, "efficiency": {}},
    }  # fmt: skip


def test_a_missed_limit_names_condition_point_and_rate() -> None:
    assert failures(content(3.5)) == [
        "dead one, tight: rate 90 kHz, 3.5 ± 0.2 times the nominal one, limit 3"
    ]
    assert failures(content(3.0)) == []
    assert failures(content(30.0, None)) == []


def test_a_limit_on_efficiency() -> None:
    asked = content(1.0)
    asked["limits"]["efficiency"] = {"region": 0.5}
    assert failures(asked)[0] == (
        "dead one, tight: efficiency of s 0.4 of the nominal one, limit 0.5"
    )


def test_families_are_told_by_their_worst_and_their_mean(tmp_path) -> None:
    found = content(3.5)
    result = StabilityResult(tmp_path, found | {"passed": False, "failures": failures(found)})
    (_, columns, rows), (_, _, left) = result.tables()
    assert columns[-1] == "efficiency s"
    assert [row[0] for row in rows] == [
        "nominal", "dead one, worst of 2", "mean of these 2",
    ]  # fmt: skip
    assert rows[2][2] == "2.25"
    assert [row[1] for row in rows] == ["30 ± 2 kHz", "90 ± 5 kHz", "90 kHz"]
    assert left == [["hot", "no list"]]
    assert len(result.tables(details=True)[0][2]) == 3
    assert "1 limits missed" in result.summary()
