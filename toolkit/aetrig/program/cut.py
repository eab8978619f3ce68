"""The two halves of an autoencoder's Program: encoder and decoder, each a Program of its own."""

from __future__ import annotations

import numpy as np

from aetrig.errors import UserError
from aetrig.program.model import Add, Affine, Format, Program, Quantize, Rescale


def latent(program: Program) -> Quantize:
    """Return the quantizer of the latent space: that of the narrowest layer, the first of several.

    Raises UserError where nothing follows it that leads back to the width of the input.
    """
    width, narrowest, found = program.features, program.features, None
    for op in program.operations:
        if isinstance(op, Affine):
            width = len(op.bias)
        part = isinstance(op, Quantize) and not op.name.endswith(("_pre_quant", "_branch_quant"))
        if part and width < narrowest and op is not program.input_quantizer:
            narrowest, found = width, op
    if found is None or program.outputs != program.features or found is program.operations[-1]:
        raise UserError(
            "the network is no autoencoder with a latent space: its output must be as wide as its "
            "input, with a narrower layer between"
        )
    assert isinstance(found, Quantize)  # noqa: S101  # for the type checker
    return found


def encoder(program: Program) -> Program:
    """Return the Program from hardware integers to the latent integers."""
    end = _index(program, latent(program))
    return Program(program.input_formats, program.operations[: end + 1], program.digest)


def decoder(program: Program) -> Program:
    """Return the Program from the latent integers, as its hardware integers, to the output.

    It begins with a scaling to the latent exponent and the latent quantizer, which then changes
    nothing. Raises UserError where a residual connection leads around the latent space.
    """
    quantizer = latent(program)
    form, start = quantizer.format, _index(program, quantizer)
    rest = program.operations[start + 1 :]
    names = {quantizer.name, *(op.name for op in rest)}
    around = [op.source for op in rest if isinstance(op, Add) and op.source not in names]
    if around:
        raise UserError(f"'{around[0]}' is added behind the latent space: it is not compressed")
    width = encoder(program).outputs
    zero, shift = np.zeros(width, np.int64), np.full(width, -form.exponent, np.int64)
    formats = (Format(form.bits, form.signed, 0),) * width
    scale = Rescale("latent_scale", zero, shift)
    return Program(formats, (scale, quantizer, *rest), program.digest)


def _index(program: Program, quantizer: Quantize) -> int:
    return [op is quantizer for op in program.operations].index(True)
