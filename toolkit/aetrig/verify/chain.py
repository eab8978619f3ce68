"""`aetrig verify --manifest`: whether each artefact is what it was made from, by digest alone.

No stage is run and nothing is loaded: files are hashed and small JSON records are read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetrig.errors import UserError
from aetrig.run import (
    BUILD_PRODUCTS,
    MANIFEST,
    Run,
    file_digests,
    folder_digest,
    is_cache,
    library_digests,
    sha256,
)
from aetrig.verify.digests import INPUTS, KNOWN, OWN
from aetrig.verify.links import ENVIRONMENT, contradictions, data_faults
from aetrig.versions import key_of, made_with

# from data to firmware, then what is said of it; a stage unknown here comes before `verify`
STAGES = (
    "qat", "import", "export-onnx", "threshold", "hls", "rtl", "emulator", "clusters", "verify",
    "report", "package",
)  # fmt: skip
HANDED_OVER = "package"  # its zip is made to be carried away: a missing one is no fault
UNLINKED = ("unknown", "link", "gap", "record")
SHOWN = 8


@dataclass(frozen=True)
class Broken:
    """A place where the chain does not hold.

    ``artefact``: a name in the run, or the data; ``kind``: a word for programs; ``follows``: what
    was made from it, directly or not; ``cause``: the artefact of an earlier line that this one
    follows from, None for a first cause.
    """

    artefact: str
    kind: str
    what: str
    follows: tuple[str, ...] = ()
    cause: str | None = None

    def __str__(self) -> str:
        """Return one line."""
        line = f"{self.artefact}: {self.what}"
        if self.cause is not None:
            return f"{line} (follows from {self.cause})"
        # a folder and its record are one thing to a reader
        records = {f"{name}.json" for name in self.follows}
        names = [name for name in self.follows if name not in records]
        if not names or self.kind == "unknown":
            return line
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        were = "was" if len(names) == 1 else "were"
        return f"{line}; {', '.join(names[:SHOWN])}{more} {were} made from the one recorded"


@dataclass(frozen=True)
class Chain:
    """What `check_chain` found. ``faults``: first causes and what follows, data before firmware.

    ``notes``: what could not be checked here, and code of another version: no faults by
    themselves. ``artefacts``, ``files``: entries and files that were compared. ``remedy``: what to
    do about the first fault, empty without one.
    """

    run: str
    manifest_sha256: str
    artefacts: int
    files: int
    faults: tuple[Broken, ...]
    notes: tuple[Broken, ...]
    remedy: str

    def summary(self) -> str:
        """Return one line."""
        compared = f"{self.artefacts} artefacts of {self.files} files compared by digest"
        held = "nothing is signed; manifest.json itself has SHA-256 " + self.manifest_sha256
        if not self.faults:
            return f"the chain holds: {compared}, {len(self.notes)} notes; {held}"
        first = sum(fault.cause is None for fault in self.faults)
        places = "1 place" if first == 1 else f"{first} places"
        return f"the chain is broken in {places}: {compared}; {held}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"holds": not self.faults, **dataclasses.asdict(self)}


def check_chain(run: Run, data: Path | None = None, *, with_data: bool = True) -> Chain:
    """Compare a run with its manifest, from the data files to the package.

    ``data``: a folder where data files are looked for beside the usual places; without
    ``with_data`` they are left alone. Raises UserError where there is no manifest, or one that no
    stage wrote: a name that leads out of the run is one.
    """
    path = run / MANIFEST
    if not path.is_file():
        raise UserError(f"{path} is missing: there is nothing to check against; run the stages")
    manifest = run.manifest()
    entries: dict[str, dict[str, Any]] = manifest["artefacts"]
    order = sorted(entries, key=lambda name: _rank(entries[name]["stage"]))
    altered = {name: list(_on_disk(run, name, entries[name])) for name in order}
    # what an altered file says of the data is not believed
    believed = with_data and not altered.get(ENVIRONMENT)
    found = list(data_faults(run, entries, data)) if believed else []
    faults = [Broken(*item) for item in found if item[1] != "not checked"]
    notes = [Broken(*item) for item in found if item[1] == "not checked"]
    for name in order:
        faults += [*altered[name], *_made_from(name, entries)]
    told = {fault.artefact.partition("/")[0] for fault in faults} | {f.artefact for f in faults}
    faults += [Broken(*item) for item in contradictions(run, entries) if item[0] not in told]
    faults += _unrecorded(run, entries)
    notes += _code(manifest, faults)
    handed = [f for f in faults if f.kind == "missing" and _stage(entries, f) == HANDED_OVER]
    notes += handed
    rest = [fault for fault in faults if fault not in handed]
    ordered = tuple(_with_causes(rest, entries, order))
    return Chain(
        str(run.path),
        sha256(path),
        len(entries),
        sum(len(e.get("files", ("",))) + len(e.get("libraries", ())) for e in entries.values()),
        ordered,
        tuple(notes),
        _remedy(ordered, entries),
    )


def unlinked(run: Run) -> list[Broken]:
    """Return what digests of artefacts and of their inputs do not show; empty without a manifest.

    Files that no stage wrote, links, gaps in the chain, and records that contradict it.
    """
    if not (run / MANIFEST).is_file():
        return []
    faults = check_chain(run, with_data=False).faults
    return [f for f in faults if f.kind in UNLINKED and f.artefact not in OWN]


def _rank(stage: str) -> float:
    return STAGES.index(stage) if stage in STAGES else STAGES.index("verify") - 0.5


def _stage(entries: Mapping[str, Any], fault: Broken) -> str:
    return str(entries.get(fault.artefact, {}).get("stage", ""))


def _on_disk(run: Run, name: str, entry: dict[str, Any]) -> Iterator[Broken]:
    """Yield how an artefact differs from what its stage wrote."""
    path, wrote = run / name, f"not what aetrig {entry['stage']} wrote"
    if _leads_out(path, run.path):
        yield Broken(name, "link", "a link that leads out of the run; not followed")
    elif not path.exists():
        yield Broken(name, "missing", f"missing; aetrig {entry['stage']} wrote it")
    elif path.is_dir():
        yield from _folder(name, path, entry, wrote)
    elif not path.is_file():
        yield Broken(name, "changed", f"{wrote} (it is no file)")
    elif sha256(path) != entry["sha256"]:
        yield Broken(name, "changed", f"{wrote} (its SHA-256 differs)")


def _leads_out(path: Path, folder: Path) -> bool:
    try:
        return not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself leads nowhere
        return True


def _folder(name: str, path: Path, entry: dict[str, Any], wrote: str) -> Iterator[Broken]:
    """Yield each file of a folder that is changed, missing or unknown."""
    here = file_digests(path)
    recorded: dict[str, str] | None = entry.get("files")
    if recorded is None:  # by version 1, which has the folder's digest alone
        if folder_digest(here) != entry["sha256"]:
            yield Broken(name, "changed", f"{wrote} (its SHA-256 differs)")
        return
    if folder_digest(recorded) != entry["sha256"]:
        what = f"{MANIFEST} names files that do not make up the folder's digest"
        yield Broken(name, "record", what)
    for file in sorted({*recorded, *here}):
        yield from _file(f"{name}/{file}", path / file, recorded.get(file), here.get(file), wrote)
    libraries: dict[str, str] = entry.get("libraries", {})
    there = library_digests(path)
    for file in sorted({*libraries, *there}):
        if file not in there and is_cache(file):
            continue  # compiled again when it is needed
        kind = f"not what aetrig {entry['stage']} or aetrig verify compiled"
        pair = libraries.get(file), there.get(file)
        yield from _file(f"{name}/{file}", path / file, *pair, kind)


def _file(
    name: str, path: Path, recorded: str | None, here: str | None, wrote: str
) -> Iterator[Broken]:
    if here == recorded:
        return
    if here is None:
        yield Broken(name, "missing", "missing")
    elif path.is_symlink():
        yield Broken(name, "link", "a link, which no stage writes; not followed")
    elif recorded is None:
        yield Broken(name, "unknown", "no stage wrote it")
    else:
        yield Broken(name, "changed", f"{wrote} (its SHA-256 differs)")


def _made_from(name: str, entries: dict[str, dict[str, Any]]) -> Iterator[Broken]:
    """Yield what an artefact was made from that is not what the manifest has now."""
    entry = entries[name]
    stage, inputs = entry["stage"], entry["inputs"]
    unknown = [source for source in inputs if source not in entries]
    other = [s for s in inputs if s in entries and entries[s]["sha256"] != inputs[s]]
    again = f"make it again: aetrig {stage} --force"
    if unknown:
        yield Broken(name, "gap", f"made from {', '.join(unknown)}, which {MANIFEST} has not")
    if other:
        yield Broken(name, "stale", f"made from another {', '.join(other)}; {again}")
    if stage == "verify" and not other:
        later = [s for s in INPUTS if s in entries and s not in inputs]
        if later:
            what = f"made before {', '.join(later)}; verify again: aetrig verify"
            yield Broken(name, "stale", what)


def _unrecorded(run: Run, entries: dict[str, dict[str, Any]]) -> list[Broken]:
    """Return what lies where stages read, and which no stage entered."""
    places = [run / name for name in KNOWN]
    places += [*(run / "checkpoints").glob("*"), *(run / "vectors").glob("*")]
    names = (str(path.relative_to(run.path)) for path in places if path.exists())
    return [
        Broken(name, "unknown", f"no stage wrote it: it is not in {MANIFEST}")
        for name in sorted(set(names))
        if name not in entries
        and not Path(name).name.startswith(".")
        and not name.endswith(("last.pt", *BUILD_PRODUCTS))
    ]


def _code(manifest: dict[str, Any], faults: list[Broken]) -> Iterator[Broken]:
    """Yield notes on code of other versions; append faults for records that contradict."""
    here, by_key = made_with(), dict[str, list[str]]()
    for name, entry in manifest["artefacts"].items():
        by_key.setdefault(str(entry.get("code", "")), []).append(name)
    for key, names in by_key.items():
        made = manifest["code"].get(key)
        if not key:
            what = "recorded by version 1 of the manifest, which held no code version: not checked"
        elif not isinstance(made, dict) or key_of(made) != key:
            what = f"the code version {key} that they name is not in {MANIFEST}"
            faults.append(Broken(_list(names), "gap", what))
            continue
        elif made == here:
            continue
        else:
            what = f"made by another version of the code: {_difference(made, here)}"
        yield Broken(_list(names), "not checked" if not key else "code", what)


def _list(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _difference(made: dict[str, Any], here: dict[str, Any]) -> str:
    """Say in which versions two records differ: recorded -> here."""
    old, new = ({**item, **_mapping(item.get("packages"))} for item in (made, here))
    pairs = (
        f"{name} {str(old.get(name))[:12]} (here {str(new.get(name))[:12]})"
        for name in dict.fromkeys((*old, *new))
        if name != "packages" and old.get(name) != new.get(name)
    )
    return ", ".join(pairs)


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _remedy(faults: tuple[Broken, ...], entries: dict[str, dict[str, Any]]) -> str:
    """Return what to do about the first fault."""
    if not faults:
        return ""
    first = faults[0]
    differ = {_entry(fault, entries) for fault in faults if fault.kind in ("changed", "missing")}
    if 2 * len(differ & set(entries)) > len(entries):
        return f"most artefacts differ: {MANIFEST} seems to be that of another run; restore it"
    if first.artefact.startswith("data"):
        return "restore the data, or train again"
    if first.kind == "unknown":
        return f"remove it, or restore the {MANIFEST} that has it"
    if first.kind == "gap":
        return f"restore {MANIFEST} from a copy"
    stage = str(entries.get(_entry(first, entries), {}).get("stage", "qat"))
    return f"restore it from a copy, or make it again: aetrig {stage} --force"


def _with_causes(
    faults: list[Broken], entries: dict[str, dict[str, Any]], order: list[str]
) -> Iterator[Broken]:
    """Yield the faults in the chain's order, each with what follows from it or its first cause."""
    place = {name: index for index, name in enumerate(order)}
    below: dict[str, set[str]] = {}
    for fault in sorted(faults, key=lambda item: _place(item, place, entries)):
        name = _entry(fault, entries)
        causes = (cause for cause, names in below.items() if name in names and cause != name)
        cause = next(causes, None) if fault.kind in ("stale", "record") else None
        after = _dependents(name, entries)
        if cause is None:
            below[name] = below.get(name, set()) | after
        yield dataclasses.replace(
            fault,
            cause=cause,
            follows=tuple(sorted(after, key=lambda item: place[item])),
        )


def _place(fault: Broken, place: dict[str, int], entries: dict[str, dict[str, Any]]) -> int:
    """Return where in the chain a fault is: the data first, what no stage wrote last."""
    last = len(place) if fault.kind == "unknown" else -1
    return place.get(_entry(fault, entries), last)


def _entry(fault: Broken, entries: dict[str, dict[str, Any]]) -> str:
    """Return the manifest's name of what a fault is in: a file's folder, or itself."""
    names = (str(p) for p in (Path(fault.artefact), *Path(fault.artefact).parents))
    return next((name for name in names if name in entries), fault.artefact)


def _dependents(name: str, entries: dict[str, dict[str, Any]]) -> set[str]:
    """Return everything that was made from an artefact, directly or not; from the data, all."""
    if name.startswith("data"):
        return set(entries) - {"config.yaml"}
    found: set[str] = set()
    new = {name}
    while new:
        new = {n for n, e in entries.items() if new & set(e["inputs"])} - found - {name}
        found |= new
    return found
