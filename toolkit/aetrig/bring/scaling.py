"""How hardware integers become the numbers that an imported network takes.

The network computes its first quantizer of (x - offset) * 2**-shift. Where the file begins with
arithmetic of its own (Sub, Add, Mul, Div by constants), its input is hardware integers; where it
begins with a quantizer, its input is what the config's scaling makes of them. Both can be said
otherwise: `integers`, `config`, or a JSON file with offset and shift, such as a run's scaling.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetrig.data.scaling import InputScaling
from aetrig.errors import UserError
from aetrig.program.graph import Floats
from aetrig.program.model import Integers, Rescale
from aetrig.reading import read_json

AUTO, CONFIG, INTEGERS = "auto", "config", "integers"
LARGEST_OFFSET, LARGEST_SHIFT = 1 << 31, 64


@dataclass(frozen=True)
class Scaled:
    """(x - offset) * 2**-shift; int64, shape (features,).

    ``origin``: words for a person; ``notes``: what the fit of the config's scaling had to say.
    """

    offset: Integers
    shift: Integers
    origin: str
    notes: tuple[str, ...] = ()


def before_the_file(choice: str, fitted: InputScaling, *, file_scales: bool) -> Scaled:
    """Return what happens to hardware integers before the file gets them.

    ``choice``: auto, config, integers, or the name of a JSON file. ``fitted``: the config's
    scaling on the training events. Raises UserError for a file that holds no scaling.
    """
    if choice == AUTO:
        choice = INTEGERS if file_scales else CONFIG
    if choice == INTEGERS:
        zero = np.zeros(len(fitted.names), np.int64)
        return Scaled(zero, zero, "hardware integers go into the imported file")
    if choice == CONFIG:
        origin = f"scaling '{fitted.kind}' of the config"
        return Scaled(fitted.offset, fitted.shift, origin, fitted.warnings)
    return _from_file(Path(choice), len(fitted.names))


def _from_file(path: Path, features: int) -> Scaled:
    expected = f"expected {AUTO}, {CONFIG}, {INTEGERS} or a JSON file with offset and shift"
    content = read_json(path, dict[str, Any], expected)
    limits = {"offset": LARGEST_OFFSET, "shift": LARGEST_SHIFT}
    for key, most in limits.items():
        values = content.get(key)
        whole = isinstance(values, list) and all(type(value) is int for value in values)
        if not whole or len(values) != features or any(abs(value) > most for value in values):
            raise UserError(
                f"{path}: '{key}' must be a list of {features} integers, one a feature, at most "
                f"{most}; {expected}"
            )
    offset, shift = (np.array(content[key], np.int64) for key in limits)
    return Scaled(offset, shift, f"offset and shift of {path}")


def composed(outer: Scaled, offset: Floats, factor: Floats, where: str) -> Rescale:
    """Return both scalings as one: ((x - o) * 2**-s - offset) * factor.

    ``offset``, ``factor``: of the file itself, of one element or one a feature; factors are powers
    of two. Raises UserError where the sum of offsets is no integer of hardware units.
    """
    _, exponent = np.frexp(np.broadcast_to(factor, outer.shift.shape))
    whole = outer.offset + np.ldexp(np.broadcast_to(offset, outer.shift.shape), outer.shift)
    wrong = np.flatnonzero((whole != np.rint(whole)) | (abs(whole) > LARGEST_OFFSET))
    if wrong.size:
        index = int(wrong[0])
        raise UserError(
            f"{where}: the offset before the first quantizer is {whole[index]:g} hardware units "
            f"for feature {index}; it must be an integer"
        )
    shift = outer.shift + 1 - exponent.astype(np.int64)
    return Rescale("input_scale", whole.astype(np.int64), shift)


def recorded(rescale: Rescale, names: tuple[str, ...], before: Scaled) -> InputScaling:
    """Return what scaling.json holds: offset and shift, and a float scaling equal to them."""
    return InputScaling(
        kind="shift",
        names=names,
        offset=rescale.offset,
        shift=rescale.shift,
        center=rescale.offset.astype(np.float64),
        factor=np.ldexp(1.0, -rescale.shift),
        constant=np.zeros(len(names), np.bool_),
        rounding_loss=np.zeros(len(names)),
        warnings=before.notes,
    )
