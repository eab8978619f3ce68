"""Blocks over all cores, in order: the same bytes as on one."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, TypeVar

from aetrig.compress.codec import Codec

Task = TypeVar("Task")
Result = TypeVar("Result")
_codec: list[Codec] = []  # of a worker process


def ordered(
    codec: Codec, work: Callable[[Codec, Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[Result]:
    """Yield ``work(codec, task)`` of every task, in their order.

    No more than two tasks a worker wait in memory. ``workers``: 0 for a worker a core.
    """
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield from (work(codec, task) for task in tasks)
        return
    # spawned: a fork of a process that runs onnxruntime's threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _start, (codec,)) as pool:
        waiting: deque[Future[Result]] = deque()
        for task in tasks:
            waiting.append(pool.submit(_run, work, task))
            if len(waiting) >= 2 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _start(codec: Codec) -> None:
    _codec.append(codec)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End once the process that started this one was killed: nobody else would end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(work: Callable[[Codec, Any], Any], task: Any) -> Any:
    return work(_codec[0], task)
