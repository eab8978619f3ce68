"""Ways to break one link of a run, and what the check must say of each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aetrig.run import MANIFEST, Run, folder_digest, sha256

Change = Callable[[Run], None]


@dataclass(frozen=True)
class Alteration:
    """One change to a copy of a run.

    ``way``: its row of the table; ``what``: for the reader of a failure; ``named``: the artefacts
    of which the first fault must be one; empty where nothing can show it; ``kinds``: of that fault;
    ``refused``: the manifest itself must be refused; ``note``: told as a note, not as a fault.
    """

    way: str
    what: str
    change: Change
    named: frozenset[str]
    kinds: frozenset[str] = frozenset({"changed", "missing", "unknown", "stale", "record", "gap"})
    refused: bool = False
    note: bool = False


def alterations(run: Run, other: Run, earlier: Run, most: int) -> Iterator[Alteration]:
    """Yield every alteration. ``most``: files of each folder that are altered one by one."""
    entries = run.manifest()["artefacts"]
    for name, entry in entries.items():
        if entry["stage"] == "package":
            continue  # made to be carried away: see `_package`
        files = [name]
        if "files" in entry:
            chosen = _spread(sorted(entry["files"]), most)
            files = [f"{name}/{file}" for file in chosen]
            files += [f"{name}/{file}" for file in entry["libraries"]]
            yield from _folder(name)
        for file in files:
            yield from _file(run, other, file)
        yield from _remade(run, name)
    yield from _package(entries)
    yield from _old(earlier)
    yield from _manifest()
    yield from _data(run)


def _spread(names: list[str], most: int) -> list[str]:
    """Return at most so many names, evenly spaced."""
    step = max(1, -(-len(names) // most))
    return names[::step]


def _file(run: Run, other: Run, name: str) -> Iterator[Alteration]:
    """Yield what can become of a file that nobody entered into the manifest."""
    named, size = frozenset({name}), (run / name).stat().st_size
    if size:
        yield Alteration("a byte flipped", name, lambda r: _flip(r / name), named)
        yield Alteration("truncated", name, lambda r: _cut(r / name, size // 2), named)
    # a cached library is compiled again where it is missing: no link is broken
    if not Path(name).match("csim-*.so") and not Path(name).match("rtl-*.so"):
        yield Alteration("deleted", name, lambda r: (r / name).unlink(), named)
    yield Alteration("a link that leads out", name, lambda r: _link(r / name), named,
                     frozenset({"link"}))  # fmt: skip
    source = other / name
    pattern = Path(name).name.split("-")[0] + "-*.so"
    if name.endswith(".so") and not source.exists():  # named by what it was compiled from
        source = next(iter(sorted(source.parent.glob(pattern))), source)
    if source.is_file() and sha256(source) != sha256(run / name):
        way = "library of another run" if name.endswith(".so") else "that of another run"
        yield Alteration(way, name, lambda r: _copy(source, r / name), named)


def _folder(name: str) -> Iterator[Alteration]:
    def plant(run: Run, file: str) -> None:
        (run / name / file).write_bytes(b"planted")

    for file in ("planted.txt", "planted.so"):
        named = frozenset({f"{name}/{file}"})
        yield Alteration("a file planted", f"{name}/{file}", lambda r, f=file: plant(r, f), named)
    yield Alteration("deleted", name, lambda r: shutil.rmtree(r / name), frozenset({name}))


def _remade(run: Run, name: str) -> Iterator[Alteration]:
    """Yield the artefact changed and entered as its stage would: what was made from it is stale."""
    entries = run.manifest()["artefacts"]
    direct = {n for n, entry in entries.items() if name in entry["inputs"]}
    # records, and the firmware's own constant, name the contract a second time
    direct |= _sayers(name)

    def change(r: Run) -> None:
        if (r / name).is_dir():
            files = sorted(f for f in entries[name]["files"] if (r / name / f).stat().st_size)
            _flip(r / name / files[0])
        else:
            _flip(r / name)
        _enter(r, name)

    way = "changed with its entry" if direct else "changed with its entry, nothing made from it"
    yield Alteration(way, name, change, frozenset(direct))


def _sayers(name: str) -> set[str]:
    return {
        "trigger.qonnx.onnx": {"trigger.json", "rtl.json", "hls.json", "emulator.json"},
        "model.qonnx.onnx": {"trigger.json"},
        "environment.json": {"data"},
    }.get(name, set())


def _package(entries: dict[str, dict[str, object]]) -> Iterator[Alteration]:
    for name in (n for n, entry in entries.items() if entry["stage"] == "package"):
        named = frozenset({name})
        yield Alteration("a byte flipped", name, lambda r, n=name: _flip(r / n), named)
        yield Alteration(
            "a package carried away", name, lambda r, n=name: (r / n).unlink(), named, note=True
        )


def _old(earlier: Run) -> Iterator[Alteration]:
    """Yield a verdict from before the RTL was made, alone and with its entry."""
    named = frozenset({"verify.json"})

    def replay(r: Run, *, entry: bool) -> None:
        _copy(earlier / "verify.json", r / "verify.json")
        if entry:
            content = json.loads((r / MANIFEST).read_text(encoding="utf-8"))
            content["artefacts"]["verify.json"] = earlier.manifest()["artefacts"]["verify.json"]
            _write(r, content)

    yield Alteration("an old verdict", "file", lambda r: replay(r, entry=False), named)
    yield Alteration("an old verdict", "with entry", lambda r: replay(r, entry=True), named)


def _manifest() -> Iterator[Alteration]:
    def edit(run: Run, change: Callable[[dict[str, object]], object]) -> None:
        content = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
        change(content)
        _write(run, content)

    def entry(content: dict[str, object], name: str) -> dict[str, object]:
        return content["artefacts"][name]  # type: ignore[index,no-any-return]

    for name in ("../outside", "/etc/passwd", "a/../../outside", "a\\..\\b", ""):
        yield Alteration(
            "a name that leads out", name,
            lambda r, n=name: edit(r, lambda c: c["artefacts"].update({n: entry(c, "model.onnx")})),
            frozenset(), refused=True,
        )  # fmt: skip
        yield Alteration(
            "a name that leads out", f"rtl/{name}",
            lambda r, n=name: edit(r, lambda c: entry(c, "rtl")["files"].update({n: "0"})),
            frozenset(), refused=True,
        )  # fmt: skip
    for name in ("model.qonnx.onnx", "rtl", "checkpoints/qat.pt"):
        yield Alteration(
            "an entry taken out", name,
            lambda r, n=name: edit(r, lambda c: c["artefacts"].pop(n)),
            # what was made from it has a gap; the file is there and nobody wrote it
            frozenset({name, "trigger.qonnx.onnx", "verify.json", "model.qonnx.onnx"}),
        )  # fmt: skip
    yield Alteration(
        "a digest in a folder's list", "rtl",
        lambda r: edit(r, lambda c: entry(c, "rtl")["files"].update({"src/trigger.v": "0" * 64})),
        frozenset({"rtl", "rtl/src/trigger.v"}),
    )  # fmt: skip
    yield Alteration(
        "another code version", "edited in place",
        lambda r: edit(r, lambda c: [made.update(aetrig="9") for made in c["code"].values()]),
        frozenset(), frozenset({"gap"}),
    )  # fmt: skip

    def recoded(content: dict[str, object]) -> None:
        from aetrig.versions import key_of

        (old, made), *_ = content["code"].items()  # type: ignore[attr-defined]
        new = made | {"source_sha256": "0" * 64}
        del content["code"][old]  # type: ignore[attr-defined]
        content["code"][key_of(new)] = new  # type: ignore[index]
        for item in content["artefacts"].values():  # type: ignore[attr-defined]
            item["code"] = key_of(new) if item["code"] == old else item["code"]

    yield Alteration(
        "another code version", "made by another source", lambda r: edit(r, recoded),
        frozenset(), frozenset({"code"}), note=True,
    )  # fmt: skip


def _data(run: Run) -> Iterator[Alteration]:
    """Yield the data file changed: beside the copy, under the name of the config."""
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    (name,) = environment["data"]["files"]
    named, kinds = frozenset({f"data file {name}"}), frozenset({"data"})
    path = Path(name)
    for way, change in (
        ("data: a byte flipped", _flip),
        ("data: truncated", lambda p: _cut(p, p.stat().st_size // 2)),
        ("data: another file", lambda p: p.write_text("x,y\n1,2\n")),
    ):
        yield Alteration(way, path.name, lambda _, c=change: c(path), named, kinds)
    yield Alteration(
        "data: not on this machine", path.name, lambda _: path.unlink(), named,
        frozenset({"not checked"}), note=True,
    )  # fmt: skip


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    _put(path, bytes(content))


def _cut(path: Path, size: int) -> None:
    _put(path, path.read_bytes()[:size])


def _copy(source: Path, path: Path) -> None:
    _put(path, source.read_bytes())


def _put(path: Path, content: bytes) -> None:
    """Replace a file that may have another name too: the copies of a run are hard links."""
    path.unlink()
    path.write_bytes(content)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _enter(run: Run, name: str) -> None:
    content = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    found = content["artefacts"][name]
    if (run / name).is_dir():
        found["files"] = {file: sha256(run / name / file) for file in found["files"]}
        found["sha256"] = folder_digest(found["files"])
    else:
        found["sha256"] = sha256(run / name)
    _write(run, content)


def _write(run: Run, content: object) -> None:
    _put(run / MANIFEST, json.dumps(content, indent=1).encode())


def copied(run: Run, path: Path) -> Run:
    """Return a copy made of hard links: alterations put new files in their place."""
    return Run(Path(shutil.copytree(run.path, path, copy_function=os.link)))
