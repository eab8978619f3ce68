"""The card of a network: what it is, and the figures that its verification measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from aetrig.config.model import RunConfig
from aetrig.parts import resolve
from aetrig.physics.trigger_rate import hertz
from aetrig.program.model import Affine, Program


def card(
    config: RunConfig,
    program: Program,
    verdict: dict[str, Any],
    records: dict[str, dict[str, Any] | None],
    golden: int,
) -> str:
    """Return Markdown, every figure from verify.json (``verdict``) or a stage's JSON.

    ``records``: hls.json, rtl.json and trigger.json by `hls`, `rtl` and `trigger`, None where the
    run has none.
    """
    return "\n".join(
        [
            f"# {config.name}",
            "",
            *_network(config, program),
            "",
            *_bits(verdict, records["hls"], golden),
            "",
            *_physics(verdict),
            "",
            *_trigger(records["trigger"]),
            *_latency(verdict, config),
            "",
            *_rtl(records["rtl"]),
        ]
    )


def _network(config: RunConfig, program: Program) -> Iterator[str]:
    affines = [op for op in program.operations if isinstance(op, Affine)]
    widths = "-".join(map(str, [program.features, *(len(op.bias) for op in affines)]))
    weights = sum(op.weight.size for op in affines)
    zeros = sum(int(np.count_nonzero(op.weight == 0)) for op in affines)
    quant = config.quant
    yield f"Fully-connected autoencoder {widths}, trained on `{config.data.source}`."
    yield ""
    yield f"- {weights:,} weights, {zeros / weights:.1%} of them zero."
    yield (
        f"- Weights of {quant.weight_bits} bits, activations {quant.activation_bits}, input "
        f"{quant.input_bits}, output {quant.output_bits}; rounding {quant.rounding}."
    )
    for name, layer in quant.layers.items():
        given = layer.model_dump(exclude_none=True)
        yield f"- `{name}`: " + ", ".join(f"{key} {value}" for key, value in given.items()) + "."
    yield f"- Contract: `model.qonnx.onnx`, SHA-256 `{program.digest}`."
    yield "- Made by `aetrig golden write`; checked by `aetrig golden check`."


def _bits(verdict: dict[str, Any], record: dict[str, Any] | None, golden: int) -> Iterator[str]:
    yield "## Bit accuracy"
    yield ""
    made = ""
    if record is not None:
        made = (
            f" ({record['backend']} project for {record['part']}, strategy {record['strategy']}, "
            "compiled by g++)"
        )
    yield f"Integers compared between neighbouring stages{made}:"
    yield ""
    yield "| stages | vectors | events | values | differing |"
    yield "|---|---|---:|---:|---:|"
    for row in verdict["ladder"]:
        yield (
            f"| {row['reference']}, {row['other']} | {row['vectors']} | {row['events']:,} "
            f"| {row['values']:,} | {row['differing']:,} |"
        )
    yield ""
    yield f"`golden.npz` holds {golden:,} of these events with the output's integers."


def _physics(verdict: dict[str, Any]) -> Iterator[str]:
    physics = verdict["physics"]
    stages = [stage["stage"] for stage in physics["stages"]]
    yield "## Physics"
    yield ""
    yield f"On {physics['background_events']:,} background events that were not trained on."
    yield ""
    yield "| | " + " | ".join(stages) + " |"
    yield "|---|" + "---:|" * len(stages)
    losses = ("" if s["loss"] is None else f"{s['loss']:.5g}" for s in physics["stages"])
    yield "| loss | " + " | ".join(losses) + " |"
    rates = (f"{s['point']['rate']:.3g}" for s in physics["stages"])
    yield "| background rate | " + " | ".join(rates) + " |"
    for signal in physics["signals"]:
        for title, key in (("AUC", "auc"), ("efficiency", "efficiency")):
            found = (signal[key][stage] for stage in stages)
            cells = (f"{item['value']:.4f} ± {_error(item):.4f}" for item in found)
            yield f"| {title} {signal['name']} | " + " | ".join(cells) + " |"
    if not physics["signals"]:
        yield from _residuals(physics, stages)
    yield ""
    yield (
        f"Decisions agree between {stages[0]} and {stages[-1]} for {physics['agreement']:.3%} of "
        f"the background; rank correlation of the scores {physics['rank_correlation']:.5f}."
    )


def _error(item: dict[str, float]) -> float:
    """Return an AUC's error, or an efficiency's: of the signal's and the threshold's statistics."""
    if "error" in item:
        return item["error"]
    return math.hypot((item["high"] - item["low"]) / 2, item["from_threshold"])


def _residuals(physics: dict[str, Any], stages: list[str]) -> Iterator[str]:
    for index, step in enumerate(physics["steps"]):
        found = [physics["residuals"][stage][index] for stage in stages]
        name, unit = found[0]["feature"], physics["units"][index]
        cells = (f"{item['sigma68']['value'] * step:.4g}" for item in found)
        yield f"| residual width {name} [{unit}] | " + " | ".join(cells) + " |"


def _trigger(record: dict[str, Any] | None) -> Iterator[str]:
    if record is None:
        return
    score = record["score"]
    unit = f"2**{score['exponent']} / {score['divisor']}"
    yield "## Trigger"
    yield ""
    yield f"Score of {score['bits']} bits in units of {unit}; rates from {record['rates_from']}."
    yield ""
    points = record["working_points"]
    yield "| | " + " | ".join(point["name"] for point in points) + " |"
    yield "|---|" + "---:|" * len(points)
    yield "| threshold | " + " | ".join(f"{point['threshold']:,}" for point in points) + " |"
    yield "| rate | " + " | ".join(map(_rate, points)) + " |"
    for process, found in record["efficiency"].items():
        cells = (found[point["name"]] for point in points)
        texts = (f"{cell['value']:.4f} ± {cell['error']:.4f}" for cell in cells)
        yield f"| efficiency {process} | " + " | ".join(texts) + " |"
    yield ""


def _rate(point: dict[str, Any]) -> str:
    measured = point["measured"]
    if measured is None:
        return "not measured"
    return f"{hertz(measured['rate'])} ± {hertz(measured['error'])}"


def _latency(verdict: dict[str, Any], config: RunConfig) -> Iterator[str]:
    yield "## Latency"
    yield ""
    measured = verdict["latency"]
    if not measured["measured"]:
        yield f"Not measured: neither RTL nor a vendor's report was there ({config.hls.part})."
        return
    yield (
        f"{measured['cycles']} cycles, interval {measured['interval_cycles']}, "
        f"{measured['nanoseconds']:g} ns (`{measured['source']}`)."
    )


def _rtl(record: dict[str, Any] | None) -> Iterator[str]:
    if record is None:
        return
    part = resolve(record["part"])
    estimate, counted = record["estimate"], record["synthesis"]
    yield f"## Resources on {part.name} at {record['clock_ns']:g} ns"
    yield ""
    yield "| | | of the part | source |"
    yield "|---|---:|---:|---|"
    share = _share(estimate["lut"], part.lut)
    yield f"| LUT | {estimate['lut']:,.0f} | {share} | {estimate['source']} |"
    for kind, number in (counted or {"cells": {}})["cells"].items():
        total = {"LUT": part.lut, "FF": part.ff, "DSP": part.dsp, "BRAM": part.bram36}.get(kind)
        yield f"| {kind} | {number:,g} | {_share(number, total)} | {counted['source']} |"
    yield ""


def _share(used: float, total: int | None) -> str:
    return f"{used / total:.3%}" if total else ""
