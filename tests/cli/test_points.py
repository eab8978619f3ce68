"""Working points as they are typed."""

from __future__ import annotations

import pytest

from aetrig.cli.points import hertz, integer, named
from aetrig.errors import UserError


def test_rates_have_names_and_units() -> None:
    found = named(["loose=0.1MHz", "tight = 950", "mid=1e1kHz"], "--rate", hertz)
    assert found == {"loose": 1e5, "tight": 950.0, "mid": 1e4}
    assert named(["1kHz"], "--rate", hertz) == {"nominal": 1000.0}
    assert named(["tight=51200"], "--threshold", integer) == {"tight": 51200}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1kHz", "2kHz"], "several working points need names"),
        (["a=1kHz", "a=2kHz"], "'a' is given twice"),
        (["a=1kW"], "--rate a=1kW: expected a rate such as 30kHz"),
        (["a=-5"], "expected a rate"),
        (["=5"], "need names"),
        ([""], "expected a rate"),
    ],
)
def test_other_texts_are_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        named(texts, "--rate", hertz)
