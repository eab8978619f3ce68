"""The features of a run on disk, `features.json`: names and the grid of hardware integers."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from aetrig.data.dataset import Feature, Grid
from aetrig.errors import UserError
from aetrig.run import write_json


def save(path: Path, features: tuple[Feature, ...]) -> None:
    """Write features, in order."""
    write_json(path, [asdict(feature) for feature in features])


def load(path: Path) -> tuple[Feature, ...]:
    """Read what `save` wrote; raise UserError where the file is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Feature(str(item["name"]), Grid(**item["grid"]), item["presence"]) for item in content
        )
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); train again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a list of features ({error}); train again") from error
