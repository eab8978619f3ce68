"""The card of a network: what it is, and the figures that its verification measured."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from aetrig.config.model import RunConfig
from aetrig.parts import resolve
from aetrig.physics.trigger_rate import hertz
from aetrig.program.model import Affine, Program

GOLDEN = "## Golden vectors"
WORDS = {
    "given": "as first written",
    "events": "validation events",
    "adversarial": "adversarial",
    "chosen": "chosen to show single-bit faults",
}


def card(
    config: RunConfig,
    program: Program,
    verdict: dict[str, Any],
    records: dict[str, dict[str, Any] | None],
    vectors: dict[str, Any],
) -> str:
    """Return Markdown, every figure from verify.json (``verdict``) or a stage's JSON.

    ``records``: hls.json, rtl.json and trigger.json by `hls`, `rtl` and `trigger`, None where the
    run has none. ``vectors``: what golden.json says of the golden vectors.
    """
    return "\n".join(
        [
            f"# {config.name}",
            "",
            *_network(config, program),
            "",
            *_bits(verdict, records["hls"]),
            "",
            *_vectors(vectors),
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


def _bits(verdict: dict[str, Any], record: dict[str, Any] | None) -> Iterator[str]:
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


def with_vectors(text: str, vectors: dict[str, Any]) -> str:
    """Return a card's text with its paragraph of golden vectors written anew, or added."""
    parts = re.split(r"(?m)^(?=## )", text)
    parts = [part for part in parts if not part.startswith(GOLDEN)]
    parts = [re.sub(r"(?m)^`golden\.npz` holds .*\n\n?", "", part) for part in parts]
    behind = [i for i, part in enumerate(parts) if part.startswith("## Bit accuracy")]
    place = behind[0] + 1 if behind else len(parts)
    parts.insert(place, "\n".join((*_vectors(vectors), "", "")))
    return "".join(parts)


def _vectors(vectors: dict[str, Any]) -> Iterator[str]:
    kinds = [f"{count:,} {WORDS[kind]}" for kind, count in vectors.items() if kind in WORDS]
    total = sum(count for kind, count in vectors.items() if kind in WORDS)
    yield GOLDEN
    yield ""
    yield f"`golden.npz` holds {total:,} inputs with the output's integers: {', '.join(kinds)}."
    yield ""
    faults = vectors["faults"]
    share = faults["detected"] / faults["changed"] if faults["changed"] else 1.0
    yield (
        f"Flipping one bit of a weight, bias, table or threshold: {faults['tried']:,} of "
        f"{faults['bits']:,} bits were tried. {faults['silent']:,} are proven to change nothing; "
        f"{faults['changed']:,} change the output, the score or a decision for some input, and the "
        f"golden vectors show {faults['detected']:,} of these ({share:.2%}; "
        f"{faults['before']:,} without the chosen ones). The others changed nothing on "
        f"{faults['searched']:,} inputs."
    )
    if held := faults.get("held"):
        shown = faults["held_shown"]
        yield ""
        yield (
            f"Of {held:,} others that change something, for which no vector was chosen, they show "
            f"{shown:,} ({shown / held:.2%})."
        )


def _physics(verdict: dict[str, Any]) -> Iterator[str]:
    yield "## Physics"
    yield ""
    physics = verdict["physics"]
    if physics is None:
        yield "Not measured."
        return
    stages = [stage["stage"] for stage in physics["stages"]]
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
    measured = physics["residuals"]  # not of a stage that reconstructs nothing
    first: list[dict[str, Any]] = next(iter(measured.values()), [])
    for index, (feature, step) in enumerate(zip(first, physics["steps"], strict=False)):
        widths = {
            stage: f"{found[index]['sigma68']['value'] * step:.4g}"
            for stage, found in measured.items()
        }
        cells = " | ".join(widths.get(stage, "") for stage in stages)
        yield f"| residual width {feature['feature']} [{physics['units'][index]}] | {cells} |"


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
