"""Commands that are killed at random moments, lack room, may not write, or meet one another."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from trials._machine import where
from trials.kill import disk, kills, together
from trials.kill.commands import Snapshots, archive, available, warm
from trials.kill.pieces import KILLS, PARTS, QAT_KILLS, Plan, Tables, pieces


def main(words: list[str]) -> int:
    """Run the parts for each command, print the tables; 1 where something was not as promised."""
    given = _arguments(words)
    there = {command.name: command for command in available()}
    wanted = given.only.split(",") if given.only else list(there)
    unknown = [name for name in wanted if name not in there]
    if unknown:
        print(f"kill: no command {', '.join(unknown)} here; there are {', '.join(there)}")
        return 2
    chosen = [there[name] for name in wanted]
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    place = Path(given.work or tempfile.mkdtemp(prefix="aetrig-kill-")).resolve()
    print(f"kill: works in {place}", flush=True)
    snapshots = Snapshots(place / "snapshots")
    if not given.tables:
        warm()
        for command in chosen:
            snapshots.get(command.needs)
    plan = Plan(tuple(given.parts.split(",")), given.kills, given.seed, run=not given.tables)
    with archive() as address:
        one = partial(pieces, place, snapshots, plan, address)
        if given.jobs == 1:
            found = [one(command) for command in chosen]
        else:
            with ProcessPoolExecutor(given.jobs, get_context("fork")) as pool:
                found = list(pool.map(one, chosen))
    wrong = [line for tables in found for line in tables[3]]
    _print(found)
    for line in wrong:
        print(f"not as promised: {line}")
    if given.work is None and not wrong:
        shutil.rmtree(place)
    return int(bool(wrong))


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/trust kill", description=__doc__)
    parser.add_argument("--only", default="", help="commands, separated by commas")
    parser.add_argument("--parts", default=",".join(PARTS), help="of kills,disk,together")
    parser.add_argument(
        "--kills", type=int, help=f"of each command; default: {QAT_KILLS} of qat, else {KILLS}"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--jobs", type=int, default=2, help="commands side by side")
    parser.add_argument(
        "--work",
        help="folder to work in, which is kept; what was done there with the same version of "
        "aetrig is not done again",
    )
    parser.add_argument(
        "--tables", action="store_true", help="run nothing: print what --work holds so far"
    )
    return parser.parse_args(words)


def _print(found: list[Tables]) -> None:
    print(f"\n{where()}")
    for index, columns in enumerate((kills.COLUMNS, disk.COLUMNS, together.COLUMNS)):
        rows = [row for tables in found for row in tables[index]]
        if rows:
            print()
            for row in (columns, ["---"] * len(columns), *rows):
                print(f"| {' | '.join(row)} |")
    print()
