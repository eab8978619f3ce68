"""The exported quantizers against the trained ones: width, sign, scale and rounding by name."""

from __future__ import annotations

from aetrig.nets.quant_net import QuantAutoencoder
from aetrig.program.model import Program, Quantize
from aetrig.verify.verdict import Finding

WHERE = "model.qonnx.onnx"


def format_findings(net: QuantAutoencoder, program: Program) -> list[Finding]:
    """Return a finding for each quantizer of the Program that is not the trained network's."""
    exported = {op.name: op for op in program.operations if isinstance(op, Quantize)}
    trained = [name for name in net.formats if name.endswith("_quant")]
    missing = [
        Finding(WHERE, f"quantizer '{name}' of the trained network is missing", name)
        for name in trained
        if name not in exported
    ]
    return missing + [
        Finding(WHERE, f"quantizer '{name}' is {found}, trained as {expected}", name)
        for name in trained
        if name in exported
        and (found := _described(exported[name])) != (expected := _trained(net, name))
    ]


def _described(op: Quantize) -> str:
    form = op.format
    return _text(form.low, form.high, form.exponent, op.rounding)


def _trained(net: QuantAutoencoder, name: str) -> str:
    form = net.formats[name]
    return _text(form.low, form.high, net.exponents[name], form.rounding)


def _text(low: int, high: int, exponent: int, rounding: str) -> str:
    return f"{low} to {high} in steps of 2**{exponent}, {rounding}"
