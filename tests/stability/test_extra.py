from __future__ import annotations

import numpy as np
import pytest

from aetrig.data.dataset import Grid
from aetrig.errors import UserError
from aetrig.stability import extra, noise, stuck
from aetrig.stability.cut import cut, cuts
from aetrig.stability.layout import layout
from aetrig.stability.plan import plan
from stability.events import drawn, event, features, meaning, named, reasons, scene


def test_a_fake_jet_stands_where_its_energy_puts_it_and_cuts_the_last() -> None:
    x = event((0, 0), (), ((200, 1, 1), (90, 2, 2), (80, 3, 3)))
    options = {"hot_probabilities": (1.0,), "hot_energy": 50.0, "hot_eta": 0.435, "hot_phi": 0.0}
    hot = named(extra.hot(scene(x, **options)), "hot tower, a fake j in 1 of the events")
    # 100 steps along x are seen, so 100 are missing the other way
    wanted = event((100, -72), (), ((200, 1, 1), (100, 10, 0), (90, 2, 2)))
    assert hot.applied(x, 1).tolist() == wanted.tolist()


def test_a_fake_electron_does_not_move_missing_energy() -> None:
    x = event((7, 3))
    hot = named(
        extra.hot(scene(x, hot_probabilities=(1.0,))), "hot tower, a fake e in 1 of the events"
    )
    found = hot.applied(x, 1)
    assert found[0, :3].tolist() == [7, 0, 3]
    assert found[0, 3] == 100


def test_soft_jets_come_from_the_soft_half_and_keep_the_order() -> None:
    x = drawn(500)
    found = scene(x, extra_jets=(1.0,))
    jets = x[:, [9, 12, 15]]
    assert found.soft[:, 0].max() <= np.quantile(jets[jets > 0], 0.5)
    changed = named(extra.jets(found), "1 more soft j an event").applied(x, 1)
    same = (changed == x).all(axis=1).mean()
    assert 0.3 < same < 0.6  # a Poisson of mean one is zero in 37 %, and full lists cut
    assert np.array_equal(changed[:, 3:9], x[:, 3:9])
    _in_order(changed)


def test_another_crossing_lies_over_each_event() -> None:
    x = np.concatenate(
        [event((10, 0), (), ((50, 1, 1),)), event((20, 0), ((9, 2, 2),), ((60, 3, 3),))]
    )
    whole = named(extra.pile_up(scene(x, pile_up=(1.0,))), "100% more interactions")
    # with two crossings and none laid over itself, each gets the other
    objects = event((30, 0), ((9, 2, 2),), ((60, 3, 3), (50, 1, 1)))[0].tolist()
    assert whole.applied(x, 1).tolist() == [objects, objects]


def test_data_without_crossings_leave_pile_up_out() -> None:
    x = drawn(20)
    bare = type(scene(x))(meaning(x), scene(x).options, scene(x).soft, x[:0])
    assert reasons(extra.pile_up(bare)) == [
        "the data have no minimum-bias crossings to lay over events"
    ]


def test_lists_that_do_not_fall_are_not_inserted_into() -> None:
    x = event(jets=((10, 0, 0), (20, 0, 0)))
    found = scene(x)
    assert not found.layout.lists[1].ordered
    electrons_only = [item.name for item in extra.hot(found)]
    assert all("fake e" in name for name in electrons_only)


def test_noise_moves_what_is_there_by_a_step_and_nothing_else() -> None:
    x = drawn(400)
    found = named(noise.conditions(scene(x, noise_steps=(1,))), "energies ±1 step").applied(x, 1)
    there = meaning(x).present(x)
    assert np.array_equal(found[~there], x[~there])
    assert np.array_equal(meaning(x).present(found), there)
    assert abs(found[:, 0] - x[:, 0]).max() == 1
    everything = named(noise.conditions(scene(x, noise_steps=(1,))), "all inputs ±1 step")
    turned = everything.applied(x, 1)[:, 2]
    assert turned.min() >= -72
    assert turned.max() <= 71


