"""YAML and ``a.b=c`` overrides to a checked RunConfig; every mistake becomes one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aetrig.config.model import RunConfig
from aetrig.errors import UserError, did_you_mean
from aetrig.reading import read_text, shown

MAX_BYTES = 1 << 20
SOURCES = {"l1", "jets", "adc2021", "table"}
DEFAULT = Path(__file__).with_name("l1.yaml")


def load(path: Path | None, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a config file (None: the embedded sample's) and apply ``a.b=c`` overrides.

    Raises UserError with one line naming the file, the key, what was found and expected.
    """
    content = _read_yaml(path or DEFAULT)
    for override in overrides:
        _apply(content, override)
    return _checked(content, "the default config" if path is None else str(path))


def loads(text: str, where: str) -> RunConfig:
    """Return the config in ``text``, as `dump` wrote it; options that it lacks are the defaults.

    Raises UserError as `load` does, naming ``where``.
    """
    return _checked(parse(text, where), where)


def dump(config: RunConfig) -> str:
    """Return the resolved config as YAML, every option written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def schema() -> str:
    """Return the JSON schema of the config, for editors that complete and check YAML."""
    return json.dumps(RunConfig.model_json_schema(), indent=2)


def _checked(content: Any, where: str) -> RunConfig:
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{where}: {_one_line(error)}") from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (no exponential growth) and without repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not used in configs", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key is a word, not a list or a group",
                    problem_mark=key_node.start_mark,
                )
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{key_node.value}' is given twice",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    text = read_text(path, MAX_BYTES, "aetrig config show prints the default config to start from")
    content = parse(text, str(path))
    if content is None:
        raise UserError(f"{path}: the file is empty; expected YAML such as 'name: my-run'")
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


def parse(text: str, where: str) -> Any:
    """Return what a YAML text holds; raise UserError, beginning with ``where``, in one line.

    Aliases, keys given twice and tags that make objects are refused.
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader with less
    except RecursionError as error:
        raise UserError(f"{where}: nested too deeply for a config") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or error
        said = " ".join(str(problem).split())
        raise UserError(f"{where}{line}: not valid YAML: {said}") from error


def _apply(content: dict[str, Any], override: str) -> None:
    """Set one ``a.b=c``; the value is YAML, so numbers, lists and null work."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip("."):
        raise UserError(f"--set {override}: expected KEY=VALUE such as quant.weight_bits=4")
    value = parse(text, f"--set {key}")
    node = content
    *parents, last = key.strip().split(".")
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise UserError(f"--set {override}: '{parent}' is a value, not a group of keys")
        node = child
    node[last] = value


def _one_line(error: ValidationError) -> str:
    # a misspelt key explains the others: first
    details = sorted(
        error.errors(include_url=False), key=lambda item: item["type"] != "extra_forbidden"
    )
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return _describe(details[0]) + more


def _describe(detail: ErrorDetails) -> str:
    # the tag of the data source stands in the location; people do not write it in their key
    location = [
        str(part) for part in detail["loc"] if part not in {"l1", "jets", "adc2021", "table"}
    ]
    key = ".".join(location)
    if detail["type"] == "extra_forbidden":
        known = [name for name in _keys(location[:-1]) if name != location[-1]]
        return f"unknown key '{key}'{did_you_mean(location[-1], known)}"
    if detail["type"] == "missing":
        return f"'{key}' is required and not given"
    found = "" if isinstance(detail["input"], dict) else f", found {shown(detail['input'])}"
    message = detail["msg"].removeprefix("Value error, ")
    place = f"'{key}': " if key else ""
    return f"{place}{message[0].lower()}{message[1:]}{found}"


def _keys(location: list[str]) -> list[str]:
    """Return the keys that a config knows at a place, over all alternatives there."""
    models: list[type[BaseModel]] = [RunConfig]
    for part in location:
        following = [
            found
            for model in models
            if part in model.model_fields
            for found in _models_in(model.model_fields[part].annotation)
        ]
        models = following or models
    return [key for model in models for key in model.model_fields]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)
