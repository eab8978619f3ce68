"""Random architectures through every engine, which must equal the Program in every bit."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

from fuzz.architectures import SMALL, Size
from trials._machine import where
from trials.architectures.rungs import CONFIG, CSIM, DIRECT, RTL, Record, fast, slow
from trials.architectures.tables import lines

BATCH = 20  # architectures whose emulators are compiled at once
DIRECT_EACH = 3  # of small ones, so many to one that is drawn as a Program
MOST = 6  # drawn for each one that csim and RTL are to be compared of, before giving up
Call = Callable[[], list[Record]]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(prog="scripts/trust architectures", description=__doc__)
    found.add_argument(
        "count", nargs="?", type=int, default=1000,
        help="quantized networks of random configs, through Brevitas, QONNX, onnxruntime and "
        "emulator; default: %(default)s",
    )  # fmt: skip
    found.add_argument(
        "small", nargs="?", type=int, default=150,
        help="small ones, a third of them random Programs, to be compared in csim and RTL too; "
        "default: %(default)s",
    )  # fmt: skip
    found.add_argument(
        "--programs",
        type=int,
        help="random Programs, of grids that no calibration gives; default: a fifth of the count",
    )
    found.add_argument("--seed", type=int, default=0, help="the first; default: %(default)s")
    found.add_argument("--jobs", type=int, default=1, help="processes; default: %(default)s")
    found.add_argument(
        "--record", type=Path, help="a JSON line an architecture; those in it are not done again"
    )
    return found


def main(words: list[str]) -> int:
    """Run the trial; exit code 1 where any bit differs, or too few architectures were drawn."""
    given = parser().parse_args(words)
    programs = given.count // 5 if given.programs is None else given.programs
    last = given.seed + max(given.count, programs, MOST * given.small)
    done = _recorded(given.record, given.seed, last)
    with _Pool(given.jobs) as pool:
        for source, count in ((CONFIG, given.count), (DIRECT, programs)):
            seeds = range(given.seed, given.seed + count)
            left = [seed for seed in seeds if ("fast", source, seed) not in done]
            calls = (partial(fast, source, part, Size()) for part in _parts(left))
            _collect(pool.run(calls), done, given.record)
        enough = _small(pool, given, done)
    records = list(done.values())
    print(f"\n{where()}\n")
    print("\n".join(lines(records)))
    differing = [f"{one.source} {one.seed}: {text}" for one in records for text in one.differs]
    print("".join(f"{line}\n" for line in differing), end="", file=sys.stderr)
    if not enough:
        print(f"fewer than {given.small} small ones were compared", file=sys.stderr)
    return 1 if differing or not enough else 0


def _small(pool: _Pool, given: argparse.Namespace, done: dict[Any, Record]) -> bool:
    """Draw small architectures until enough were compared in csim and in RTL; say whether."""
    end = given.seed + MOST * given.small
    for start in range(given.seed, end, given.jobs):
        lacking = [name for name in (CSIM, RTL) if _compared(done, name) < given.small]
        if not lacking:
            break
        wanted = [(_source(seed), seed) for seed in range(start, min(start + given.jobs, end))]
        calls = (
            partial(_one, source, seed, lacking)
            for source, seed in wanted
            if ("slow", source, seed) not in done
        )
        _collect(pool.run(calls), done, given.record)
    return all(_compared(done, name) >= given.small for name in (CSIM, RTL))


def _source(seed: int) -> str:
    return CONFIG if seed % DIRECT_EACH else DIRECT


def _one(source: str, seed: int, engines: Sequence[str]) -> list[Record]:
    return [slow(source, seed, SMALL, engines)]


def _compared(done: dict[Any, Record], engine: str) -> int:
    return sum(any(name.startswith(engine) for name in one.compared) for one in done.values())


def _parts(seeds: Sequence[int]) -> Iterator[list[int]]:
    remaining = iter(seeds)
    while part := list(islice(remaining, BATCH)):
        yield part


class _Pool:
    """Calls in this process, or in several at once."""

    def __init__(self, jobs: int) -> None:
        self._pool = (
            ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) if jobs > 1 else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self, calls: Iterator[Call]) -> Iterator[list[Record]]:
        if self._pool is None:
            for call in calls:
                yield call()
            return
        for future in as_completed([self._pool.submit(call) for call in calls]):
            yield future.result()


def _key(record: Record) -> tuple[str, str, int]:
    return record.part, record.source, record.seed


def _collect(
    found: Iterator[list[Record]], done: dict[tuple[str, str, int], Record], path: Path | None
) -> None:
    for records in found:
        done |= {_key(record): record for record in records}
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(record)) + "\n" for record in records)
        print(f"{len(done)} architectures", flush=True)


def _recorded(path: Path | None, first: int, last: int) -> dict[tuple[str, str, int], Record]:
    if path is None or not path.exists():
        return {}
    entries = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    records = (Record(**entry) for entry in entries)
    return {_key(record): record for record in records if first <= record.seed < last}
