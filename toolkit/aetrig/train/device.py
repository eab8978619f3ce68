"""Where and how torch computes: device, threads, and only repeatable algorithms."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

from aetrig.errors import UserError


def choose(option: str) -> torch.device:
    """Return the device for `train.device`; auto takes a CUDA device where there is one."""
    found = torch.cuda.is_available()
    if option == "cuda" and not found:
        raise UserError(
            "train.device is cuda, but torch finds no CUDA device; set train.device=cpu, or see "
            "aetrig doctor"
        )
    return torch.device("cuda" if found and option != "cpu" else "cpu")


@contextlib.contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Compute with this many CPU threads and repeatable algorithms only; restored afterwards."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    # cuBLAS is repeatable only with a fixed workspace, chosen before its first call
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
