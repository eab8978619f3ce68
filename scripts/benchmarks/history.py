"""The history of a machine class: one JSON line a run, and a warning where a ratio has fallen."""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

LAST, FALL = 5, 0.2
Entry = dict[str, Any]


def entry(content: dict[str, Any]) -> Entry:
    """Return a run's line: where and with what, and its ratios by row."""
    ratios = {
        f"{row['group']}: {row['name']} / {row['other_name']}": row["ratio"]
        for row in content["rows"]
        if row["ratio"] is not None
    }
    kept = ("date", "commit", "quick", "machine", "versions")
    return {name: content[name] for name in kept} | {"ratios": ratios}


def machine_class(found: Entry) -> tuple[str, int, bool]:
    """Return what makes two lines comparable: processor, cores, and whether both were quick."""
    return found["machine"]["processor"], found["machine"]["cores"], found["quick"]


def read(path: Path) -> list[Entry]:
    """Return the lines of a history; a line that is not one (cut off, edited) is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            item = json.loads(line)
            machine_class(item)
            dict(item["ratios"])
        except (ValueError, KeyError, TypeError):
            continue
        found.append(item)
    return found


def falls(before: list[Entry], latest: Entry) -> list[str]:
    """Return a line for each ratio below four fifths of the median of the last five before it."""
    same = [item for item in before if machine_class(item) == machine_class(latest)]
    warnings = []
    for name, ratio in latest["ratios"].items():
        earlier = [item["ratios"][name] for item in same if name in item["ratios"]][-LAST:]
        if not earlier:
            continue
        middle = statistics.median(earlier)
        if ratio < (1 - FALL) * middle:
            warnings.append(
                f"{name}: {ratio:.3g}, {1 - ratio / middle:.0%} below {middle:.3g}, the median of "
                f"the last {len(earlier)} on this kind of machine"
            )
    return warnings


def enter(path: Path, content: dict[str, Any]) -> list[str]:
    """Append a run to the history; warn of what has fallen, on standard error and to GitHub."""
    latest = entry(content)
    warnings = falls(read(path), latest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(latest) + "\n")
    for line in warnings:
        print(f"bench: warning: {line}", file=sys.stderr)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            print(f"::warning title=benchmark::{line}")
    return warnings
