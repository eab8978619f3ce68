"""The generated C++: a network's constants in the layout of the kernels, and its list of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from string import Template

import numpy as np

from aetrig.emulator import events
from aetrig.emulator.arithmetic import LIMITS, Rounding, Store
from aetrig.emulator.files import template
from aetrig.emulator.lower import GROUP, Layer, Lookup, Network, Step, Sum
from aetrig.emulator.scaling import Input
from aetrig.emulator.score import Score

LANES, ROW = 16, 64  # outputs are padded to vectors of 16, an input's constants to 64
TYPES = {"u8": "uint8_t", "s8": "int8_t", "s16": "int16_t", "s32": "int32_t", "s64": "int64_t"}
WEIGHTS = {"dot8": "s8", "dot16": "s16", "wide": "s32"}
COLUMNS = 110
LEAST, MOST = LIMITS["s16"]


def source(network: Network, prefix: str, digest: str) -> str:
    """Return the network's part of a C++ file that has included ``emulator.hpp``.

    ``prefix``: of every exported name; a C identifier.
    """
    steps = [f"Layer{index}" for index in range(len(network.layers))]
    score = "aetrig::NoScore" if network.score is None else "Score"
    parts = [
        f"namespace {prefix} {{\nnamespace {{",
        _input(network.input, planes=events.applies(network)),
        *map(_step, steps, network.layers, events.stores_before(network)),
        "" if network.score is None else _score(network.score),
        _points(network.thresholds),
        f"using Net = aetrig::Network<Input, {score}, Points, {', '.join(steps)}>;",
        f"}} // namespace\n}} // namespace {prefix}",
    ]
    entries = Template(template("entries.cpp.in")).substitute(prefix=prefix, digest=digest)
    return "\n".join(part for part in parts if part) + entries


def _padded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


def _wrapped(value: int, kind: str) -> int:
    """Return the integer of this type that is equal modulo its size: sums wrap."""
    least, most = LIMITS[kind]
    return (value - least) % (most - least + 1) + least


def _literal(value: int) -> str:
    # the most negative number has no literal of its own in C++
    if value == LIMITS["s64"][0]:
        return "INT64_MIN"
    return f"{value}LL" if not -(1 << 31) < value < 1 << 31 else str(value)


def _array(kind: str, name: str, shape: str, values: Iterable[str]) -> str:
    lines, line = [], "       "
    for value in values:
        if len(line) + len(value) > COLUMNS:
            lines.append(line)
            line = "       "
        line += f" {value},"
    body = "\n".join([*lines, line])
    return f"    alignas(64) static constexpr {kind} {name}{shape} = {{\n{body}\n    }};"


def _row(name: str, kind: str, values: Sequence[int], padded: int, fill: int = 0) -> str:
    whole = [*values, *[fill] * (padded - len(values))]
    return _array(TYPES[kind], name, "[padded]", (_literal(_wrapped(v, kind)) for v in whole))


def _constants(word: str, values: dict[str, int]) -> str:
    return "\n".join(
        f"    static constexpr {TYPES[word]} {name} = {_literal(value)};"
        for name, value in values.items()
    )


def _rounding(how: Rounding, held: Store) -> str:
    shifts = {"left": how.left, "right": how.right, "ties": int(how.ties)}
    limits = {"least": how.least, "most": how.most, "after": how.after}
    return "\n".join(
        [
            _constants("s32", shifts),
            _constants("s64", limits),
            _constants("s32", {"low": held.low, "high": held.high}),
        ]
    )


def _input(step: Input, *, planes: bool) -> str:
    width = len(step.low)
    padded = _padded(width, ROW)
    nothing = step.rounding.half + step.rounding.folded  # of a feature that is always 0
    # words that a number beyond 16 bits saturates to must be outside the wires' range too
    wires16 = all(
        low > LEAST and high < MOST for low, high in zip(step.low, step.high, strict=True)
    )
    span = [high - low for low, high in zip(step.low, step.high, strict=True)]
    return "\n".join(
        [
            "struct Input {",
            _constants("s32", {"width": width, "outputs": width, "padded": padded}),
            f"    using Word = {TYPES[step.word]};",
            f"    using Stored = {TYPES[step.store.type]};",
            _rounding(step.rounding, step.store),
            _constants("s32", {"planes": int(planes)}),
            _constants("s32", {"wires16": int(wires16), "unscaled": int(set(step.factor) == {1})}),
            _row("wire_low", "s32", step.low, padded),
            _row("wire_high", "s32", step.high, padded),
            *(
                _row(f"wire_{end}16", "s16", limits if wires16 else [0], padded)
                for end, limits in (("low", step.low), ("high", step.high))
            ),
            _array("uint32_t", "wire_span", "[padded]", map(str, [*span, *[0] * (padded - width)])),
            _row("floor", "s16" if step.word == "s16" else "s32", step.least, padded),
            _row("ceiling", "s16" if step.word == "s16" else "s32", step.most, padded),
            _row("factor", step.word, step.factor, padded),
            _row("addend", step.word, step.addend, padded, nothing),
            "};",
        ]
    )


def _step(name: str, step: Step, before: Store) -> str:
    match step:
        case Layer():
            return _layer(name, step, before)
        case Lookup():
            return _lookup(name, step)
        case Sum():
            return _sum(name, step)


def _sum(name: str, step: Sum) -> str:
    sizes = {"kind": 2, "outputs": step.width, "padded": _padded(step.width, LANES)}
    places = {"other": step.other, "this_left": step.left, "other_left": step.other_left}
    zero = {"zero": step.store.zero}
    return "\n".join(
        [
            f"// {step.name}",
            f"struct {name} {{",
            _constants("s32", sizes | places | zero),
            _constants("s64", {"addend": step.addend}),
            f"    using Word = {TYPES[step.word]};",
            f"    using Stored = {TYPES[step.store.type]};",
            _rounding(step.rounding, step.store),
            "};",
        ]
    )


def _lookup(name: str, step: Lookup) -> str:
    sizes = {
        "kind": 1,
        "entries": len(step.entries),
        "outputs": step.width,
        "zero": step.store.zero,
    }
    return "\n".join(
        [
            f"// {step.name}",
            f"struct {name} {{",
            _constants("s32", sizes | {"padded": _padded(step.width, LANES)}),
            f"    using Stored = {TYPES[step.store.type]};",
            _array(TYPES[step.store.type], "entry", "[entries]", map(str, step.entries)),
            "};",
        ]
    )


def _layer(name: str, layer: Layer, before: Store) -> str:
    group = GROUP[layer.kind]
    inputs, outputs = layer.weight.shape
    rows, columns = _padded(inputs, group), _padded(outputs, LANES)
    weight = np.zeros((rows, columns), dtype=np.int64)
    weight[:inputs, :outputs] = layer.weight
    # [input // group][output][input % group]: a group of one output is a lane of a vector
    packed = weight.reshape(rows // group, group, columns).transpose(0, 2, 1).ravel()
    word = "s64" if layer.kind == "wide" else "s32"
    nothing = layer.rounding.half + layer.rounding.folded
    sizes = {"inputs": inputs, "group": group, "groups": rows // group, "outputs": outputs}
    proven = {"kind": 0, "pairs": int(layer.pairs), "run": layer.run, "narrow": int(layer.narrow)}
    return "\n".join(
        [
            f"// {layer.name}",
            f"struct {name} {{",
            _constants("s32", sizes | {"padded": columns} | proven),
            f"    using Word = {TYPES[word]};",
            f"    using Stored = {TYPES[layer.store.type]};",
            _rounding(layer.rounding, layer.store),
            _array(
                TYPES[WEIGHTS[layer.kind]], "weight", "[groups * padded * group]", map(str, packed)
            ),
            _row("bias", word, layer.bias, columns, nothing),
            "" if layer.kind == "wide" else _terms(layer, before),
            "};",
        ]
    )


def _terms(layer: Layer, before: Store) -> str:
    """Return the weights that are not zero, for the kernels with events in the lanes."""
    twos = events.twos(layer, before)
    chunks = [chunk for two in twos for chunk in two.chunks]
    both = [chunk.both for chunk in chunks]
    one = [chunk.of(half) for chunk in chunks for half in (0, 1)]
    word = 8 if layer.kind == "dot8" else 16

    def factor(weights: tuple[int, int]) -> int:
        pair = sum((weight % (1 << word)) << (word * i) for i, weight in enumerate(weights))
        return _wrapped(pair * 0x10001 if word == 8 else pair, "s32")

    rows = {
        "uint16_t both": [term.pair for terms in both for term in terms],
        "int32_t both_factor": [
            factor(w) for terms in both for term in terms for w in term.weights
        ],
        "int32_t both_from": _starts(map(len, both)),
        "uint16_t one": [term.pair for terms in one for term in terms],
        "int32_t one_factor": [
            factor(term.weights[i % 2]) for i, terms in enumerate(one) for term in terms
        ],
        "int32_t one_from": _starts(map(len, one)),
        "int16_t start": [_wrapped(start, "s16") for chunk in chunks for start in chunk.start],
        "int32_t chunk_from": _starts(len(two.chunks) for two in twos),
        "int32_t rest": [_wrapped(rest, "s32") for two in twos for rest in two.rest],
        "bool in_long": [int(two.wide) for two in twos],
    }
    arrays = []
    for declared, values in rows.items():
        kind, name = declared.split()
        arrays.append(_array(kind, name, f"[{max(1, len(values))}]", map(_literal, values or [0])))
    return "\n".join([_constants("s32", {"in_longs": sum(two.wide for two in twos)}), *arrays])


def _starts(counts: Iterable[int]) -> list[int]:
    return [0, *accumulate(counts)]


def _score(score: Score) -> str:
    values = {
        "reference": -1 if score.reference is None else score.reference,
        "square": int(score.kind == "square"),
        "words": int(score.words),
        "output_left": score.output_left,
        "reference_left": score.reference_left,
    }
    wide = _constants("s64", {"addend": score.addend})
    return "\n".join(["struct Score {", _constants("s32", values), wide, "};"])


def _points(thresholds: Sequence[int]) -> str:
    count = len(thresholds)
    values = ", ".join(map(_literal, thresholds)) or "0"
    return "\n".join(
        [
            "struct Points {",
            _constants("s32", {"count": count}),
            f"    static constexpr int64_t threshold[{max(1, count)}] = {{{values}}};",
            "};",
        ]
    )
