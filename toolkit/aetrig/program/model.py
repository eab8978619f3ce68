"""The integer program: what the exported network computes, as a short list of operations.

A value in the program is an integer q with a binary exponent e that all elements of a tensor
share: it stands for the number q * 2**e. Nothing here is floating point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Rounding = Literal["ROUND", "FLOOR"]
SCORE, ACCEPT = "score", "accept"  # names of the trigger's results, beside those of operations
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Format:
    """Fixed-point numbers of ``bits`` bits: q * 2**exponent with low <= q <= high."""

    bits: int
    signed: bool
    exponent: int
    narrow: bool = False

    @property
    def low(self) -> int:
        """Smallest integer; a narrow signed range is symmetric."""
        return -(1 << (self.bits - 1)) + int(self.narrow) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest integer."""
        if self.signed:
            return (1 << (self.bits - 1)) - 1
        return (1 << self.bits) - 1 - int(self.narrow)


@dataclass(frozen=True)
class Rescale:
    """(x - offset) * 2**-shift, feature by feature: the input scaling. No rounding.

    ``offset`` and ``shift``: int64, shape (features,). The result's exponent is -max(shift).
    """

    name: str
    offset: Integers
    shift: Integers


@dataclass(frozen=True)
class Affine:
    """x @ weight + bias in exact integers.

    ``weight``: int64, shape (inputs, outputs), in ``weight_format``.
    ``bias``: int64, shape (outputs,), at the accumulator's exponent (input's plus weight's).
    """

    name: str
    weight: Integers
    weight_format: Format
    bias: Integers


@dataclass(frozen=True)
class Relu:
    """max(x, 0)."""

    name: str


@dataclass(frozen=True)
class Quantize:
    """Round to ``format.exponent`` and saturate to ``format``'s range."""

    name: str
    format: Format
    rounding: Rounding


@dataclass(frozen=True)
class Table:
    """values[x - low]: an activation of the integers of the quantizer before it.

    ``values``: int64, one for each integer of that quantizer's format, ``low`` for the first; they
    stand at ``exponent``, and the quantizer behind the table has that exponent and their range.
    """

    name: str
    low: int
    values: Integers
    exponent: int


@dataclass(frozen=True)
class Add:
    """x plus the integers of an earlier quantizer: a residual connection. No rounding.

    ``source``: name of that quantizer, as wide as x. The result's exponent is the finer of both.
    """

    name: str
    source: str


Operation = Rescale | Affine | Relu | Table | Add | Quantize


@dataclass(frozen=True)
class Score:
    """The anomaly score: how far the output is from a reference, one integer an event.

    The sum over the output's elements of (output - reference)**2 ("square") or of
    abs(output - reference) ("absolute"). Both are brought to the finer of their exponents before
    the difference, exactly. The sum's exponent is that of the difference, doubled for squares; a
    mean is never formed: its divisor belongs into the threshold.
    ``reference``: name of the Quantize whose integers are subtracted; None: zero, as for the sum
    of squared latent means.
    """

    kind: Literal["square", "absolute"]
    reference: str | None


@dataclass(frozen=True)
class WorkingPoint:
    """An event is accepted where its score is greater than ``threshold``, an integer."""

    name: str
    threshold: int


@dataclass(frozen=True)
class Trigger:
    """Score and accept bits behind the network: one bit a working point, in their order.

    ``network``: SHA-256 of the QONNX file of the network that it belongs to.
    """

    score: Score
    points: tuple[WorkingPoint, ...]
    network: str


@dataclass(frozen=True)
class Program:
    """The network from hardware integers to reconstructed, quantized numbers, and its trigger.

    ``input_formats``: one Format a feature, exponent 0: the integers that the input may hold.
    ``digest``: SHA-256 of the QONNX file it was read from.
    The first Quantize is the network's input quantizer: its result is what the network
    reconstructs, and what a reconstruction score compares the output with.
    ``trigger``: None for a network alone.
    """

    input_formats: tuple[Format, ...]
    operations: tuple[Operation, ...]
    digest: str
    trigger: Trigger | None = None

    @property
    def features(self) -> int:
        """Width of the input."""
        return len(self.input_formats)

    @property
    def outputs(self) -> int:
        """Width of the output."""
        affine = next(op for op in reversed(self.operations) if isinstance(op, Affine))
        return len(affine.bias)

    @property
    def input_quantizer(self) -> Quantize:
        """The quantizer behind the input scaling."""
        return next(op for op in self.operations if isinstance(op, Quantize))

    def quantizer(self, name: str) -> Quantize:
        """Return a quantizer by its name."""
        return next(op for op in self.operations if isinstance(op, Quantize) and op.name == name)

    @property
    def score_exponent(self) -> int:
        """Binary exponent of the trigger's score; raises ValueError for a network alone."""
        if self.trigger is None:
            raise ValueError("a network alone has no score")
        score, exponent = self.trigger.score, self.output_format.exponent
        if score.reference is not None:
            exponent = min(exponent, self.quantizer(score.reference).format.exponent)
        return 2 * exponent if score.kind == "square" else exponent

    @property
    def output_format(self) -> Format:
        """Format of the output."""
        last = self.operations[-1]
        if not isinstance(last, Quantize):
            msg = f"the program ends in {type(last).__name__} '{last.name}', not in Quantize"
            raise TypeError(msg)
        return last.format
