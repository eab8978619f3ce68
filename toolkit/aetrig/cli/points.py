"""Working points as people type them: 30kHz, tight=10kHz, tight=51200."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from aetrig.errors import UserError

UNITS = {"": 1.0, "hz": 1.0, "khz": 1e3, "mhz": 1e6}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
ONLY = "nominal"  # the name of a point that was given none
Number = TypeVar("Number", int, float)


def named(
    texts: Sequence[str], option: str, number: Callable[[str, str], Number]
) -> dict[str, Number]:
    """Return values by name from NAME=VALUE; a single VALUE is the working point `nominal`.

    ``number``: reads a value, given the option's text for its error. Raises UserError for a value
    without a name among several, and for a name that is given twice.
    """
    found: dict[str, Number] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals:
            name = ONLY
        if not name.strip() or (not equals and len(texts) > 1):
            raise UserError(f"{option} {text}: several working points need names: tight={value}")
        if NAME.fullmatch(name.strip()) is None:
            raise UserError(
                f"{option} {text}: '{name}' is no name; letters, digits and _ . + - are taken"
            )
        if name in found:
            raise UserError(f"{option} {text}: the working point '{name}' is given twice")
        found[name.strip()] = number(value, f"{option} {text}")
    return found


def hertz(text: str, where: str) -> float:
    """Return a rate in Hz; raise UserError where it is none."""
    match = re.fullmatch(r"\s*([0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in UNITS:
        raise UserError(f"{where}: expected a rate such as 30kHz, 0.5MHz or 800")
    rate = float(match[1]) * UNITS[match[2]]
    if not 0 < rate < math.inf:
        raise UserError(f"{where}: a rate above 0 is expected")
    return rate


def integer(text: str, where: str) -> int:
    """Return an integer threshold; raise UserError where it is none."""
    try:
        return int(text)
    except ValueError as error:
        raise UserError(f"{where}: expected an integer in the score's units") from error


def share(text: str, where: str) -> float:
    """Return a share between 0 and 1; raise UserError where it is none."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise UserError(f"{where}: expected a share between 0 and 1, such as 0.3")
    return value
