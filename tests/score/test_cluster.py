"""A worker killed in mid-task: every row is scored once all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aetrig.run import Run
from aetrig.score.stage import score
from score.cluster import PATIENCE, Cluster
from score.files import expected, partitions, scored, write_integers

ROWS, FILES = 60_000, 12


def writes_into(folder: Path, pid: int) -> bool:
    """Say whether a process has a file of a folder open."""
    place = f"{folder}{os.sep}"
    for number in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(number).startswith(place):  # noqa: PTH115
                return True
        except OSError:  # closed meanwhile
            continue
    return False


def stopped_in_mid_task(cluster: Cluster, out: Path) -> subprocess.Popen[bytes]:
    """Return a worker that stands still in the middle of writing a partition."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for worker in cluster.workers:
            if not writes_into(out, worker.pid):
                continue
            os.kill(worker.pid, signal.SIGSTOP)
            if writes_into(out, worker.pid):
                return worker
            os.kill(worker.pid, signal.SIGCONT)
    pytest.fail("no worker was found in the middle of a task")


def test_a_worker_killed_in_mid_task(hardware: Run, cluster: Cluster, tmp_path: Path) -> None:
    x = write_integers(hardware, tmp_path / "0.parquet", ROWS, 1)
    files = [tmp_path / f"{i}.parquet" for i in range(FILES)]
    for path in files[1:]:
        path.hardlink_to(files[0])
    out = tmp_path / "out"
    killed: list[int] = []

    def kill() -> None:
        worker = stopped_in_mid_task(cluster, out)
        cluster.kill(worker)
        killed.append(len(partitions(out)))
        cluster.add_worker()

    killer = threading.Thread(target=kill)
    killer.start()
    result = score(hardware, files, out, scheduler=cluster.address, chunk=ROWS)
    killer.join()
    assert killed
    assert killed[0] < FILES  # it was in the middle of the work, too
    scores, accept = expected(hardware, x)
    alone = [len(x), *accept.sum(axis=0).tolist()]
    assert result.by_label == {"": [FILES * count for count in alone]}
    assert (result.partitions, result.kept, result.scored) == (FILES, 0, FILES * ROWS)
    names = [path.name for path in sorted((out / "partitions").iterdir())]
    assert names == [f"part-{i:06d}.parquet" for i in range(FILES)]  # and nothing half written
    assert [pq.read_metadata(path).num_rows for path in partitions(out)] == [ROWS] * FILES
    found = scored(out)
    assert found.column("score").to_pylist() == scores.tolist() * FILES
    assert found.column("row").to_pylist() == list(range(ROWS)) * FILES
