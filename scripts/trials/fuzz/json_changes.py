"""Changes of a valid JSON file: values of other types and sizes, keys left out or renamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from trials.fuzz.choices import INTEGERS, TEXTS, Choices


def changed(contents: Callable[[Choices], tuple[bytes, Any]]) -> Callable[[Choices], bytes]:
    """Return a function that makes a file of one to three changes of what ``contents`` gives.

    That is what stands before the JSON, and what the JSON holds.
    """

    def build(choices: Choices) -> bytes:
        head, content = contents(choices)
        content = json.loads(json.dumps(content))
        for _ in range(1 + choices.below(3)):
            content = one_change(content, choices)
        return head + json.dumps(content).encode()

    return build


def one_change(content: Any, choices: Choices) -> Any:
    """Return a JSON content with something changed, at any depth."""
    if isinstance(content, dict) and content and choices.below(8):
        return _of_keys(content, choices)
    if isinstance(content, list) and content and choices.below(8):
        return _of_items(content, choices)
    values = (
        None, True, 0, -1, 1.5, "", "a", "../a", [], {}, [[]], [0], {"a": 1}, float("nan"),
        float("inf"), choices.integer(), choices.number(), choices.text(), *INTEGERS, *TEXTS,
        10**50, [1] * 300, str(content),
    )  # fmt: skip
    return choices.pick(values)


def _of_keys(content: dict[str, Any], choices: Choices) -> dict[str, Any]:
    key = choices.pick(list(content))
    match choices.below(6):
        case 0:
            return {name: value for name, value in content.items() if name != key}
        case 1:
            renamed = choices.text()
            return {renamed if name == key else name: value for name, value in content.items()}
    return content | {key: one_change(content[key], choices)}


def _of_items(content: list[Any], choices: Choices) -> list[Any]:
    at = choices.below(len(content))
    match choices.below(6):
        case 0:
            return content[:at] + content[at + 1 :]
        case 1:
            return [*content, content[at]]
    return [*content[:at], one_change(content[at], choices), *content[at + 1 :]]
