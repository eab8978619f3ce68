"""Millions of vectors through Program, emulator and RTL of each network: no bit may differ."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from aetrig.errors import AetrigError, UserError
from trials._large import add_option
from trials._machine import where
from trials.exact.compare import Options, Outcome, Tally, run
from trials.exact.tables import lines

MODELS = Path(__file__).resolve().parents[3] / "models"


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(prog="scripts/trust exact", description=__doc__)
    found.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER",
        help="networks that aetrig golden write wrote; default: all in models/",
    )  # fmt: skip
    found.add_argument("--vectors", type=int, default=10_000_000, help="a network; %(default)s")
    found.add_argument("--chunk", type=int, default=32_768, help="at once; default: %(default)s")
    found.add_argument(
        "--csim", type=int, default=20_000, help="of them for networks without RTL; %(default)s"
    )
    found.add_argument(
        "--covered", type=int, default=10, metavar="N",
        help="ties and saturation are counted in every Nth chunk; default: %(default)s",
    )  # fmt: skip
    add_option(found)
    found.add_argument("--seed", type=int, default=1, help="of the vectors; default: %(default)s")
    found.add_argument("--jobs", type=int, default=1, help="networks at once; default: %(default)s")
    found.add_argument(
        "--record", type=Path, help="a JSON line a network; those in it are not done again"
    )
    return found


def main(words: list[str]) -> int:
    """Run the trial; exit code 1 where a value differs or a network could not be compared."""
    given = parser().parse_args(words)
    options = Options(
        given.vectors, given.chunk, given.csim, given.covered, given.digits, given.seed
    )
    folders = given.folders or sorted(path for path in MODELS.iterdir() if path.is_dir())
    done, failed = _recorded(given.record, options), []
    left = [folder for folder in folders if folder.resolve().name not in done]
    for folder, result in _run(left, options, given.jobs):
        if isinstance(result, UserError):
            print(f"{folder.name} is left out: {result}", flush=True)
        elif isinstance(result, AetrigError):
            failed.append(f"{folder.name}: {result}")
        else:
            done[result.network] = result
            _record(given.record, options, result)
            print(f"{result.network}: {result.vectors:,} vectors, {result.differing} differ",
                  flush=True)  # fmt: skip
    asked = dict.fromkeys(folder.resolve().name for folder in folders)
    outcomes = [done[name] for name in asked if name in done]
    print(f"\n{where()}\n")
    print("\n".join(lines(outcomes)))
    failed += [
        f"{found.network}: {found.differing} differ" for found in outcomes if found.differing
    ]
    print("\n".join(failed), file=sys.stderr)
    return 1 if failed or not outcomes else 0


def _run(
    folders: Sequence[Path], options: Options, jobs: int
) -> Iterator[tuple[Path, Outcome | AetrigError]]:
    if jobs == 1:
        for folder in folders:
            yield folder, _one(folder, options)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        calls = {pool.submit(_one, folder, options): folder for folder in folders}
        for call in as_completed(calls):
            yield calls[call], call.result()


def _one(folder: Path, options: Options) -> Outcome | AetrigError:
    try:
        return run(folder.resolve(), options)
    except AetrigError as error:
        return error


def _recorded(path: Path | None, options: Options) -> dict[str, Outcome]:
    """Return what was recorded with the same options, by network."""
    if path is None or not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry.pop("options") == vars(options):
            entry["engines"] = {name: Tally(**tally) for name, tally in entry["engines"].items()}
            entry["families"] = Counter(entry["families"])
            found[entry["network"]] = Outcome(**entry)
    return found


def _record(path: Path | None, options: Options, outcome: Outcome) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"options": vars(options), **outcome.line()}) + "\n")
