"""Read the vendor's co-simulation report: latency and interval in cycles, as simulated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import CheckFailedError, UserError
from aetrig.reading import read_text

LANGUAGES = ("VHDL", "Verilog")
# language, status, latency (min, avg, max), interval (min, avg, max); Vitis HLS adds the total
COLUMNS = (8, 9)
NOT_GIVEN = "NA"
MOST_DIGITS = 18  # of a number of cycles


@dataclass(frozen=True)
class CosimReport:
    """What the vendor's simulation of the RTL counted, in cycles, over the test bench's events.

    ``interval_min`` and ``interval_max``: None where one event alone was simulated.
    """

    path: Path
    language: str
    latency_min: int
    latency_max: int
    interval_min: int | None
    interval_max: int | None


def read_cosim(path: Path) -> CosimReport:
    """Read a ``*_cosim.rpt`` of Vivado HLS or Vitis HLS.

    Raises UserError where it is unreadable, cut off or without a latency; CheckFailedError where
    the simulation did not pass.
    """
    lines = read_text(path).splitlines()
    rows = [[cell.strip() for cell in line.strip().split("|")] for line in lines]
    known = [row[1:-1] for row in rows if len(row) > 1 and row[1] in LANGUAGES]
    for row in known:
        if len(row) not in COLUMNS:
            raise UserError(f"{path}: the row of an RTL is cut off; is the report complete?")
    simulated = [row for row in known if row[1] != NOT_GIVEN]
    if not simulated:
        raise UserError(f"{path}: no RTL was simulated; is the report complete?")
    language, status, *figures = simulated[0]
    if status != "Pass":
        raise CheckFailedError(f"{path}: co-simulation of the {language} ended in '{status}'")
    return CosimReport(
        path=path,
        language=language,
        latency_min=_cycles(path, "latency", figures[0]),
        latency_max=_cycles(path, "latency", figures[2]),
        interval_min=_interval(path, figures[3]),
        interval_max=_interval(path, figures[5]),
    )


def _interval(path: Path, text: str) -> int | None:
    return None if text == NOT_GIVEN else _cycles(path, "interval", text)


def _cycles(path: Path, what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise UserError(f"{path}: {what} is '{text}', expected a number of cycles")
    return int(text)
