"""Pictures as data: what they say, that JSON keeps it, and that they are drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetrig.report.draw import _figure, panels, svg
from aetrig.report.firmware import resources
from aetrig.report.ladder import rungs
from aetrig.report.picture import (
    Curve,
    Line,
    Panel,
    Picture,
    Points,
    from_json,
    histogram,
    image,
    thinned,
)
from aetrig.report.training import losses
from aetrig.report.variables import OUTLIERS, Residual, _pair, around

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
            Panel(
                "four", "x", "y", (Curve("", (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),),
                points=(Points((2.0,), (3.0,)),), tint=-0.5, place=(1, 2),
            ),
            Panel("five", "x", "y", image=image(np.array([[0.0, 1.0], [2.0, 3.0]]), edges, edges, 3)),
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
    assert len(panels(picture())) == 5
    names = [ET.fromstring(p).findall(".//*[@id]") for p in panels(picture())]  # noqa: S314
    found = [item.get("id") for part in names for item in part]
    assert len(found) == len(set(found)) > 0


@pytest.mark.parametrize("sideways", [True, False])
def test_dots_stand_by_bars_and_are_not_joined_and_uncertainties_are_drawn(sideways: bool) -> None:
    bars = Curve("bars", (0.0, 1.0), (1.0, 2.0), error=(0.5, 0.25))
    dots = Curve("dots", (0.0, 1.0), (3.0, 4.0), marked=True)
    panel = Panel("", "x", "y", (bars, dots), ticks=("p", "q"), sideways=sideways)
    (axes,) = _figure(Picture("some", "", "", (panel,))).axes
    assert len(axes.patches) == 2
    (drawn,) = axes.lines
    places = np.stack([(0.0, 1.0), (3.0, 4.0)])
    assert np.array_equal(drawn.get_data(), places[::-1] if sideways else places)
    assert drawn.get_linestyle() == "None"
    (spans,) = (found.get_segments() for found in axes.collections)
    ends = [segment[:, 0 if sideways else 1].tolist() for segment in spans]
    assert ends == [[0.5, 1.5], [1.75, 2.25]]


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
    assert found.panels[1].ticks == ("simulated", "budget")
    assert found.panels[1].curves[0].y == (20.0, 50.0)
    assert resources(None, None, None, None) is None


def test_the_ladder_names_what_differs_and_what_did_not_run() -> None:
    def row(other: str, differing: int) -> dict[str, object]:
        return {"reference": "QAT", "other": other, "values": 50, "differing": differing}

    verify = {
        "ladder": [row("csim", 0), row("csim", 2), row("RTL", 0)],
        "not_run": [{"where": "x"}],
    }
    found = rungs(verify)
    assert found is not None
    assert found.panels[0].ticks == ("QAT ≠ csim\n2 of 100 differ", "QAT = RTL\n0 of 50 differ")
    assert "Not run: x" in found.caption
    assert rungs(None) is None


@given(st.floats(-0.99, 0.99), st.integers(0, 9))
def test_a_pair_of_residuals_shows_its_correlation(rho: float, seed: int) -> None:
    a, noise = np.random.default_rng(seed).normal(size=(2, 4000))
    b = rho * a + np.sqrt(1 - rho**2) * noise
    panel = _pair(Residual("a", "a", a * 7), Residual("b", "b", b / 3 + 5), (0, 0))
    assert panel.tint == pytest.approx(rho, abs=0.08)
    x, y = np.array(panel.points[0].x), np.array(panel.points[0].y)
    tint = panel.tint or 0.0
    assert len(x) == OUTLIERS
    assert (x**2 - 2 * tint * x * y + y**2 > 0.99 * (1 - tint**2)).all()
    ex, ey = np.array(panel.curves[0].x), np.array(panel.curves[0].y)
    assert ex**2 - 2 * tint * ex * ey + ey**2 == pytest.approx(1 - tint**2)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(-2, 2))
def test_angles_differ_the_short_way_around(first: float, second: float, turns: int) -> None:
    period = 2 * np.pi
    found = around(np.array([second - first + turns * period]), period)[0]
    assert abs(found) <= np.pi + 1e-9
    assert np.cos(found) == pytest.approx(np.cos(second - first), abs=1e-9)
    assert around(np.array([9.0]), None)[0] == 9
