"""Pictures as data: what they say, that JSON keeps it, and that they are drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aetrig.report.draw import panels, svg
from aetrig.report.firmware import resources
from aetrig.report.picture import Curve, Line, Panel, Picture, from_json, histogram, thinned
from aetrig.report.training import losses

LINES = [
    {"phase": phase, "epoch": epoch, "train_loss": 1 / (epoch + 1), "val_loss": 2 / (epoch + 1)}
    for phase in ("float", "qat")
    for epoch in range(5)
]


def picture() -> Picture:
    edges = np.linspace(0, 1, 5)
    first, second = (histogram(name, np.array([0.1, 0.6, 2.0]), edges) for name in "ab")
    return Picture(
        "some", "Some", "caption",
        (
            Panel("one", "x", "y", (Curve("c", (0.0, 1.0), (1.0, 2.0)),), (), (Line("l", 0.5),)),
            Panel("two", "x", "y", histograms=(first, second), log_y=True, ratio=True),
            Panel("three", "", "y", (Curve("c", (0.0, 1.0), (1.0, 2.0)),), ticks=("p", "q")),
        ),
    )  # fmt: skip


def test_json_keeps_a_picture() -> None:
    assert from_json(json.loads(json.dumps(picture().to_json()))) == picture()


def test_svg_is_whole_repeatable_and_takes_the_pages_colour() -> None:
    text = svg(picture())
    assert text == svg(picture())
    root = ET.fromstring(text)  # noqa: S314
    assert root.get("viewBox")
    assert root.get("width") is None
    assert "currentColor" in text
    assert len(panels(picture())) == 3
    names = [ET.fromstring(p).findall(".//*[@id]") for p in panels(picture())]  # noqa: S314
    found = [item.get("id") for part in names for item in part]
    assert len(found) == len(set(found)) > 0


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50))
def test_a_histogram_counts_every_value(values: list[float]) -> None:
    found = histogram("h", np.array(values), np.linspace(-1, 1, 9))
    assert sum(found.counts) == len(values)


def test_thinning_keeps_the_ends() -> None:
    x = np.arange(1000.0)
    thin, _ = thinned(x, x**2, 50)
    assert (thin[0], thin[-1], len(thin)) == (0, 999, 50)


def test_losses_are_those_of_the_lines() -> None:
    found = losses(LINES)
    assert found is not None
    assert [panel.title for panel in found.panels] == ["float", "quantization-aware"]
    assert found.panels[0].curves[1].y == (2, 1, 2 / 3, 0.5, 0.4)
    assert losses([]) is None


def test_cells_are_shares_of_the_part_and_latency_stands_by_its_budget() -> None:
    rtl = {"part": "p", "estimate": {"lut": 50.0}, "synthesis": {"cells": {"LUT": 80, "DSP": 0}}}
    latency = {"cycles": 4, "nanoseconds": 20.0, "clock_ns": 5.0, "source": "simulated"}
    found = resources(rtl, {"lut": 1000, "dsp": 10}, latency, 50.0)
    assert found is not None
    assert found.panels[0].ticks == ("LUT estimated by alkaid", "LUT by yosys", "DSP by yosys")
    assert found.panels[0].curves[0].y == (5.0, 8.0, 0.0)
    assert [line.x for line in found.panels[1].lines] == [20.0, 50.0]
    assert resources(None, None, None, None) is None
