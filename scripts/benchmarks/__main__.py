"""`scripts/bench`: one table, and JSON, of figures measured side by side in one run."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import history, table
from benchmarks.machine import commit, machine, now, versions
from benchmarks.rows import DifferentError, Options, Row

GROUPS = (
    "training", "emulation", "jets", "lowering", "simulation", "compression", "report", "startup",
)  # fmt: skip
# under a minute in all: without what compiles for long
QUICK = ("training", "emulation", "jets", "compression", "startup")
FIRMWARE = "firmware"
DETAIL = Path(__file__).resolve().parents[1] / "bench_emulator.py"


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    found.add_argument("--quick", action="store_true", help="fewer rounds and rows, under a minute")
    found.add_argument(
        "--only", action="append", choices=(*GROUPS, FIRMWARE), metavar="GROUP",
        help=f"one group, may be repeated: {', '.join((*GROUPS, FIRMWARE))}",
    )  # fmt: skip
    found.add_argument("--firmware", action="store_true", help="the table of gates, by yosys")
    found.add_argument("--json", type=Path, metavar="FILE", help="write the same as JSON")
    found.add_argument(
        "--history", type=Path, metavar="FILE",
        help="add a line to FILE and warn where a ratio has fallen by more than 20 %%",
    )  # fmt: skip
    found.add_argument(
        "--detail", action="store_true",
        help="the emulator's long table: every batch, path and interface, and the core's bounds",
    )  # fmt: skip
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure, print; return 1 where contenders computed different things."""
    given = parser().parse_args(argv)
    if given.detail:
        extra = [str(given.json)] if given.json else []
        return subprocess.run([sys.executable, str(DETAIL), *extra], check=False).returncode
    chosen = given.only or _groups(firmware=given.firmware, quick=given.quick)
    begin = time.perf_counter()
    content: dict[str, Any] = {
        "date": now(), "commit": commit(), "quick": given.quick, "machine": machine(),
        "versions": versions(),
    }  # fmt: skip
    rows: list[Row] = []
    try:
        for name in chosen:
            alone = len(chosen) == 1
            rows += (measured if alone else in_a_process)(name, quick=given.quick)
    except DifferentError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    content["rows"] = [asdict(row) for row in rows]
    print("\n".join([*table.conditions(content), "", *table.lines(rows)]))
    print(f"\n{time.perf_counter() - begin:.0f} s")
    if given.json:
        given.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if given.history:
        history.enter(given.history, content)
    return 0


def _groups(*, firmware: bool, quick: bool) -> list[str]:
    if firmware:
        return [FIRMWARE]
    return list(QUICK if quick else GROUPS)


def measured(name: str, *, quick: bool) -> list[Row]:
    """Return a group's rows; its progress goes to standard error."""
    group = importlib.import_module(f"benchmarks.{name}")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="aetrig-bench.") as folder:
        rows = list(group.rows(Options(Path(folder), quick)))
    print(f"bench: {name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return rows


def in_a_process(name: str, *, quick: bool) -> list[Row]:
    """Return a group's rows from a process of its own: nothing of it is left beside the next."""
    with tempfile.TemporaryDirectory(prefix="aetrig-bench.") as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "benchmarks", "--only", name, "--json", str(figures)]
        if quick:
            command.append("--quick")
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)
        found = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    return [Row(**row) for row in found]


if __name__ == "__main__":
    sys.exit(main())
