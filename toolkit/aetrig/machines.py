"""Workers on this machine or on a Dask cluster, and many calls over them."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from aetrig import __version__
from aetrig.errors import AetrigError, MissingToolError, UserError
from aetrig.reading import read_json

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")
PROTOCOLS = ("tcp", "tls", "ws", "wss", "ucx")
SECONDS = 20.0  # for a scheduler to answer
STARTED = 120.0  # for the workers of this machine to start
LOOPBACK = "127.0.0.1"
LOGGERS = ("distributed", "tornado", "asyncio", "bokeh")
# a worker that dies takes its tasks' good name with it: so many times before they are given up
ALLOWED_FAILURES = 10
AHEAD = 2  # calls a worker thread that are under way or wait for it
AGAIN = 1.0  # seconds after which the number of threads is asked for again


def usable_cpus() -> int:
    """Return how many processors this process may use, by affinity and by its control group."""
    _require()
    from dask.system import cpu_count

    return int(cpu_count())


@contextmanager
def connect(
    scheduler: str | None = None, workers: int | None = None, *, seconds: float = SECONDS
) -> Iterator[Client]:
    """Give a client of the scheduler, or of a cluster on this machine that ends with the block.

    ``scheduler``: ``tcp://host:port``, or the path of a scheduler file; None for ``workers``
    single-threaded processes on loopback, by default one a usable processor. A script that is run
    needs ``if __name__ == "__main__":`` around it, since processes are started afresh.
    Raises UserError where the scheduler is not reached within ``seconds``, or a worker has another
    version of aetrig; MissingToolError without the package distributed.
    """
    _require()
    if scheduler is not None and workers is not None:
        raise UserError(
            "--workers is for a cluster on this machine; with --scheduler the cluster has its own"
        )
    if workers is not None and workers < 1:
        raise UserError(f"--workers is {workers}; at least one is needed")
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if scheduler is None:
            _require_main()
            count = workers or usable_cpus()
            client = _client(stack, stack.enter_context(_local()), seconds)
            _start(client, count)
        else:
            client = _client(stack, _address(scheduler), seconds)
            _same_version(client)
            if not client.nthreads():  # a batch system may take its time
                print(f"waiting for workers: none has joined {scheduler} yet", file=sys.stderr)
        yield client


def each(
    client: Client,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    ahead: int = AHEAD,
) -> Iterator[tuple[Item, Result]]:
    """Yield (item, function(item)) for every item once, in the order in which they are done.

    ``items`` is read no faster than results are taken: ``ahead`` calls a thread are under way or
    wait. Where a worker dies, the scheduler gives its calls to others: ``function`` may then run
    twice for an item, but its result is yielded once. What ``function`` raises is raised here, and
    calls that have not begun are withdrawn; so they are when the generator is closed. Raises
    AetrigError where the workers of one call keep dying, or the scheduler is lost.
    """
    from distributed import as_completed

    waiting = iter(items)
    under_way: dict[str, tuple[Any, Item]] = {}
    done = as_completed(loop=client.loop)
    room = _Room(client, ahead)
    batch = uuid.uuid4().hex
    number = 0
    try:
        while True:
            for item in islice(waiting, max(0, room.now() - len(under_way))):
                # a key of its own: an equal item is another call
                key = f"aetrig-{batch}-{number}"
                number += 1
                future = client.submit(_call, __version__, function, item, key=key, pure=False)
                under_way[key] = (future, item)
                done.add(future)
            if not under_way:
                return
            future = next(done)
            _, item = under_way.pop(future.key)
            result = _result(future)
            del future  # lets the cluster forget the result
            yield item, result
    finally:
        if under_way and client.status == "running":
            client.cancel([future for future, _ in under_way.values()], force=True)


class _Room:
    """How many calls may be under way; clusters grow and shrink meanwhile."""

    def __init__(self, client: Client, ahead: int) -> None:
        self._client, self._ahead = client, ahead
        self._asked, self._threads = -AGAIN, 0

    def now(self) -> int:
        if monotonic() - self._asked >= AGAIN:
            self._threads = sum(self._client.nthreads().values())
            self._asked = monotonic()
        # without a worker a few calls are waiting all the same, which adaptive clusters start for
        return max(1, self._threads) * self._ahead


def _call(version: str, function: Callable[[Item], Result], item: Item) -> Result:
    """Run on a worker, which may have joined after the client looked at versions."""
    if version != __version__:
        raise UserError(_mismatch("a worker", __version__, version))
    return function(item)


def _result(future: Any) -> Any:
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise AetrigError(
            f"a task was given up: {error.allowed_failures + 1} workers died while they had it, "
            f"the last at {error.last_worker.address}; see that worker's log (memory is the usual "
            "cause)"
        ) from error
    except CancelledError as error:
        raise AetrigError(
            "the connection to the scheduler was lost; what is finished is kept: run the same "
            "command again to go on"
        ) from error
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aetrig":
            raise
        raise UserError(
            f"a worker has no {error.name}: install aetrig {__version__} on every worker"
        ) from error


def dask_setup(worker: Any) -> None:
    """Make a local worker leave Ctrl-C to the process that started it; Dask calls this."""
    del worker
    # a handler, unlike an ignored signal, is not inherited by the programs that a worker starts
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _require() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise MissingToolError(
            "many processes or machines are driven through the Python package distributed, which "
            "is not installed: pip install 'aetrig[dask]'"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the cluster's log from the terminal; what matters is raised."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _local() -> Iterator[Any]:
    """Give a cluster of processes on loopback, with no worker yet."""
    import dask
    from distributed import LocalCluster

    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.worker.preload": [__name__],
        "distributed.worker.use-file-locking": False,
        "distributed.comm.timeouts.connect": "10s",
        "logging": dict.fromkeys(LOGGERS, "critical"),
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": f"{LOOPBACK}:0"},  # where there is none
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        resource_tracker.ensure_running()  # otherwise the first worker's start undoes the mask
        # workers are started by the cluster's thread and begin with its mask: see `dask_setup`
        cluster.sync(_block_interrupts)
        yield cluster


async def _block_interrupts() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _require_main() -> None:
    """Raise UserError in a worker that runs its parent's script from the top."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UserError(
            "a script that starts workers is run by each of them too: put what it does under "
            'if __name__ == "__main__":'
        )


