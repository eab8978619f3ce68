"""The rooms' order holds: a folder imports only from the folders before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aetrig

PACKAGE = Path(aetrig.__file__).parent
ORDER = [
    ("errors", "versions"), ("files", "reading"), ("hold", "records"), ("run", "tools", "parts", "machines"), ("config",), ("data", "physics"), ("nets",), ("train",), ("program",),
    ("export", "hls", "rtl", "emulator"), ("bring", "trigger", "compress"), ("score",), ("verify",), ("report",), ("stability",), ("search",), ("package",), ("doctor",), ("api",), ("cli",),
]  # fmt: skip
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
HEAVY = {
    "torch",
    "brevitas",
    "onnx",
    "onnxruntime",
    "hls4ml",
    "qonnx",
    "pandas",
    "pyarrow",
    "h5py",
    "uproot",
    "awkward",
    "pooch",
    "sklearn",
    "minisom",
    "distributed",
    "dask",
    "optuna",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "aetrig" and len(parts) > 1 and parts[1] in LEVEL else None


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_from_earlier_rooms(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for imported in imports(path):
        other = room(imported)
        if other is None or other == own:
            continue
        assert LEVEL[other] < LEVEL[own], f"{own} ({path.name}) imports {imported}"


def test_every_room_has_a_place_in_the_order() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in modules()}
    assert rooms - {"__init__"} == set(LEVEL)


def test_commands_start_without_heavy_imports() -> None:
    for path in (PACKAGE / "cli").glob("*.py"):
        heavy = {name.split(".")[0] for name in imports(path, top_level_only=True)} & HEAVY
        assert not heavy, f"{path.name} imports {heavy} at start-up"
