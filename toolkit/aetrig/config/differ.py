"""In which options two configs differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aetrig.config.model import RunConfig

Difference = tuple[str, Any, Any]  # dotted key, first and second value


def differences(before: RunConfig, now: RunConfig) -> list[Difference]:
    """Return the options in which two resolved configs differ, in the order of the model."""
    return list(leaves("", before.model_dump(mode="json"), now.model_dump(mode="json")))


def leaves(key: str, old: Any, new: Any) -> Iterator[Difference]:
    """Yield the leaves below ``key`` in which two nested mappings differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            inner = f"{key}.{name}" if key else str(name)
            yield from leaves(inner, old.get(name), new.get(name))
    elif old != new:
        yield key, old, new
