"""Checkpoints: written whole or not at all, and read without executing anything in them."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from aetrig.errors import UserError
from aetrig.reading import require_file
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
    OverflowError,
    RecursionError,
    zipfile.BadZipFile,
)
MOST_EXPONENT = 128  # of a scale, as a power of two
MOST_FREE, MOST_PACKED = 1 << 28, 100  # bytes, and times its size, that a checkpoint unpacks to


def save(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write tensors and plain values under a temporary name, force them to disk, rename."""
    with replacing(path) as temporary:
        # torch tells a full disk as another error than the system's
        content_bytes = io.BytesIO()
        torch.save({"version": VERSION, "kind": kind, **content}, content_bytes)
        temporary.write_bytes(content_bytes.getbuffer())


def read_weights(path: Path, advice: str) -> Any:
    """Return what torch.save wrote, tensors and plain values alone: nothing in it is executed.

    Raises UserError, with what to do, for what is damaged, carries code, or unpacks to far more.
    """
    size = require_file(path, advice)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
            # torch packs nothing; another writer may, but no weights shrink to a hundredth
            if sum(member.file_size for member in members) > max(MOST_FREE, MOST_PACKED * size):
                raise UserError(f"{path}: unpacks to far more than it holds; {advice}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the file is not; the error says it
            return torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        # torch's own advice, to read it without weights_only, would run code in the file
        text = " ".join(str(error).split())
        reason = text.split(". ")[0][:200] or type(error).__name__
        if "weights_only" in text or "eights only" in text:
            reason = "it holds more than tensors and plain values, or is damaged"
        raise UserError(f"{path}: not a readable checkpoint ({reason}); {advice}") from error


def fill(net: nn.Module, weights: Any, path: Path) -> None:
    """Put weights into a network; raise UserError where they are not its own, or not finite."""
    try:
        net.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError, ValueError, KeyError) as error:
        raise UserError(f"{path}: does not fit the run's config.yaml ({why(error)})") from error
    for name, value in net.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"{path}: '{name}' holds NaN or infinity; train again")


def why(error: Exception) -> str:
    """Return what torch says of a state_dict that does not fit, without its heading."""
    text = " ".join(str(error).split())
    return text.partition("Error(s) in loading state_dict for ")[2][:200] or text[:200]


def require_exponents(exponents: Any, wanted: Iterable[str], path: Path) -> dict[str, int]:
    """Return the quantizers' exponents by name; raise UserError where they are none."""
    if not isinstance(exponents, dict) or set(exponents) != set(wanted):
        raise UserError(f"{path}: its layers are not those of the run's config.yaml; train again")
    if any(type(e) is not int or abs(e) > MOST_EXPONENT for e in exponents.values()):
        raise UserError(f"{path}: 'exponents' must hold integers of scales; train again")
    return exponents


def load(path: Path, kind: str, keys: Iterable[str]) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; raise UserError where it is not an intact one of ``kind``."""
    content = read_weights(path, "train again: aetrig qat")
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise UserError(f"{path}: not a checkpoint of aetrig's kind '{kind}'; train again")
    version = content.get("version")
    if type(version) is not int or version != VERSION:
        raise UserError(
            f"{path} has version {version!r}, this program reads {VERSION}; "
            "use the aetrig that wrote it, or train again"
        )
    missing = [key for key in keys if key not in content]
    if missing:
        raise UserError(f"{path}: no entry '{missing[0]}'; train again")
    return content