def _start(client: Client, count: int) -> None:
    if client.cluster is not None:
        client.cluster.scale(count)
    try:
        client.wait_for_workers(count, timeout=STARTED)
    except TimeoutError as error:
        raise UserError(
            f"the {count} workers did not start within {STARTED:g} s; a script that starts some "
            'needs if __name__ == "__main__": around it, and each takes about 0.3 GB'
        ) from error


def _address(scheduler: str) -> str:
    """Return the scheduler's address, from itself or from a file that the scheduler wrote."""
    protocol, found, place = scheduler.partition("://")
    if found and protocol in PROTOCOLS and place.rpartition(":")[2].isdecimal():
        return scheduler
    path = Path(scheduler).expanduser()
    if found or not path.is_file():
        raise UserError(
            f"--scheduler {scheduler}: neither an address such as tcp://host:8786 nor a file that "
            "dask scheduler --scheduler-file wrote"
        )
    content = read_json(path, dict[str, Any], "expected what dask scheduler wrote")
    if not isinstance(content.get("address"), str):
        raise UserError(f"{path}: not a scheduler file (no address in it)")
    return str(content["address"])


def _client(stack: ExitStack, to: Any, seconds: float) -> Client:
    """Connect; packages beside aetrig may differ in version, as they do on clusters."""
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)
        try:
            return stack.enter_context(Client(to, timeout=seconds, set_as_default=False))
        except (OSError, ValueError, ImportError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"no Dask scheduler answers at {to} within {seconds:g} s"
                f"{reason and f' ({reason})'}; start one with: dask scheduler"
            ) from error


def _same_version(client: Client) -> None:
    found = client.run(_version, on_error="return")
    for worker, version in found.items():
        if isinstance(version, BaseException):
            raise UserError(
                f"worker {worker} cannot import aetrig ({version}); install aetrig {__version__} "
                "on every worker"
            )
        if version != __version__:
            raise UserError(_mismatch(f"worker {worker}", version, __version__))


def _version() -> str:
    return __version__


def _mismatch(who: str, there: str, here: str) -> str:
    return f"{who} has aetrig {there} and this is {here}; install the same version on both"
