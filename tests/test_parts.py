from __future__ import annotations

import pytest

from aetrig.errors import UserError
from aetrig.parts import parts, resolve


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("xcvu9p", "xcvu9p-flga2104-2-e"),
        ("XCVU9P", "xcvu9p-flga2104-2-e"),
        ("xcvu9p-flgb2104-2-i", "xcvu9p-flgb2104-2-i"),
        ("xc7z020clg484-1", "xc7z020clg484-1"),
        ("xc7z020", "xc7z020clg400-1"),
        ("arria10", "Arria10"),
    ],
)
def test_short_and_full_names(given: str, full: str) -> None:
    assert resolve(given).name == full


def test_totals_come_with_a_full_name_too() -> None:
    assert resolve("xcvu9p-flgb2104-2-i").lut == resolve("xcvu9p").lut == 1182240


@pytest.mark.parametrize("name", ["xcvu9", "xcvu99p", "xcvu9pp-flga2104-2-e", "", "zynq"])
def test_an_unknown_part_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(UserError, match="unknown FPGA part") as caught:
        resolve(name)
    if name.startswith("xcvu9"):
        assert "did you mean 'xcvu9p'" in str(caught.value)


def test_every_full_name_begins_with_its_short_one() -> None:
    for short, part in parts().items():
        assert part.name.lower().startswith(short)
        assert resolve(part.name) == part
