"""Every artefact of a run altered in turn: `aetrig verify --manifest` must name exactly it."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from aetrig.errors import UserError
from aetrig.run import Run
from aetrig.verify.chain import Broken, check_chain
from trials._machine import where
from trials.chain.alter import Alteration, alterations, copied
from trials.chain.made import runs

ALONE = ("changed", "missing", "unknown", "link")  # kinds that name one file and no other
BLIND = "changed with its entry, nothing made from it"


def main(words: list[str]) -> int:
    """Make two runs, alter the first in every way, print the table; 1 where one was missed."""
    parser = argparse.ArgumentParser(prog="scripts/trust chain", description=__doc__)
    parser.add_argument("--files", type=int, default=1000, help="files altered of each folder")
    parser.add_argument("--no-hls", action="store_true", help="without hls4ml projects: faster")
    parser.add_argument("--keep", type=Path, help="make the runs here, or use those made before")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="aetrig-chain-") as scratch:
        folder = options.keep if options.keep is not None else Path(scratch)
        run, other, earlier = _made(folder, hls=not options.no_hls)
        return _trial(run, other, earlier, Path(scratch) / "copy", options.files)


def _made(folder: Path, *, hls: bool) -> tuple[Run, Run, Run]:
    if (folder / "earlier").exists():
        return Run(folder / "runs/seed1"), Run(folder / "runs/seed2"), Run(folder / "earlier")
    return runs(folder, hls=hls)


def _trial(run: Run, other: Run, earlier: Run, place: Path, files: int) -> int:
    intact = check_chain(run)
    if intact.faults:
        print(f"the run is not intact to begin with: {intact.faults[0]}")
        return 1
    done: dict[str, list[str | None]] = defaultdict(list)
    start = time.perf_counter()
    for item in alterations(run, other, earlier, files):
        kept = _data_file(run)
        fault = _missed(item, copied(run, place), {note.what for note in intact.notes})
        shutil.rmtree(place)
        if not kept[0].exists() or kept[0].read_bytes() != kept[1]:
            kept[0].write_bytes(kept[1])
        done[item.way].append(fault)
        if fault is not None:
            print(f"{item.way}, {item.what}: {fault}", flush=True)
    seconds = (time.perf_counter() - start) / sum(map(len, done.values()))
    print("\n".join(_table(done, intact.artefacts, intact.files, seconds)))
    return int(any(fault is not None for found in done.values() for fault in found))


def _data_file(run: Run) -> tuple[Path, bytes]:
    path = run.path.parent.parent / "events.csv"
    return path, path.read_bytes()


def _missed(item: Alteration, run: Run, known: set[str]) -> str | None:
    """Return what the check should have said of an altered copy; None where it said it.

    ``known``: notes on the run as it was, where runs made by older code are used again.
    """
    item.change(run)
    try:
        found = check_chain(run)
    except UserError as error:
        return None if item.refused else f"refused: {error}"
    if item.refused:
        return "the manifest was not refused"
    new = tuple(note for note in found.notes if note.what not in known)
    if item.way == BLIND or item.note:
        unexpected = f"a fault: {found.faults[0]}" if found.faults else None
        return unexpected if item.way == BLIND or unexpected else _wrong(item, new)
    return _wrong(item, found.faults)


def _wrong(item: Alteration, said: tuple[Broken, ...]) -> str | None:
    """Return what is wrong with the lines of an alteration; None where they name it alone."""
    if not said:
        return "not detected"
    first = said[0]
    if item.named and first.artefact not in item.named:
        return f"named {first.artefact} first: {first.what}"
    others = [f.artefact for f in said if f.artefact not in item.named and f.kind == first.kind]
    if item.named and first.kind in ALONE and others:
        return f"also named {others[0]}"
    return None if first.kind in item.kinds else f"as '{first.kind}': {first.what}"


def _table(
    done: dict[str, list[str | None]], artefacts: int, files: int, seconds: float
) -> list[str]:
    size = f"{artefacts} artefacts of {files} files; a copy and its check take {seconds:.2f} s."
    head = ["| altered | times | detected and named right |", "|---|---:|---:|"]
    lines = ["", where(), size, "", *head]
    for way, found in done.items():
        right = sum(fault is None for fault in found)
        if way == BLIND:
            lines.append(f"| {way} | {len(found)} | 0: see below |")
        else:
            lines.append(f"| {way} | {len(found)} | {right} |")
    seen = [fault for way, found in done.items() if way != BLIND for fault in found]
    right = sum(fault is None for fault in seen)
    return [
        *lines,
        f"| all but those that nothing can show | {len(seen)} | {right} of {len(seen)} |",
    ]


__all__ = ["main"]
