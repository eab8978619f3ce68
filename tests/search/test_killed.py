"""A worker, then a driver, killed in mid-trial: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
import yaml
from distributed import Client, LocalCluster

from aetrig.search import trial
from search.small import config, found, write_events

pytestmark = pytest.mark.slow
PATIENCE = 300.0
T = TypeVar("T")


def wait(condition: Callable[[], T | None]) -> T:
    """Return what a condition gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return answer


def test_a_killed_workers_trial_is_run_again_once(tmp_path: Path) -> None:
    write_events(tmp_path)
    with (
        LocalCluster(
            n_workers=3, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        processes = client.run(os.getpid)
        running = pool.submit(found, tmp_path, cluster.scheduler_address, 9)
        trials = tmp_path / "runs/tiny-search/trials"

        def at_work() -> list[tuple[int, Path]]:
            busy = client.processing()
            return [
                (processes[worker], trials / f"{int(str(keys[0]).rpartition('-')[2]):04d}")
                for worker, keys in busy.items()
                if keys and worker in processes
            ]

        def stopped() -> tuple[int, Path] | None:
            """Return a worker that stands still in a trial."""
            for process, folder in at_work():
                os.kill(process, signal.SIGSTOP)
                if not (folder / trial.RECORD).exists():
                    return process, folder
                os.kill(process, signal.SIGCONT)
            return None

        # the second round, so that it is in a trial and not in its imports
        wait(lambda: len(list(trials.glob("*/trial.json"))) >= 3 and at_work())
        time.sleep(0.5)
        victim, lost = wait(stopped)
        os.kill(victim, signal.SIGKILL)
        result = running.result(PATIENCE)
    assert [record.number for record in result.records] == list(range(9))
    assert {record.status for record in result.records} <= {"finished", "stopped", "refused"}
    again = trial.read(lost)
    assert again is not None
    assert again in result.records
    asked = {path.parent.name for path in trials.glob("*/asked.json")}
    assert asked == {f"{record.number:04d}" for record in result.records}
    written = json.loads((result.folder / "search.json").read_text())
    assert len(written["trials"]) == 9


def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path) -> None:
    write_events(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(config().model_dump(mode="json")))
    # a background job of a shell, as this may be, ignores SIGINT and so do its children
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = f"{heeding}from aetrig.cli.main import main; main()"
    command = [sys.executable, "-c", program, "search"]
    command += [str(path), "--rate", "300kHz", "--trials", "8", "--workers", "2"]
    trials = tmp_path / "runs/tiny-search/trials"

    def records() -> dict[str, int]:
        return {p.parent.name: p.stat().st_mtime_ns for p in trials.glob("*/trial.json")}

    def started(more_than: int) -> subprocess.Popen[str]:
        driver = subprocess.Popen(
            command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait(lambda: len(records()) > more_than or driver.poll() is not None)
        assert driver.poll() is None, driver.communicate()
        return driver

    driver = started(0)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130
    assert said.strip().splitlines()[-1].startswith("interrupted; nothing is lost")
    assert "Traceback" not in said
    assert (tmp_path / "runs/tiny-search/search.json").exists()

    before = records()
    driver = started(len(before))
    driver.kill()
    driver.communicate(timeout=PATIENCE)
    after = records()
    assert before.items() <= after.items()

    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "trials are there" in done.stdout
    last = records()
    assert after.items() <= last.items()
    assert sorted(last) == [f"{number:04d}" for number in range(8)]
    assert "8 trials" in done.stdout
