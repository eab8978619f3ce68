"""A training in a process of its own that SIGKILL ends at a chosen point."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from aetrig import files
from aetrig.config.model import RunConfig
from aetrig.run import Run
from aetrig.train import checkpoint, qat

# a server that has imported torch forks children that have not used it yet: fast, and clean
PROCESSES = multiprocessing.get_context("forkserver")


def start_server() -> None:
    """Start the server once. Not at import: the server imports this module itself."""
    PROCESSES.set_forkserver_preload(["train.killed"])
    with pytest.MonkeyPatch.context() as environment:
        # before Python 3.13 the server does not take our sys.path, and would then import nothing
        environment.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()


def train(config: RunConfig, run: Run, base: Path, *, resume: bool, kill: tuple[str, int]) -> int:
    """Train until the kill: ``before``, ``half`` or ``after`` the n-th checkpoint is written.

    Returns the process's exit code, -9 for SIGKILL.
    """
    child = PROCESSES.Process(target=_child, args=(config, run, base, resume, kill))
    child.start()
    child.join(120)
    code = child.exitcode
    assert code is not None, "the training did not end"
    return code


def _child(config: RunConfig, run: Run, base: Path, resume: bool, kill: tuple[str, int]) -> None:
    warnings.simplefilter("ignore")
    point, count = kill
    if point == "half":
        files.to_disk = _nth_file(count, files.to_disk)
    elif point != "never":
        checkpoint.save = _nth_save(point, count, checkpoint.save)
    qat(config, run, base=base, resume=resume, progress=False)


def _nth_save(point: str, count: int, save: Callable[..., None]) -> Callable[..., None]:
    calls = 0

    def armed(path: Path, kind: str, content: dict[str, Any]) -> None:
        nonlocal calls
        calls += 1
        if point == "after" or calls < count:
            save(path, kind, content)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return armed


def _nth_file(count: int, to_disk: Callable[[Path], None]) -> Callable[[Path], None]:
    calls = 0

    def armed(path: Path) -> None:
        nonlocal calls
        calls += path.suffix == ".pt"
        if path.suffix == ".pt" and calls == count:
            path.write_bytes(path.read_bytes()[:1000])  # as far as it got
            os.kill(os.getpid(), signal.SIGKILL)
        to_disk(path)

    return armed
