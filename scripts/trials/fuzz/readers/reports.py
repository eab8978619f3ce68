"""Reports of the FPGA vendor's tools."""

from __future__ import annotations

from aetrig.hls.cosim import read_cosim
from aetrig.hls.report import read_report
from aetrig.hls.vivado import read_timing, read_utilization
from hls import vendor_reports
from trials.fuzz.reader import Reader

TEXTS = {name: text for name, text in vars(vendor_reports).items() if isinstance(text, str)}


def _of(*words: str) -> list[bytes]:
    return [
        text.encode()
        for name, text in TEXTS.items()
        if name.isupper() and any(word in name for word in words)
    ]


READERS = (
    Reader(
        "csynth", read_report, lambda: _of("CSYNTH"),
        ".xml", ("undef", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "<LUT>", "</LUT>", "DSP48E"),
    ),
    Reader(
        "utilization", read_utilization,
        lambda: _of("UTILIZATION"), ".rpt", ("| Site Type", "| DSPs", "Available", "Used", "NA"),
    ),
    Reader(
        "timing", read_timing, lambda: _of("TIMING"), ".rpt",
        ("WNS(ns)", "WHS(ns)", "NA", "inf", "| Design Timing Summary"),
    ),
    Reader(
        "cosim", read_cosim, lambda: _of("COSIM"), ".rpt",
        ("|   Verilog|", "|      VHDL|", "Pass", "Fail", "NA", "|"),
    ),
)  # fmt: skip
