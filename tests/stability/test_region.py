from __future__ import annotations

import math

import numpy as np
import pytest

from aetrig.stability import region
from aetrig.stability.region import Region, inside
from aetrig.stability.vector import missing
from stability.events import QUARTER, drawn, event, meaning, named, reasons, scene


def test_exactly_the_objects_in_the_region_vanish_and_later_ones_move_up() -> None:
    # sectors of a quarter turn: the third is phi from 0 to 90 degrees
    x = event((0, 0), ((20, 1, -5),), ((90, 2, 10), (80, 3, -10), (70, 4, 20)))
    dead = named(region.conditions(scene(x, phi_sectors=4)), "dead phi sector 3")
    found = dead.applied(x, 1)
    assert found[0, 3:].tolist() == event((0, 0), ((20, 1, -5),), ((80, 3, -10),))[0, 3:].tolist()


def test_missing_energy_moves_by_the_vector_sum_of_what_vanished() -> None:
    # 40 steps along x are there; the lost jet of 30 steps along y is no longer balanced
    x = event((40, 0), (), ((30, 0, QUARTER), (10, 0, -QUARTER)))
    dead = named(region.conditions(scene(x, phi_sectors=2)), "dead phi sector 2")
    found = dead.applied(x, 1)
    assert found[0, :3].tolist() == [50, 0, round(math.atan2(30, 40) / (2 * math.pi) * 144)]
    assert found[0, 9:].tolist() == event(jets=((10, 0, -QUARTER),))[0, 9:].tolist()


def test_an_electron_is_also_a_jet_and_counts_once() -> None:
    x = event((40, 0), ((30, 0, QUARTER),), ((30, 0, QUARTER),))
    dead = named(region.conditions(scene(x, phi_sectors=2)), "dead phi sector 2")
    assert dead.applied(x, 1)[0, :6].tolist() == [50, 0, 15, 0, 0, 0]
    both = named(region.conditions(scene(x, phi_sectors=2, in_other_lists=())), "dead phi sector 2")
    assert both.applied(x, 1)[0, 0] == round(math.hypot(40, 60))


def test_objects_beyond_the_reach_of_missing_energy_do_not_move_it() -> None:
    x = event((40, 0), (), ((30, 100, QUARTER),))  # eta 4.35
    dead = named(region.conditions(scene(x, phi_sectors=2)), "dead phi sector 2")
    assert dead.applied(x, 1).tolist() == event((40, 0)).tolist()


def test_events_without_an_object_there_keep_every_bit() -> None:
    x = drawn(400)
    for dead in region.conditions(scene(x)):
        found = dead.applied(x, 1)
        place = next(
            r
            for r in region.regions(8, scene(x).options.eta_edges)
            if f"dead {r.name}" == dead.name
        )
        hit = np.zeros(len(x), dtype=bool)
        for objects in meaning(x).lists:
            hit |= inside(meaning(x), objects, x[:, objects.columns], place).any(axis=1)
        assert np.array_equal(found[~hit], x[~hit])
        assert not np.array_equal(found[hit], x[hit]) or not hit.any()


def test_sectors_are_a_partition_and_cells_their_crossings_with_bands() -> None:
    x = drawn(300)
    objects = meaning(x).lists[1]
    block = x[:, objects.columns]
    places = list(region.regions(8, (-5.0, 0.0, 5.0)))
    marks = {place.name: inside(meaning(x), objects, block, place) for place in places}
    there = block[:, :, 0] != 0
    for size, total in ((8, 8), (2, 2), (16, 16)):
        family = [p for p in places if p.family.startswith(f"one of {size} ")]
        assert len(family) == total
        assert np.array_equal(sum(marks[p.name].astype(int) for p in family), there.astype(int))


def test_an_angle_just_below_half_a_turn_is_in_the_last_sector() -> None:
    x = event(jets=((50, 0, 71), (40, 0, -72)))
    objects = meaning(x).lists[1]
    last = Region("last", "", phi=(math.pi / 2, math.pi))
    assert inside(meaning(x), objects, x[:, objects.columns], last).tolist() == [
        [True, False, False]
    ]


def test_missing_energy_as_a_vector() -> None:
    x = event((40, QUARTER))
    assert missing(meaning(x), x) == pytest.approx(np.array([[0.0, 20.0]]), abs=1e-12)


def test_inputs_without_places_leave_the_group_out() -> None:
    x = drawn(5)
    whole = scene(x)
    bare = type(whole.layout)((), (), None, (), (), (), None)
    found = region.conditions(type(whole)(bare, whole.options, whole.soft, x))
    assert reasons(found) == ["no list of objects with pT, eta and phi"]
