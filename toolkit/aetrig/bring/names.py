"""The names that later stages know layers by, and the config that describes the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from aetrig.config.model import RunConfig
from aetrig.errors import UserError
from aetrig.program.model import Add, Affine, Operation, Program, Quantize, Relu, Table

INPUT = "input_quant"
CONFIG_BITS = 16  # the widest that a config describes; the network itself may hold more


def layer_names(features: int, widths: Sequence[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names of encoder and decoder layers for the widths of the layers' results.

    The encoder ends at the narrowest layer, the first of several, where the output is as wide as
    the input; any other network is an encoder alone.
    """
    last = len(widths) - 1
    narrowest = min(widths)
    if widths[-1] == features and narrowest < features:
        last = list(widths).index(narrowest)
    encoder = tuple(f"encoder_{i}" for i in range(last + 1))
    return encoder, tuple(f"decoder_{i}" for i in range(len(widths) - last - 1))


def renamed(
    operations: Sequence[Operation], layers: Sequence[str]
) -> tuple[tuple[Operation, ...], dict[str, str]]:
    """Return the operations behind the input scaling under final names, and these by the old ones.

    ``layers``: a name for each Affine, in order.
    """
    names: dict[str, str] = {}
    current = iter(layers)
    layer = ""
    for op, following in pairwise((*operations, None)):
        if isinstance(op, Affine):
            layer = next(current)
        if op is not None:
            names[op.name] = f"{layer}{_suffix(op, following)}" if layer else INPUT
    return tuple(_renamed(op, names) for op in operations), names


def _suffix(op: Operation, following: Operation | None) -> str:
    if isinstance(op, Quantize):
        before = {Table: "_pre_quant", Add: "_branch_quant"}
        return before.get(type(following), "_quant")
    return {Relu: "_relu", Table: "_table", Add: "_residual"}.get(type(op), "")


def _renamed(op: Operation, names: Mapping[str, str]) -> Operation:
    if isinstance(op, Add):
        return Add(names[op.name], names[op.source])
    return replace(op, name=names[op.name])


def affine_names(program: Program) -> tuple[str, ...]:
    """Return the names of the layers, in order."""
    return tuple(op.name for op in program.operations if isinstance(op, Affine))


def described(config: RunConfig, program: Program) -> RunConfig:
    """Return the config with network and quantization as the Program has them.

    A config that describes the network already keeps what the Program does not say, such as batch
    normalization in training. Raises UserError where it does not fit the score of the config.
    """
    if config.net.layer_names() == affine_names(program) and _widths(config, program):
        return config
    content = config.model_dump(mode="json")
    affines = [op for op in program.operations if isinstance(op, Affine)]
    encoder = [len(op.bias) for op in affines if not op.name.startswith("decoder_")]
    decoder = [len(op.bias) for op in affines if op.name.startswith("decoder_")]
    content["net"] = {"encoder": encoder, "decoder": decoder[:-1]}
    content["quant"] = _quantization(program)
    try:
        found = RunConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "config"
        raise UserError(f"the network does not fit the config: {where}: {first['msg']}") from error
    if program.outputs != program.features and found.trigger.score != "latent":
        raise UserError(
            f"the network's output is {program.outputs} wide and its input {program.features}: "
            f"trigger.score is {found.trigger.score}, which compares them; use --set "
            "trigger.score=latent"
        )
    return found


def _widths(config: RunConfig, program: Program) -> bool:
    """Say whether encoder and decoder of the config are as wide as the Program's."""
    net = config.net
    found = {op.name: len(op.bias) for op in program.operations if isinstance(op, Affine)}
    encoder = dict(zip(net.encoder_names, net.encoder, strict=True))
    decoder = dict(zip(net.decoder_names, net.hidden_decoder, strict=False))
    return all(found.get(name, width) == width for name, width in (encoder | decoder).items())


def _quantization(program: Program) -> dict[str, Any]:
    """Return the config's section, layer by layer; what is wider than it allows is left out."""
    layers: dict[str, dict[str, Any]] = {}
    layer = ""

    def note(key: str, bits: int) -> None:
        if bits <= CONFIG_BITS:
            layers[layer][key] = bits

    for op in program.operations:
        if isinstance(op, Affine):
            layer = op.name
            layers[layer] = {}
            note("weight_bits", op.weight_format.bits)
        elif isinstance(op, Quantize) and op.name == f"{layer}_quant":
            note("activation_bits", op.format.bits)
            layers[layer]["rounding"] = op.rounding
    first = program.input_quantizer
    return {
        "input_bits": min(first.format.bits, CONFIG_BITS),
        "input_rounding": first.rounding,
        "output_bits": min(program.output_format.bits, CONFIG_BITS),
        "layers": layers,
    }
