"""Every resource figure of a run, each with the tool that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aetrig.parts import resolve
from aetrig.records import read_record_if_there
from aetrig.run import Run

Row = tuple[str, str, str, str]
COLUMNS = ("figure", "value", "of the part", "source")


def resources(run: Run) -> list[Row]:
    """Return (figure, value, share of the part, source) from rtl.json; empty without RTL."""
    path = run / "rtl.json"
    record = read_record_if_there(path)
    return [] if record is None else list(_rtl(record))


def _rtl(record: dict[str, Any]) -> Iterator[Row]:
    part, latency = resolve(record["part"]), record["latency"]
    totals = {"LUT": part.lut, "FF": part.ff, "DSP": part.dsp, "BRAM": part.bram36}
    yield "latency in cycles", str(latency["cycles"]), "", latency["source"]
    yield "initiation interval", str(latency["interval_cycles"]), "", latency["source"]
    estimate = record["estimate"]
    delay = estimate["stage_delay"] * estimate["ns_per_unit"]
    yield "longest stage in ns", f"{delay:.2f}", "", f"{estimate['source']}, assumed unit"
    for kind, value in (("LUT", estimate["lut"]), ("FF", estimate["register_bits"])):
        yield kind, f"{value:.0f}", _share(value, totals[kind]), estimate["source"]
    counted = record["synthesis"]
    for kind, value in counted["cells"].items() if counted else ():
        yield kind, f"{value:g}", _share(value, totals.get(kind)), counted["source"]


def _share(used: float, total: int | None) -> str:
    return f"{used / total:.3%}" if total else ""
