"""metrics.jsonl: one line an epoch, none twice and none missing, even after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aetrig.files import append_line
from aetrig.reading import check_shape, read_text
from aetrig.records import Epoch as Shape
from aetrig.run import write_text
from aetrig.train.loop import PHASES, Epoch

FILE = "metrics.jsonl"


def append(path: Path, epoch: Epoch) -> None:
    """Add a line and have it on disk, so that a checkpoint written later finds it there."""
    append_line(path, json.dumps(epoch.line()))


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines as dictionaries; a half-written last line, as a kill leaves it, is not."""
    if not path.exists():
        return []
    lines = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        where = f"{path}, line {number}"
        try:
            lines.append(json.loads(line))
        except (ValueError, RecursionError):
            break
        check_shape(lines[-1], Shape, where, "train into a new run")
    return lines


def truncate(path: Path, phase: str, epochs: int) -> None:
    """Keep the lines that a checkpoint knows of: earlier phases, this phase's first ``epochs``."""
    reached = PHASES.index(phase)
    kept = [
        line
        for line in read(path)
        if PHASES.index(line["phase"]) < reached
        or (line["phase"] == phase and line["epoch"] < epochs)
    ]
    write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
