"""Multipliers and weight memory of a reuse factor."""

from __future__ import annotations

from aetrig.config.model import Hls
from aetrig.hls.generate import plan
from aetrig.hls.needs import Needs, needs
from aetrig.parts import resolve
from hls.programs import small_program


def test_a_multiplier_for_each_product_that_is_not_reused() -> None:
    program = small_program()
    planned = plan(program, Hls(strategy="resource", reuse_factor=8))
    found = needs(program, planned.reuse)
    products = {"encoder_0": 48, "encoder_1": 16, "decoder_0": 16, "decoder_1": 48}
    assert {name: n * planned.reuse[name] for name, n in found.multipliers.items()} == products
    assert found.weight_bits == 48 * 6 + 16 * 1 + 16 * 12 + 48 * 4


def test_what_does_not_fit_is_said() -> None:
    *_, multipliers, weights = Needs({"a": 221}, 36 * 1024 * 140).rows(resolve("xc7z020"))
    assert multipliers[2].startswith("221 of 220 DSP")
    assert "NOT fit" in multipliers[2]
    assert weights[2] == "140 of 140 blocks of 36 kbit, 100.0%; fits"
    assert Needs({}, 36 * 1024 + 1).blocks == 2
