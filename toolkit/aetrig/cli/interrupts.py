"""Ctrl-C and SIGTERM end a command in one line, whatever it does at that moment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

CODE = 130  # as the shell has it
IMPORTING = "<frozen importlib"  # file name of the frames of an import


@dataclass
class _State:
    again: Callable[[], str | None] | None = None
    told: bool = False  # an interrupt was raised


_state = _State()


def listen() -> None:
    """Take SIGTERM, which batch systems send, and Ctrl-C where the shell does not ignore it."""
    _state.again, _state.told = None, False
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupted)


def go_on_with(again: Callable[[], str | None]) -> None:
    """Set what names the command that goes on, asked when interrupted; None: the same one.

    Asked only then: what goes on depends on how far the command came, and where it is ended at
    once nothing of it runs again that could say so.
    """
    _state.again = again


def tell() -> None:
    """Say on stderr that nothing is lost, and how to go on."""
    again = (_state.again and _state.again()) or "the same command"
    print(f"interrupted; nothing is lost: {again} goes on", file=sys.stderr, flush=True)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, so that everything is put away; or end at once, as SIGKILL may too.

    At once is for the second time, and for an import: modules of others catch whatever they can
    while they are imported, and the command would go on as if nothing had been said.
    """
    del number
    if _state.told or _importing(frame):
        tell()
        os._exit(CODE)
    _state.told = True
    raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False
