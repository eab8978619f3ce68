"""A real Dask scheduler and workers, each a process of its own, on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

DASK = Path(sys.executable).with_name("dask")
PATIENCE = 120.0  # seconds


@dataclass
class Cluster:
    """``address``: of the scheduler; ``workers``: processes, of one thread each."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [DASK, *arguments, "--host", "127.0.0.1", "--no-dashboard",
                 "--dashboard-address", "127.0.0.1:0"],
                stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def start(self, workers: int) -> None:
        self._start("scheduler", "scheduler", "--port", "0", "--scheduler-file", str(self.file))
        deadline = time.monotonic() + PATIENCE
        while not self.file.exists() or not self.file.read_text().endswith("}"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(workers):
            self.add_worker()
        # it answers: on a busy machine that takes longer than a command waits
        with Client(self.address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def add_worker(self) -> None:
        number = len(self.processes)
        arguments = ["worker", self.address, "--nthreads", "1", "--no-nanny", "--memory-limit", "0"]
        process = self._start(f"worker{number}", *arguments, "--local-directory", str(self.folder))
        self.workers.append(process)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(PATIENCE)
