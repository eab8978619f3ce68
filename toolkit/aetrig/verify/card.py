"""The card of a network: what it is, and the figures that its verification measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from aetrig.config.model import RunConfig
from aetrig.program.model import Affine, Program


def card(
    config: RunConfig,
    program: Program,
    verdict: dict[str, Any],
    record: dict[str, Any],
    golden: int,
) -> str:
    """Return Markdown, every figure from verify.json (``verdict``) or hls.json (``record``)."""
    return "\n".join(
        [
            f"# {config.name}",
            "",
            *_network(config, program),
            "",
            *_bits(verdict, record, golden),
            "",
            *_physics(verdict),
            "",
            *_latency(verdict, record),
            "",
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


def _bits(verdict: dict[str, Any], record: dict[str, Any], golden: int) -> Iterator[str]:
    yield "## Bit accuracy"
    yield ""
    yield (
        f"Quantized integers compared between neighbouring stages ({record['backend']} project "
        f"for {record['part']}, strategy {record['strategy']}, compiled by g++):"
    )
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
    yield "| loss | " + " | ".join(f"{s['loss']:.5g}" for s in physics["stages"]) + " |"
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


def _latency(verdict: dict[str, Any], record: dict[str, Any]) -> Iterator[str]:
    yield "## Latency"
    yield ""
    measured = verdict["latency"]
    if not measured["measured"]:
        yield f"Not measured: no vendor's synthesis report was there ({record['part']})."
        return
    yield (
        f"{measured['cycles']} cycles, interval {measured['interval_cycles']}, "
        f"{measured['nanoseconds']:g} ns, estimated by the vendor's synthesis "
        f"(`{measured['source']}`)."
    )
