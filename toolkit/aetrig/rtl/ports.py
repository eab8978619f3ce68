"""The bits of the trigger's ports: which element lies where, and packing events into words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.program.ranges import ranges

WORD = 32
LEAST_WORDS = 3  # from there on Verilator keeps a port as an array of words
DIGITS = 64  # hexadecimal, of a SHA-256
Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Port:
    """Elements of a port, the first in the lowest bits. ``exponent``: of their integers."""

    name: str
    bits: tuple[int, ...]
    signed: tuple[bool, ...]
    exponent: int

    @property
    def width(self) -> int:
        """Bits of the port, at least one."""
        return max(1, sum(self.bits))

    @property
    def words(self) -> int:
        """Words of 32 bits on the test bench's side."""
        return max(LEAST_WORDS, -(-self.width // WORD))

    def pack(self, values: Integers) -> Words:
        """Return integers (events, elements) as words (events, words)."""
        words = np.zeros((self.words, len(values)), dtype=np.uint64)
        low, start = np.uint64((1 << WORD) - 1), 0
        for i, bits in enumerate(self.bits):
            element = values[:, i].astype(np.uint64) & np.uint64((1 << bits) - 1)
            first, offset = divmod(start, WORD)
            words[first] |= (element << np.uint64(offset)) & low
            for word in range(1, -(-(offset + bits) // WORD)):  # where it goes on in the next
                words[first + word] |= (element >> np.uint64(WORD * word - offset)) & low
            start += bits
        return np.ascontiguousarray(words.T, dtype=np.uint32)

    def unpack(self, words: Words) -> Integers:
        """Return the integers (events, elements) that words (events, words) hold."""
        wide = np.ascontiguousarray(words.T, dtype=np.uint64)
        found = np.empty((len(words), len(self.bits)), dtype=np.int64)
        start = 0
        for i, (bits, signed) in enumerate(zip(self.bits, self.signed, strict=True)):
            first, offset = divmod(start, WORD)
            value = wide[first] >> np.uint64(offset)
            for word in range(1, -(-(offset + bits) // WORD)):  # where it goes on in the next
                value |= wide[first + word] << np.uint64(WORD * word - offset)
            # to the upper end, and back with copies of the sign, or with zeros
            value <<= np.uint64(64 - bits)
            found[:, i] = (value.view(np.int64) if signed else value) >> (64 - bits)
            start += bits
        return found


def hexadecimal(program: Program) -> str:
    """Return the 64 digits of the port network_digest: the contract's SHA-256.

    Zero for a program that was read from no file.
    """
    return program.digest.zfill(DIGITS)


def input_port(program: Program) -> Port:
    """Return the port of the hardware integers."""
    formats = program.input_formats
    return Port("x", tuple(f.bits for f in formats), tuple(f.signed for f in formats), 0)


def output_ports(program: Program) -> tuple[Port, ...]:
    """Return the ports of output, score and accept bits; of the output alone without a trigger."""
    form = program.output_format
    last = program.operations[-1].name
    width = program.outputs
    ports = [Port(last, (form.bits,) * width, (form.signed,) * width, form.exponent)]
    if program.trigger is not None:
        bits = ranges(program)[SCORE].bits
        ports.append(Port(SCORE, (bits,), (False,), program.score_exponent))
        points = len(program.trigger.points)
        ports.append(Port(ACCEPT, (1,) * points, (False,) * points, 0))
    return tuple(ports)