def test_saturated_inputs_are_at_the_top_where_there_is_an_object() -> None:
    x = np.concatenate([event((9, 1), (), ((50, 1, 1), (40, 2, 2))), event((9, 1))])
    found = stuck.saturated(scene(x))
    leading = named(found, "leading j at the top").applied(x, 1)
    assert leading[:, [9, 12]].tolist() == [[2047, 40], [0, 0]]
    every = named(stuck.saturated(scene(x)), "all energies at the top").applied(x, 1)
    assert every[:, [0, 3, 9, 12, 15]].tolist() == [[4095, 0, 2047, 2047, 0], [4095, 0, 0, 0, 0]]


def test_a_lost_list_is_padding() -> None:
    x = drawn(50)
    lost = named(stuck.lost(scene(x)), "no j").applied(x, 1)
    assert not lost[:, 9:].any()
    assert np.array_equal(lost[:, :9], x[:, :9])


def test_stuck_bits_in_twos_complement() -> None:
    signed = Grid(1, 4, signed=True, unit="1")
    q = np.array([-8, -1, 0, 5, 7], dtype=np.int32)
    assert stuck.stuck_at(q, signed, 3, 1).tolist() == [-8, -1, -8, -3, -1]
    assert stuck.stuck_at(q, signed, 3, 0).tolist() == [0, 7, 0, 5, 7]
    assert stuck.stuck_at(q, signed, 0, 1).tolist() == [-7, -1, 1, 5, 7]
    plain = Grid(1, 4, signed=False, unit="1")
    assert stuck.stuck_at(np.array([0, 15], dtype=np.int32), plain, 3, 0).tolist() == [0, 7]
    found = list(stuck.bits(scene(drawn(3)), (0, 1)))
    assert len(found) == 2 * (12 + 8)


def test_every_condition_stays_on_the_grid_keeps_order_and_repeats() -> None:
    x = drawn(300)
    found = scene(x)
    low = np.array([feature.grid.low for feature in features()])
    high = np.array([feature.grid.high for feature in features()])
    conditions, left_out = plan(found, tuple(range(18)))
    assert left_out == []
    assert len({condition.name for condition in conditions}) == len(conditions)
    for condition in conditions:
        changed = condition.applied(x, 5)
        assert changed.dtype == np.int32
        assert (changed >= low).all(), condition.name
        assert (changed <= high).all(), condition.name
        assert np.array_equal(changed, condition.applied(x, 5)), condition.name
        if condition.group not in {"stuck", "saturated"}:
            _in_order(changed)
            _padded_as_a_whole(changed)
        if condition.group in {"scale", "noise", "saturated"}:
            assert np.array_equal(found.layout.present(changed), found.layout.present(x))


def test_a_table_without_objects_has_scale_noise_and_single_inputs() -> None:
    table = tuple(f for f in features() if f.name in {"met_pt", "met_eta"})
    x = drawn(100)[:, :2]
    meant = layout(table, x, None)
    whole = scene(drawn(5))
    conditions, left_out = plan(type(whole)(meant, whole.options, x[:0], x[:0]), (0, 1))
    assert {c.group for c in conditions} == {"scale", "noise", "lost", "saturated", "stuck"}
    assert [item.group for item in left_out] == ["region", "hot", "jets", "pile-up"]


def _in_order(x: np.ndarray) -> None:
    for objects in meaning(x).lists:
        assert (np.diff(x[:, objects.columns[:, objects.mark]], axis=1) <= 0).all()


def _padded_as_a_whole(x: np.ndarray) -> None:
    for objects in meaning(x).lists:
        block = x[:, objects.columns]
        assert not block[block[:, :, objects.mark] == 0].any()


def test_an_input_that_is_always_the_same_has_no_noise() -> None:
    x = drawn(100)
    assert meaning(x).still == (1,)
    found = named(noise.conditions(scene(x)), "all inputs ±2 steps").applied(x, 1)
    assert not found[:, 1].any()


def test_a_cut_in_front_of_the_network_drops_soft_objects_alone() -> None:
    x = event((9, 1), ((10, 1, 1),), ((80, 2, 2), (60, 3, 3), (59, 4, 4)))
    found = cut(x, cuts(meaning(x), {"j": 30.0}))
    assert found.tolist() == event((9, 1), ((10, 1, 1),), ((80, 2, 2), (60, 3, 3))).tolist()
    assert cut(x, ()) is x
    with pytest.raises(UserError, match="no list 'jets' of objects with an energy; there are e, j"):
        cuts(meaning(x), {"jets": 30.0})
