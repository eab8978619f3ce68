"""The emulator equals the Program in every bit, on every path of this processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aetrig.emulator.events import applies
from aetrig.emulator.lower import lower
from aetrig.errors import UserError
from aetrig.program.model import Program
from emulator.corners import CORNERS
from emulator.libraries import Library, assert_all_exact, assert_exact, library
from program.strategies import programs, triggers, vectors

QUIET = list(HealthCheck)


def drawn(count: int, *, seeded: bool, **options: object) -> list[Program]:
    """Random Programs, collected: hypothesis draws them, one g++ compiles them all."""
    found: list[Program] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None,
              derandomize=seeded, suppress_health_check=QUIET)  # fmt: skip
    @given(st.one_of(programs(**options), triggers(**options)))
    def collect(program: Program) -> None:
        found.append(program)

    collect()
    assert len(found) >= count // 2
    return found


def test_arithmetic_at_its_limits(corners: Library) -> None:
    for seed, (name, emulator) in enumerate(zip(CORNERS, corners.emulators, strict=True)):
        print(name)  # pytest shows it where one fails
        assert_exact(emulator, vectors(emulator.program, 301, seed))


def test_random_programs(tmp_path: Path) -> None:
    """Some with numbers that lie in planes, where every path is there, some with any numbers."""
    planes = drawn(4, seeded=True, bits=(1, 8), width=40, depth=4)
    assert sum(applies(lower(program)) for program in planes) >= 2
    some = drawn(4, seeded=True, bits=(1, 16), width=40, depth=4)
    assert_all_exact([*planes, *some], tmp_path)


def test_portable_path_alone_is_exact(tmp_path: Path) -> None:
    """As on a processor other than x86-64: no vectors are compiled, and none are claimed."""
    chosen = list(CORNERS.values())[::5]
    made = library(chosen, tmp_path, "-O1", "-DAETRIG_VECTORS=0")
    for emulator in made.emulators:
        assert emulator.paths() == ("generic",)
        assert emulator.best_path() == "generic"
        with pytest.raises(UserError, match="lacks the path avx2"):
            replace(emulator, path="avx2").trace(vectors(emulator.program, 2))
        assert_exact(emulator, vectors(emulator.program, 301))


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "width", "depth"), [(8, 64, 6), (12, 12, 3), (16, 40, 4)])
def test_many_random_programs(tmp_path: Path, bits: int, width: int, depth: int) -> None:
    chosen = drawn(40, seeded=False, bits=(1, bits), width=width, depth=depth)
    assert_all_exact(chosen, tmp_path, "-O3")
