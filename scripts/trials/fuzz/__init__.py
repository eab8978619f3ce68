"""Coverage-guided fuzzing of every reader: nothing but an aetrig error may come out of a bad file.

Needs atheris (pip install 'aetrig[fuzz]'). The replay of what was found needs nothing: it is
tests/corpus/test_found.py.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from trials.fuzz import found, readers, totals
from trials.fuzz.totals import Session

RECORD = Path(__file__).with_name("record.jsonl")
STRUCTURE = "+"  # ends the name of a target that changes a valid file's structure
MISSING = 3


def targets() -> dict[str, str]:
    """Return what each target reads, by its name."""
    made = {}
    for name in readers.names():
        made[name] = readers.WHAT[name]
        if name in readers.STRUCTURED:
            made[name + STRUCTURE] = f"{readers.WHAT[name]}: structure changed"
    return made


def main(words: list[str]) -> int:
    """Fuzz each target in turn; exit code 1 where one found something, 3 without atheris."""
    options = _options(words)
    known = targets()
    if options.list or options.table:
        text = "\n".join(f"{name:<14} {what}" for name, what in known.items())
        print(totals.table(totals.read(options.record), known) if options.table else text)
        return 0
    if find_spec("atheris") is None:
        print("atheris is not installed: pip install 'aetrig[fuzz]'", file=sys.stderr)
        return MISSING
    unknown = [name for name in options.only if name not in known]
    if unknown:
        print(f"no target {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    work = options.work or Path(tempfile.gettempdir()) / "aetrig-fuzz"
    failed = False
    sessions = []
    for target in options.only or known:
        session = fuzz(target, options.seconds, work / target)
        sessions.append(session)
        if options.record != Path("-"):
            totals.add(options.record, session)
        failed |= bool(session.finds)
        _tell(session, work / target, keep=options.keep)
    print(totals.table(sessions, known))
    print(f"\nMeasured on {machine()}, commit {commit()}.")
    return int(failed)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/trust fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", nargs="+", default=[], metavar="TARGET", help="see --list")
    parser.add_argument("--work", type=Path, help="corpora, which grow from session to session")
    parser.add_argument(
        "--record", type=Path, default=RECORD, help="file that sessions add up in; - for none"
    )
    parser.add_argument("--keep", action="store_true", help="store finds in tests/corpus/found")
    parser.add_argument("--list", action="store_true", help="list the targets")
    parser.add_argument("--table", action="store_true", help="print the table of all sessions")
    return parser.parse_args(words)


def fuzz(target: str, seconds: int, folder: Path) -> Session:
    """Search with one target; what ends its process early is a find, and it is started again."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "finds", ignore_errors=True)
    spent = executions = coverage = features = 0
    ended: list[str] = []
    while spent < seconds:
        log, start = folder / "log", time.monotonic()
        code = _run(target, seconds - spent, folder, log)
        text = log.read_text(encoding="utf-8", errors="replace")
        at = re.findall(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+)", text, re.MULTILINE)
        executed = re.findall(r"number_of_executed_units: (\d+)", text) or [at[-1][0] if at else 0]
        ran = re.findall(r"Done \d+ runs in (\d+) second", text)
        # without the process's start, where libFuzzer came to say so
        spent += int(ran[-1]) if ran else max(1, int(time.monotonic() - start))
        executions += int(executed[-1])
        coverage = max([coverage, *(int(found) for _, found, _ in at)])
        features = max([features, *(int(found) for _, _, found in at)])
        if code:
            ended.append(f"the process ended with code {code}: {_last(text)}")
    kinds = (*_kinds(folder), *dict.fromkeys(ended))
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return Session(
        target, min(spent, seconds), executions, coverage, features, kinds, commit(), machine(),
        today,
    )  # fmt: skip


def _run(target: str, seconds: int, folder: Path, log: Path) -> int:
    """Run the search; return its process's exit code. It ends without clearing up: we do."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - quick files
    with tempfile.TemporaryDirectory(prefix="aetrig-fuzz-", dir=memory) as scratch:
        words = [sys.executable, "-m", "trials.fuzz.worker", target, str(seconds)]
        with log.open("wb") as file:
            return subprocess.run(
                [*words, str(folder), scratch], stdout=file, stderr=file, check=False,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            ).returncode  # fmt: skip


def _kinds(folder: Path) -> list[str]:
    files = sorted(folder.glob("finds/*/kind"))
    return [file.read_text(encoding="utf-8") for file in files]


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if "ERROR" in line or "Error" in line]
    return re.sub(r"\d+", "N", lines[-1])[:200] if lines else "no word"


def _tell(session: Session, folder: Path, *, keep: bool) -> None:
    print(
        f"{session.target}: {session.executions:,} executions in {session.seconds} s, "
        f"{session.coverage:,} branches, {len(session.finds)} finds",
        flush=True,
    )
    for kind in session.finds:
        print(f"  {kind}", flush=True)
    if not keep:
        return
    one = readers.reader(session.target.removesuffix(STRUCTURE))
    for place in sorted(folder.glob("finds/*/input")):
        kind = place.with_name("kind").read_text(encoding="utf-8")
        try:
            print(f"  kept: {found.keep(one, place.read_bytes(), kind)}", flush=True)
        except ValueError as error:
            print(f"  not kept: {place}: {error}", flush=True)


def commit() -> str:
    """Return the commit of the code, with a mark where it was changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    here = Path(__file__).parent
    made = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    return made.stdout.strip() or "unknown"


def machine() -> str:
    """Return what the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text(encoding="utf-8"))
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
