"""The emulator's tests and threads under the address, undefined-behaviour and thread sanitizers."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trials._emulators.build import make, make_driver, networks
from trials._machine import where

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("test_exact.py", "test_events.py", "test_handover.py", "test_memory.py")
NOT_FOR_SANITIZERS = (
    # these two read the library's symbols, to which a sanitizer adds its own
    "test_nothing_is_allocated",
    "test_only_the_interface_is_exported",
    # more of what test_random_programs does: g++ alone would take longer than all the others
    "test_many_random_programs",
)
FOUND = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:)[^\n]*")


@dataclass(frozen=True)
class Sanitizer:
    """A set of sanitizers that can be compiled in together. ``library``: preloaded into Python."""

    name: str
    flags: tuple[str, ...]
    library: str
    options: dict[str, str]


COMMON = ("-g1", "-O1", "-fno-omit-frame-pointer")
SANITIZERS = (
    Sanitizer(
        "address, undefined",
        (*COMMON, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
        "libasan.so",
        {"ASAN_OPTIONS": "detect_leaks={leaks}:verify_asan_link_order=0:abort_on_error=0"},
    ),
    Sanitizer(
        "thread",
        (*COMMON, "-fsanitize=thread"),
        "libtsan.so",
        # what was not compiled with it (Python, numpy) cannot be judged by it
        {"TSAN_OPTIONS": "halt_on_error=1:ignore_noninstrumented_modules=1:report_signal_unsafe=0"},
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What ran under a sanitizer, and what it found."""

    sanitizer: str
    what: str
    amount: str
    findings: tuple[str, ...]
    code: int


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    found = argparse.ArgumentParser(prog="scripts/trust sanitize", description=__doc__)
    found.add_argument("--seconds", type=float, default=60, help="of the driver; %(default)s")
    found.add_argument("--network", action="append", default=[], help="of models/; default: all")
    found.add_argument("--no-tests", action="store_true", help="the driver alone")
    return found


def main(words: list[str]) -> int:
    """Run both sanitizers; 1 where one found something or a test failed."""
    options = parser().parse_args(words)
    names = networks(options.network)
    outcomes = []
    for sanitizer in SANITIZERS:
        with tempfile.TemporaryDirectory(prefix="aetrig-sanitize.") as scratch:
            outcomes.append(drive(sanitizer, names, options.seconds, Path(scratch)))
            if not options.no_tests:
                outcomes.append(test(sanitizer, Path(scratch)))
    print("\n".join(rows(outcomes)))
    failed = [outcome for outcome in outcomes if outcome.code or outcome.findings]
    for outcome in failed:
        print(f"fault: {outcome.sanitizer}, {outcome.what}: status {outcome.code}")
    print("sanitize: failed" if failed else "sanitize: passed")
    return int(bool(failed))


def drive(sanitizer: Sanitizer, names: list[str], seconds: float, scratch: Path) -> Outcome:
    """Run the driver and its libraries, all compiled with the sanitizer, leaks reported too."""
    made = [make(name, 1, 5000, scratch / name, *sanitizer.flags) for name in names]
    driver = make_driver(scratch, *sanitizer.flags)
    libraries = [word for item in made for word in item.words()]
    done = subprocess.run(
        [str(driver), str(seconds), str(seconds / 4), "3", "1", str(scratch), *libraries],
        env={**os.environ, **_options(sanitizer, leaks=True)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    last = json.loads(said[-1]) if said else {"events": 0, "loads": 0}
    amount = f"{last['events']:,} events in 3 threads, {last['loads']:,} loads and unloads"
    return _outcome(sanitizer, f"driver, {len(names)} networks", amount, done)


def test(sanitizer: Sanitizer, scratch: Path) -> Outcome:
    """Run the emulator's tests with compilers that add the sanitizer to all that they compile."""
    compilers = scratch / "bin"
    compilers.mkdir()
    for name in ("g++", "gcc", "cc"):
        _unpreloaded(compilers / name, sanitizer.flags)
    _unpreloaded(compilers / "sh")
    library = subprocess.run(
        ["g++", f"-print-file-name={sanitizer.library}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    left_out = " and ".join(f"not {name}" for name in NOT_FOR_SANITIZERS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-s"]
    done = subprocess.run(
        [
            *command,
            "-m",
            "slow or not slow",
            "-k",
            left_out,
            *(f"tests/emulator/{name}" for name in TESTS),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            **_options(sanitizer, leaks=False),
            "PATH": f"{compilers}:{os.environ['PATH']}",
            "LD_PRELOAD": library,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    closing = done.stdout.splitlines()[-1].strip("= ") if done.stdout else done.stderr[-200:]
    return _outcome(sanitizer, "tests/emulator", closing, done)


def _unpreloaded(path: Path, flags: tuple[str, ...] = ()) -> None:
    """Write a command that adds flags to the one of its name, and runs it without the sanitizer.

    In Python: Debian's shell ends with a segmentation fault under the preloaded thread sanitizer.
    """
    real = shutil.which(path.name)
    path.write_text(
        f"#!{sys.executable} -S\nimport os, sys\nos.environ.pop('LD_PRELOAD', None)\n"
        f"os.execv({real!r}, [{real!r}, *sys.argv[1:], *{flags!r}])\n"
    )
    path.chmod(0o755)


def _options(sanitizer: Sanitizer, *, leaks: bool) -> dict[str, str]:
    return {key: text.format(leaks=int(leaks)) for key, text in sanitizer.options.items()}


def _outcome(
    sanitizer: Sanitizer, what: str, amount: str, done: subprocess.CompletedProcess[str]
) -> Outcome:
    said = done.stdout + done.stderr
    findings = tuple(match.group(0) for match in FOUND.finditer(said))
    if done.returncode or findings:
        print(said[-6000:], file=sys.stderr)
    return Outcome(sanitizer.name, what, amount, findings, done.returncode)


def rows(outcomes: list[Outcome]) -> list[str]:
    """Return the table as Markdown."""
    head = [where(), "", "| sanitizer | over | ran | findings |", "|---|---|---|---:|"]
    return head + [
        f"| {outcome.sanitizer} | {outcome.what} | {outcome.amount} | {len(outcome.findings)} |"
        for outcome in outcomes
    ]
