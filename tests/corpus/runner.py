"""Run the program on bad inputs, each in a process forked from a warm one, within limits."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpus.case import Case, Place

CPU_SECONDS, WALL_SECONDS = 20, 120
MEMORY = 2 << 30  # above what the warm process has
LONGEST_LINE = 2100
# what commands import when they need it: once here, not in each of some hundred processes
WARM = (
    "aetrig.cli.main", "torch", "brevitas.export", "onnx", "onnxruntime", "pandas",
    "pyarrow.parquet", "pyarrow.csv", "pyarrow.dataset", "h5py", "uproot", "awkward", "rich.console",
    "aetrig.train.qat", "aetrig.export.stage", "aetrig.trigger.stage", "aetrig.hls.stage",
    "aetrig.rtl.stage", "aetrig.emulator.stage", "aetrig.verify.stage", "aetrig.verify.golden",
    "aetrig.verify.golden_check", "aetrig.report.stage", "aetrig.package.stage",
    "aetrig.compress.stage", "aetrig.score.stage", "aetrig.bring.stage", "aetrig.search.study",
    "aetrig.search.scan", "aetrig.data.info", "aetrig.data.load",
)  # fmt: skip
REPR = re.compile(r"\b\w*(Error|Exception|Interrupt|Iteration)\(|^error: '[^']*'$|\bTraceback\b")


@dataclass(frozen=True)
class Outcome:
    """What became of a case; ``seconds`` of processor time. ``faults``: what should not have been; empty where all is well."""

    family: str
    kind: str
    name: str
    code: int
    error: str
    seconds: float
    memory: int
    faults: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name of the case in a report."""
        return f"{self.family}/{self.name}"


def warm(names: Sequence[str] = WARM) -> None:
    """Import what the commands need; starts no thread, so that the process may be forked."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in names:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page


def run_all(cases: Sequence[Case], base: Path, folder: Path, jobs: int = 1) -> Iterator[Outcome]:
    """Yield what becomes of each case, ``jobs`` at a time; its folder is removed behind it."""
    if jobs == 1:
        for number in range(len(cases)):
            yield _numbered(cases, base, folder, number)
        return
    # the workers are forked with the cases, which are functions and cannot be sent
    _inherited[:] = [partial(_numbered, cases, base, folder)]
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_inherit, range(len(cases)))


_inherited: list[Callable[[int], Outcome]] = []


def _inherit(number: int) -> Outcome:
    return _inherited[0](number)


def _numbered(cases: Sequence[Case], base: Path, folder: Path, number: int) -> Outcome:
    outer = folder / f"{number:04d}"
    inner = outer / "in"
    inner.mkdir(parents=True)
    found = run(cases[number], Place(inner, base))
    shutil.rmtree(outer, ignore_errors=True)
    return found


def run(case: Case, place: Place) -> Outcome:
    """Run one case and judge it."""
    log = place.folder.parent / "log"
    log.mkdir(exist_ok=True)
    words = case.build(place)
    before = _listing(place.folder.parent)
    start = time.monotonic()
    child = os.fork()
    if not child:
        _child(words, place.folder, log)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    _kill_group(child)
    code = os.waitstatus_to_exitcode(status)
    used = usage.ru_utime + usage.ru_stime
    peak = log / "peak"
    memory = int(peak.read_text()) if peak.exists() else 0
    error = (log / "stderr").read_text(encoding="utf-8", errors="replace")
    faults = list(faults_of(case, code, error))
    error += "".join(path.read_text(errors="replace") for path in log.glob("aetrig-fault-*.log"))
    if place.marker.exists():
        faults.append("the payload was executed")
    if _listing(place.folder.parent) != before:
        faults.append("something was written beside the working folder")
    if used > CPU_SECONDS or seconds > WALL_SECONDS:
        faults.append(f"{seconds:.0f} s")
    return Outcome(case.family, case.kind, case.name, code, error, used, memory, tuple(faults))


def faults_of(case: Case, code: int, error: str) -> Iterator[str]:
    lines = [line for line in error.splitlines() if line.strip()]
    if code not in case.codes:
        yield f"exit code {code}"
    if code == 0:
        return
    if len(lines) != 1:
        yield f"{len(lines)} lines"
    line = lines[-1] if lines else ""
    if not line.startswith("error: "):
        yield "no error line"
    if len(line) > LONGEST_LINE:
        yield f"a line of {len(line)} characters"
    if not line.isprintable():
        yield "control characters"
    if REPR.search(line) or "Traceback" in error:
        yield "an exception shows"
    if case.names not in line:
        yield f"does not name {case.names}"


def _child(words: list[str], folder: Path, log: Path) -> None:
    """Become the program: never returns."""
    code = 70
    try:
        os.setsid()
        for number, name in ((1, "stdout"), (2, "stderr")):
            handle = os.open(log / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(handle, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = str(log)
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS + 1,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(WALL_SECONDS)
        begin = _status("VmRSS")
        code = program(words)
        (log / "peak").write_text(str(max(0, _status("VmHWM") - begin)))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - nothing may go back into the parent's code
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def program(words: list[str]) -> int:
    """Run the command line; return its exit code."""
    from aetrig.cli.main import main

    sys.argv = ["aetrig", *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter would show it
        traceback.print_exc()
        return 1
    return 0


def _status(key: str) -> int:
    """Return a size of this process in bytes, from /proc."""
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(rf"{key}:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


def _kill_group(leader: int) -> None:
    """End what a case left running; its session is its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
