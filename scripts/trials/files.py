"""Bad inputs in every file that is read: each must end in one clear line and exit code 2."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from corpus import base, runner
from corpus.case import Case
from corpus.families import every
from corpus.runner import Outcome

_MEASURED = (
    "Measured on {}, Python {}: processor time of the longest case, and memory above that of the "
    "program with its libraries loaded."
)


def main(words: list[str]) -> int:
    """Run the cases, print the table, and return 1 where one did not end as it should."""
    options = _options(words)
    cases = [case for case in every() if _chosen(case, options)][:: options.every]
    kept = _kept(options.again, cases)
    cases = [case for case in cases if case.label not in kept]
    if options.list:
        print("\n".join(f"{case.label} ({case.kind})" for case in cases))
        return 0
    runner.warm(runner.WARM[:1] if options.light else runner.WARM)
    with tempfile.TemporaryDirectory(prefix="aetrig-files-") as scratch:
        made = base.make(options.base or Path(scratch) / "base") if options.needs_run else Path()
        outcomes = list(kept.values())
        for outcome in runner.run_all(cases, made, Path(scratch), options.jobs):
            outcomes.append(outcome)
            if options.json and len(outcomes) % 20 == 0:  # a long call that is cut off keeps these
                _save(options.json, outcomes)
            if outcome.faults or options.verbose:
                print(_line(outcome), flush=True)
    if options.json:
        _save(options.json, outcomes)
    print("\n".join(_table(outcomes)))
    return int(any(one.faults for one in outcomes))


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/trust files", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="parts of FAMILY/NAME")
    parser.add_argument("--jobs", "-j", type=int, default=1, help="so many cases at a time")
    parser.add_argument("--exactly", nargs="*", default=[], help="whole FAMILY/NAME")
    parser.add_argument("--light", action="store_true",
                        help="import nothing in advance: for few cases")  # fmt: skip
    parser.add_argument("--every", type=int, default=1, help="run every so many-th case alone")
    parser.add_argument("--base", type=Path, help="folder that keeps the real run between calls")
    parser.add_argument("--no-run", dest="needs_run", action="store_false",
                        help="make no real run: for cases that read none")  # fmt: skip
    parser.add_argument("--again", type=Path,
                        help="outcomes of --json: keep those that were right")  # fmt: skip
    parser.add_argument("--json", type=Path, help="also write the outcomes here")
    parser.add_argument("--list", action="store_true", help="list the cases")
    parser.add_argument("--verbose", "-v", action="store_true", help="print every outcome")
    return parser.parse_args(words)


def _chosen(case: Case, options: argparse.Namespace) -> bool:
    if options.exactly:
        return case.label in options.exactly
    return not options.only or any(part in case.label for part in options.only)


def _kept(path: Path | None, cases: Sequence[Case]) -> dict[str, Outcome]:
    """Return the outcomes of an earlier call that were right, by name."""
    if path is None:
        return {}
    found = [Outcome(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    names = {case.label for case in cases}
    return {one.label: one for one in found if not one.faults and one.label in names}


def _save(path: Path, outcomes: Sequence[Outcome]) -> None:
    path.write_text(json.dumps([asdict(one) for one in outcomes]), encoding="utf-8")


def _line(outcome: Outcome) -> str:
    word = f"FAULT ({'; '.join(outcome.faults)})" if outcome.faults else "right"
    said = outcome.error.strip().splitlines()
    shown = "\n    ".join(said[-3:] if outcome.faults else said)
    return f"{outcome.label}: {word}; exit code {outcome.code}\n    {shown}"


def _table(outcomes: Sequence[Outcome]) -> list[str]:
    families: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        families[outcome.family].append(outcome)
    lines = [
        "",
        "| family | cases | kinds | exit 2 | exit 1 | exit 0 | not right | longest | most memory |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(name, found) for name, found in families.items()),
        _row("all", outcomes),
        "",
        _MEASURED.format(platform.machine(), platform.python_version()),
    ]
    kinds: dict[str, int] = defaultdict(int)
    for outcome in outcomes:
        kinds[outcome.kind] += 1
    named = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return [*lines, "", f"Kinds: {named}."]


def _row(name: str, found: Sequence[Outcome]) -> str:
    codes = [sum(one.code == code for one in found) for code in (2, 1, 0)]
    cells = [
        name,
        str(len(found)),
        str(len({one.kind for one in found})),
        *map(str, codes),
        str(sum(bool(one.faults) for one in found)),
        f"{max((one.seconds for one in found), default=0.0):.1f} s",
        f"{max((one.memory for one in found), default=0) >> 20} MiB",
    ]
    return "| " + " | ".join(cells) + " |"
