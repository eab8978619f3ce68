"""Boards with a processor beside the FPGA, as hls4ml's VivadoAccelerator backend knows them."""

from __future__ import annotations

import json
from functools import cache
from importlib import util
from pathlib import Path

from aetrig.errors import MissingToolError, UserError, did_you_mean

KNOWN = Path("backends", "vivado_accelerator", "supported_boards.json")


@cache
def boards() -> dict[str, str]:
    """Return the part of each board by its name, from hls4ml's own list."""
    package = util.find_spec("hls4ml")
    if package is None or package.origin is None:
        raise MissingToolError("the Python package hls4ml is not installed: pip install hls4ml")
    content = json.loads((Path(package.origin).parent / KNOWN).read_text(encoding="utf-8"))
    return {name: str(entry["part"]) for name, entry in content.items()}


def part_of(board: str) -> str:
    """Return a board's part; raise UserError, with the nearest names, for an unknown board."""
    known = boards()
    if board not in known:
        raise UserError(
            f"unknown board '{board}'{did_you_mean(board, known)} (known: {', '.join(known)})"
        )
    return known[board]


def board_with(part: str) -> str | None:
    """Return the first board that carries a part, None where there is none."""
    return next((name for name, found in boards().items() if found == part), None)
