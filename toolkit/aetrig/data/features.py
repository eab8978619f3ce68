"""The features of a run on disk, `features.json`: names and the grid of hardware integers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from aetrig.data.dataset import Feature, Grid
from aetrig.errors import UserError
from aetrig.reading import read_json
from aetrig.run import write_json

_Step: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Grid(TypedDict):
    step: _Step
    bits: Annotated[int, Field(ge=1, le=24)]
    signed: bool
    unit: str


class _Feature(TypedDict):
    name: str
    grid: _Grid
    presence: Annotated[int, Field(ge=0, lt=1 << 20)] | None


def save(path: Path, features: tuple[Feature, ...]) -> None:
    """Write features, in order."""
    write_json(path, [asdict(feature) for feature in features])


def load(path: Path) -> tuple[Feature, ...]:
    """Read what `save` wrote; raise UserError where the file is missing or damaged."""
    content = read_json(path, list[_Feature], "train again")
    if not content:
        raise UserError(f"{path}: no features; train again")
    return tuple(
        Feature(item["name"], Grid(**item["grid"]), item.get("presence")) for item in content
    )
