"""Calls over worker processes: each result once, few under way, errors as one line."""

from __future__ import annotations

import builtins
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import aetrig
from aetrig import machines
from aetrig.errors import AetrigError, MissingToolError, UserError
from aetrig.machines import connect, each
from score.cluster import Cluster

# a background job of a shell, as the tests may be, ignores SIGINT and so do its children
PROGRAM = """
import signal, sys, time
from aetrig.machines import connect, each
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with connect(workers=2) as client:
        print("started", flush=True)
        for item, result in each(client, time.sleep, [0.2] * 1000):
            print("done", flush=True)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("machines"))
    try:
        made.start(2)
        yield made
    finally:
        made.stop()


def test_every_result_comes_once_and_few_calls_are_under_way(cluster: Cluster) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for taken in range(1, 101):
            yield taken % 50  # equal items are calls of their own

    seen = []
    with connect(cluster.address) as client:
        for item, result in each(client, lambda number: number**2, items()):
            assert taken - len(seen) <= 2 * machines.AHEAD
            seen.append((item, result))
    assert sorted(seen) == sorted((i % 50, (i % 50) ** 2) for i in range(1, 101))


def test_a_scheduler_file_and_no_items(cluster: Cluster) -> None:
    with connect(str(cluster.file)) as client:
        assert list(each(client, abs, [])) == []
        assert list(each(client, abs, [-3])) == [(-3, 3)]


def test_what_a_call_raises_is_raised_here(cluster: Cluster) -> None:
    def refuse(number: int) -> int:
        if number == 3:
            raise UserError("three is wrong")
        return number

    with connect(cluster.address) as client:
        calls = each(client, refuse, range(1000))
        with pytest.raises(UserError, match=r"^three is wrong$"):
            list(calls)
        assert list(each(client, abs, [-1])) == [(-1, 1)]  # the cluster goes on


def test_a_worker_that_dies_loses_nothing(cluster: Cluster) -> None:
    def work(number: int) -> tuple[int, int]:
        time.sleep(0.05)
        return number, os.getpid()

    found = []
    with connect(cluster.address) as client:
        for item, (number, pid) in each(client, work, range(30)):
            assert item == number
            found.append(number)
            if len(found) == 5:
                cluster.kill(next(w for w in cluster.workers if w.pid == pid))
                cluster.add_worker()
    assert sorted(found) == list(range(30))


def test_a_task_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    with connect(workers=1) as client:
        client.run_on_scheduler(
            lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0)
        )
        calls = each(client, lambda number: os.kill(os.getpid(), signal.SIGKILL), [1])
        with pytest.raises(AetrigError, match="a task was given up: 1 workers died"):
            list(calls)


def test_another_version_of_aetrig_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "__version__", "99.0")
    with (
        pytest.raises(UserError, match=rf"has aetrig {aetrig.__version__} and this is 99\.0"),
        connect(cluster.address),
    ):
        pass
    # a worker that joined later is found by its first task
    with pytest.raises(UserError, match=r"a worker has aetrig 99\.0 and this is 1\.5"):
        machines._call("1.5", abs, 1)


@pytest.mark.parametrize("scheduler", ["nobody", "http://host:80", "tcp://host"])
def test_no_address(scheduler: str) -> None:
    with pytest.raises(UserError, match="neither an address such as"), connect(scheduler):
        pass


def test_no_scheduler_file(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text('{"id": 1}')
    with pytest.raises(UserError, match="not a scheduler file"), connect(str(path)):
        pass


def test_nobody_answers() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    with (
        pytest.raises(UserError, match=r"no Dask scheduler answers at .* within 0\.5 s") as error,
        connect(address, seconds=0.5),
    ):
        pass
    assert "\n" not in str(error.value)
    assert "()" not in str(error.value)


def test_workers_are_of_a_local_cluster_alone() -> None:
    with pytest.raises(UserError, match="--workers is for a cluster on this machine"):
        connect("tcp://127.0.0.1:1", 2).__enter__()
    with pytest.raises(UserError, match="--workers is 0"):
        connect(workers=0).__enter__()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    known = builtins.__import__

    def missing(name: str, *rest: object) -> object:
        if name == "distributed":
            raise ImportError(name)
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingToolError, match=r"pip install 'aetrig\[dask\]'"):
        connect().__enter__()


def members(group: int) -> list[str]:
    """Return the status lines of a process group's processes, but for those that have ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # ended meanwhile
            state, _, its_group = place.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(place.read_text())
    return found


def test_ctrl_c_ends_everything_at_once_and_quietly(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, path], start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line == "done\n":
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes
    _, said = process.communicate(timeout=120)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1  # that of the program itself
    deadline = time.monotonic() + 60  # the tracker of Python's multiprocessing ends last
    while alive := members(process.pid):
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
