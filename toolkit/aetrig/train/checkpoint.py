"""Checkpoints: written whole or not at all, and read without executing anything in them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from aetrig.errors import UserError
from aetrig.run import replacing

VERSION = 1
LAST, FLOAT, QAT = "checkpoints/last.pt", "checkpoints/float.pt", "checkpoints/qat.pt"
# all that torch.load was seen to raise for files that are damaged or something else
UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
)


def save(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write tensors and plain values under a temporary name, force them to disk, rename."""
    with replacing(path) as temporary:
        torch.save({"version": VERSION, "kind": kind, **content}, temporary)
        _to_disk(temporary)
    _to_disk(path.parent)  # the new name itself


def load(path: Path, kind: str, keys: Iterable[str]) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; raise UserError where it is not an intact one of ``kind``."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; make it with: aetrig qat") from error
    except UNREADABLE as error:
        reason = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        raise UserError(f"{path}: not a readable checkpoint ({reason}); train again") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise UserError(f"{path}: not a checkpoint of aetrig's kind '{kind}'; train again")
    if content.get("version") != VERSION:
        raise UserError(
            f"{path} has version {content.get('version')}, this program reads {VERSION}; "
            "use the aetrig that wrote it, or train again"
        )
    missing = [key for key in keys if key not in content]
    if missing:
        raise UserError(f"{path}: no entry '{missing[0]}'; train again")
    return content


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
