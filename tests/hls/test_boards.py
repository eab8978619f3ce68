"""Boards come from hls4ml's own list, and board and part must agree."""

from __future__ import annotations

import pytest

from aetrig.config.model import Hls
from aetrig.errors import UserError
from aetrig.hls.boards import boards, part_of
from aetrig.hls.generate import plan
from aetrig.hls.project import check_project
from hls.conftest import Generate
from hls.programs import small_program
from hls.test_trigger import triggered


def test_every_board_of_hls4ml_has_a_part() -> None:
    assert {"pynq-z2", "zcu102"} <= set(boards())
    assert part_of("pynq-z2") == "xc7z020clg400-1"


def test_a_board_is_planned_with_its_part() -> None:
    for board, part in boards().items():
        options = Hls(backend="VivadoAccelerator", board=board, part=part)
        assert (plan(small_program(), options).board, options.part) == (board, part)
    options = Hls(backend="VivadoAccelerator", part="xc7z020clg400-1")
    assert plan(small_program(), options).board == "pynq-z2"


@pytest.mark.parametrize("board", boards())
def test_every_board_gets_its_script_its_driver_and_the_triggers_words(
    generated: Generate, board: str
) -> None:
    program = triggered("absolute", None)
    made = generated(program, backend="VivadoAccelerator", board=board, part=part_of(board))
    for name in ("design.tcl", "axi_stream_driver.py", "trigger_driver.py"):
        assert (made.folder / name).exists()
    assert f'set part "{part_of(board)}"' in (made.folder / "project.tcl").read_text()
    assert "#define TRIGGER_AXI 1" in (made.folder / "firmware/trigger_config.h").read_text()
    assert check_project(made.folder, made.program) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"board": "pynq-z3"}, "unknown board 'pynq-z3'; did you mean 'pynq-z2'"),
        ({"board": "pynq-z2"}, "carries xc7z020clg400-1, but the part is xcvu9p"),
        ({}, r"no board with xcvu9p.*pynq-z2 \(xc7z020clg400-1\)"),
        ({"backend": "Vitis", "board": "pynq-z2"}, "is for backend VivadoAccelerator, not Vitis"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        plan(small_program(), Hls(**({"backend": "VivadoAccelerator"} | options)))  # type: ignore[arg-type]
