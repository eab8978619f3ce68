from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from aetrig.config.sources import Column
from aetrig.data.dataset import Feature, Grid
from aetrig.stability import scale
from aetrig.stability.layout import layout
from stability.events import drawn, event, meaning, named, reasons, scene


@pytest.mark.parametrize(
    ("q", "percent", "expected"),
    [
        (100, 5, 105), (49, 1, 49), (50, 1, 50), (51, 1, 52),  # 49.49, a tie at 50.5, 51.51
        (150, 1, 152), (10, 5, 10), (30, 5, 32), (9, -5, 9), (10, -5, 10), (0, 5, 0),
    ],
)  # fmt: skip
def test_integers_round_to_nearest_and_ties_to_even(q: int, percent: int, expected: int) -> None:
    found = scale.times(np.array([q]), 1 + Fraction(percent, 100))
    assert found.tolist() == [expected]


def test_all_energies_scale_on_their_grids_and_saturate_at_the_top() -> None:
    x = event((200, 10), ((505, 3, 4),), ((2000, 5, 6), (40, 7, 8)))
    change = named(scale.conditions(scene(x)), "all energies +5 %")
    # 505 * 1.05 = 530.25 is beyond 9 bits, 2000 * 1.05 = 2100 beyond 11
    wanted = event((210, 10), ((511, 3, 4),), ((2047, 5, 6), (42, 7, 8)))
    assert change.applied(x, 1).tolist() == wanted.tolist()


def test_one_kind_at_a_time_leaves_the_others() -> None:
    x = event((200, 10), ((100, 3, 4),), ((2000, 5, 6),))
    change = named(scale.conditions(scene(x)), "e -5 %")
    assert (
        change.applied(x, 1).tolist() == event((200, 10), ((95, 3, 4),), ((2000, 5, 6),)).tolist()
    )


def test_an_object_that_rounds_to_nothing_is_padding_as_a_whole() -> None:
    x = event(jets=((3, 5, 6), (1, 7, 8)))
    change = named(scale.conditions(scene(x, scales=(-60.0,))), "j -60 %")
    assert change.applied(x, 1).tolist() == event(jets=((1, 5, 6),)).tolist()


def test_a_scale_of_nothing_changes_nothing() -> None:
    x = drawn(300)
    found = scale.conditions(scene(x, scales=(0.0,)))
    for item in found:
        assert np.array_equal(item.applied(x, 1), x)


def test_a_logarithm_moves_by_a_constant_and_comes_back_to_itself() -> None:
    column = Column(
        name="m", transform="log10", step=0.0005, bits=13, signed=False, unit="log10(GeV)"
    )
    features = (Feature("m", Grid(0.0005, 13, signed=False, unit="log10(GeV)")),)
    x = np.arange(0, 8000, 13, dtype=np.int32)[:, None]
    found = layout(features, x, None, (column,))
    assert np.array_equal(scale.scaled(found, 0, x[:, 0], 0.0), x[:, 0])
    # log10(1.05) = 0.02119 = 42.4 steps
    moved = scale.scaled(found, 0, x[:, 0], 5.0) - x[:, 0]
    assert set(moved.tolist()) == {42}


def test_inputs_without_an_energy_leave_the_group_out() -> None:
    x = np.zeros((3, 1), dtype=np.int32)
    plain = layout((Feature("c1", Grid(1, 4, signed=False, unit="1")),), x, None)
    found = scene(drawn(5))
    other = type(found)(plain, found.options, found.soft, x)
    assert reasons(scale.conditions(other)) == [
        "no input is an energy (stability.energies names them)"
    ]


def test_the_meaning_of_inputs_comes_from_names_units_and_presence() -> None:
    found = meaning(drawn(50))
    assert [(o.name, o.columns.shape, o.ordered, o.placed) for o in found.lists] == [
        ("e", (2, 3), True, True),
        ("j", (3, 3), True, True),
    ]
    assert found.missing is not None
    assert (found.missing.pt, found.missing.phi) == (0, 2)
    assert found.energies == (0, 3, 6, 9, 12, 15)
    assert found.alone == ()
    assert found.period(2) == 144
