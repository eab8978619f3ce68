"""Print docs/configuration.md: every option of a run, from the schema that checks it.

Run it as: python scripts/make_config_reference.py > docs/configuration.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic_core import to_jsonable_python

from aetrig.config.base import Model
from aetrig.config.model import RunConfig

Schema = dict[str, Any]
MODELS = {model.__name__: model for model in Model.__subclasses__()}
HEAD = """# Configuration

One YAML file describes a run. Every option has a default: a config names what differs.

```yaml
name: l1-w4
quant:
  weight_bits: 4
```

`aetrig config show my.yaml` prints the config with every option written out.
`aetrig config check my.yaml` finds mistakes without starting anything.
`--set quant.weight_bits=4` overrides one option on the command line.
`aetrig config schema` prints the JSON schema, for editors that complete and check YAML.
A key that is not listed here is refused.

This page is made from that schema by `scripts/make_config_reference.py`.
"""
BOUNDS = (
    ("exclusiveMinimum", "> {}"), ("minimum", "≥ {}"),
    ("exclusiveMaximum", "< {}"), ("maximum", "≤ {}"),
    ("maxLength", "at most {} characters"),
)  # fmt: skip
NAMES = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_lines(RunConfig.model_json_schema())]).rstrip() + "\n"


def _lines(schema: Schema) -> Iterator[str]:
    """Yield the lines of all sections: the run's own options, then a section a group."""
    definitions: Schema = schema["$defs"]
    properties: Schema = schema["properties"]
    groups = {name: found for name, entry in properties.items() if (found := _groups(entry))}
    own = {name: entry for name, entry in properties.items() if name not in groups}
    yield from _section(2, "The run", None, schema | {"properties": own}, "", "RunConfig")
    for name, references in groups.items():
        if len(references) == 1:
            yield from _group(definitions, references[0], name)
            continue
        yield f"## `{name}`"
        yield ""
        yield f"`{name}.source` says which kind of source it is; each has options of its own."
        yield ""
        for reference in references:
            model = definitions[reference]
            value = model["properties"]["source"]["const"]
            yield from _group(definitions, reference, name, f"`{name}` with `source: {value}`", 3)


def _group(
    definitions: Schema, reference: str, place: str, title: str = "", level: int = 2
) -> Iterator[str]:
    """Yield the section of a model, then those of the models in it."""
    model = definitions[reference]
    text = _description(model)
    yield from _section(level, title or f"`{place}`", text, model, place, reference)
    for name, entry in model["properties"].items():
        for inner in _groups(entry):
            below = f"{place}.{name}{_inside(entry)}"
            yield from _group(definitions, inner, below, level=min(level + 1, 4))


def _section(
    level: int, title: str, text: str | None, model: Schema, place: str, reference: str
) -> Iterator[str]:
    yield f"{'#' * level} {title}"
    yield ""
    if text:
        yield text
        yield ""
    yield "| option | values | default | what |"
    yield "|---|---|---|---|"
    for name, entry in model["properties"].items():
        default = _default(reference, name)
        cells = (f"`{name}`", _values(entry), default, _cell(entry.get("description", "")))
        if _groups(entry):
            link = _anchor(f"{place}.{name}{_inside(entry)}" if place else name)
            given = default if default == "required" or _many(entry) else ""
            cells = (cells[0], f"[options]({link}){_many(entry)}", given, cells[3])
        yield f"| {' | '.join(cells)} |"
    yield ""


def _groups(entry: Schema) -> list[str]:
    """Return the names of the models that an option holds, one or alternatives."""
    found = [entry["$ref"]] if "$ref" in entry else []
    for key in ("oneOf", "anyOf", "allOf"):
        for item in entry.get(key, ()):
            found += [f"#/$defs/{name}" for name in _groups(item)]
    for inner in (_by_name(entry), entry.get("items")):
        found += [f"#/$defs/{name}" for name in _groups(inner)] if inner else []
    return [name.removeprefix("#/$defs/") for name in found]


def _by_name(entry: Schema) -> Schema | None:
    """Return what a mapping holds, whatever its names are checked by."""
    by_pattern = list(entry.get("patternProperties", {}).values())
    inner = by_pattern[0] if by_pattern else entry.get("additionalProperties")
    return inner if isinstance(inner, dict) else None


def _inside(entry: Schema) -> str:
    """Say how the models of an option are reached: by name, or as entries of a list."""
    for item in (entry, *entry.get("anyOf", ())):
        if _by_name(item):
            return ".NAME"
        if isinstance(item.get("items"), dict):
            return "[]"
    return ""


def _many(entry: Schema) -> str:
    return {"": "", ".NAME": ", by name", "[]": ", a list"}[_inside(entry)]


def _values(entry: Schema) -> str:
    """Return what an option may be, in words."""
    if "anyOf" in entry:
        # a comma, as the first may end in a limit
        return ", or ".join(_values(item) for item in entry["anyOf"])
    choices = [entry["const"]] if "const" in entry else entry.get("enum")
    if choices:
        return ", ".join(f"`{value}`" for value in choices)
    return _kind(entry)


def _kind(entry: Schema) -> str:
    match entry:
        case {"type": "null"}:
            return "null"
        case {"type": "array"}:
            return f"list{_count(entry)}: {_values(entry.get('items', {}))}"
        case {"type": "object"}:
            return f"by name: {_values(_by_name(entry) or {})}"
    name = "path" if entry.get("format") == "path" else NAMES.get(str(entry.get("type")), "any")
    return _bounded(name, entry)


def _count(entry: Schema) -> str:
    """Return how many entries a list takes."""
    low, high = entry.get("minItems", 0), entry.get("maxItems")
    if high is None:
        return f" of {low} or more" if low else ""
    return f" of {low} to {high}"


def _bounded(name: str, entry: Schema) -> str:
    # the pattern of a name says itself what it takes, in the error that refuses it
    keys = [(key, form) for key, form in BOUNDS if key in entry]
    limits = [form.format(_number(entry[key])) for key, form in keys]
    return ", ".join([name, *limits])


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default(reference: str, name: str) -> str:
    """Return an option's default as YAML; the schema lacks those that a function makes."""
    field = MODELS[reference].model_fields[name]
    if field.is_required():
        return "required"
    value = to_jsonable_python(field.get_default(call_default_factory=True))
    if value in ("", {}, []):
        return "empty"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return f"`{text.strip().removesuffix('...').strip()}`"


def _description(model: Schema) -> str:
    """Return a model's own text, its paragraphs kept."""
    return _cell(str(model.get("description", "")).replace("``", "`").strip())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _anchor(place: str) -> str:
    """Return the address that the site gives to the heading of a group."""
    kept = "".join(letter for letter in place.lower() if letter.isalnum() or letter in "_-")
    return f"#{kept}"


if __name__ == "__main__":
    sys.stdout.write(page())
