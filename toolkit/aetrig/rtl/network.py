"""The module that gives alkaid's packed vector the names and widths of the trigger's ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aetrig.program.model import ACCEPT, SCORE, Program
from aetrig.rtl.pipeline import Pipeline
from aetrig.rtl.ports import Port, input_port, output_ports

PIPELINE = "pipeline"  # alkaid's module
NAMES = {SCORE: "score", ACCEPT: "accept"}


@dataclass(frozen=True)
class Wire:
    """Bits ``low`` to ``high`` of a port, from alkaid's vector.

    ``first``, ``last``: lowest and highest bit there, last < first for a constant zero; ``zeros``:
    bits to append below; ``sign``: bits to put above, copies of the highest where ``signed``.
    """

    port: str
    low: int
    high: int
    first: int
    last: int
    zeros: int
    sign: int
    signed: bool


def wires(program: Program, pipeline: Pipeline) -> list[Wire]:
    """Return the connection of every element.

    alkaid gives each element the bits that its own bound of the range needs: bits missing above
    are sign or zeros, and bits that it has beyond the Program's exact range are left out.
    """
    return list(_wires(output_ports(program), pipeline))


def _wires(ports: tuple[Port, ...], pipeline: Pipeline) -> Iterator[Wire]:
    (out,) = pipeline.fsm.out_signals
    start = 0
    for (name, element), kif in zip(pipeline.logic.names, out.precisions, strict=True):
        port = next(item for item in ports if item.name == name)
        signed, integer, fraction = (int(part) for part in kif)
        have = max(0, signed + integer + fraction)
        low, width = sum(port.bits[:element]), port.bits[element]
        zeros = min(width, max(0, -port.exponent - fraction)) if have else width
        below = min(have, max(0, fraction + port.exponent))
        taken = min(have - below, width - zeros)
        yield Wire(
            NAMES.get(name, "y"), low, low + width - 1, start + below, start + below + taken - 1,
            zeros, width - taken - zeros, bool(signed),
        )  # fmt: skip
        start += have


def unused(program: Program, pipeline: Pipeline) -> list[int]:
    """Return the bits of alkaid's vector that no port takes."""
    taken = {bit for wire in wires(program, pipeline) for bit in range(wire.first, wire.last + 1)}
    return sorted(set(range(output_bits(pipeline))) - taken)


def inputs(program: Program, pipeline: Pipeline) -> list[tuple[int, int]]:
    """Return (low, high) of the bits of x that alkaid takes, in the order of its packed vector.

    It leaves out what the network does not use: whole features, or their lowest bits.
    """
    (into,) = pipeline.fsm.inp_signals
    port, low, found = input_port(program), 0, list[tuple[int, int]]()
    for bits, kif in zip(port.bits, into.precisions, strict=True):
        signed, integer, fraction = (int(part) for part in kif)
        width = signed + integer + fraction
        if width > 0:
            start = low - min(0, fraction)
            found.append((start, start + width - 1))
        low += bits
    return found


def output_bits(pipeline: Pipeline) -> int:
    """Return the width of alkaid's packed result."""
    (out,) = pipeline.fsm.out_signals
    return max(1, sum(sum(int(part) for part in kif) for kif in out.precisions))


def three_ports(program: Program) -> tuple[Port, Port, Port]:
    """Return the ports y, score and accept; of a network alone the last two are constant zeros."""
    ports = output_ports(program)
    none = Port("", (1,), (False,), 0)
    return (ports[0], *ports[1:]) if len(ports) == 3 else (ports[0], none, none)
