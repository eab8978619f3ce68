"""A live Brevitas module, or one that a user's own Python file makes, as a QONNX file."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from brevitas.export import export_qonnx
from torch import nn

from aetrig.bring.execute import grid_integers
from aetrig.errors import UserError
from aetrig.program.model import Integers
from aetrig.train.checkpoint import UNREADABLE, read_weights, why

OPSET = 13
CHUNK = 16_384


def module_from_file(path: Path, function: str, weights: Path | None = None) -> nn.Module:
    """Run a Python file of the user's and return the module that its function makes.

    ``weights``: a state_dict that is loaded into it, read without executing anything in it.
    Raises UserError where the file fails, has no such function, or that gives no module.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such Python file")
    with _importable(path.parent):
        try:
            made = getattr(_executed(path), function)()
        except AttributeError as error:
            raise UserError(f"{path}: {error}") from error
        except (Exception, SystemExit) as error:
            # it is the user's code: any error is possible
            raise UserError(f"{path}: {type(error).__name__}: {_line(error)}") from error
    if not isinstance(made, nn.Module):
        raise UserError(f"{path}: {function}() gives {type(made).__name__}, expected a nn.Module")
    if weights is not None:
        _load(made, weights)
    return made


def export_module(module: nn.Module, features: int, path: Path) -> None:
    """Write a module as QONNX; raise UserError where Brevitas cannot export it."""
    if not any(type(part).__module__.startswith("brevitas.") for part in module.modules()):
        raise UserError(
            f"{type(module).__name__}: no Brevitas layer: this is a network in floating point; "
            "train it with aetrig qat, or quantize it with Brevitas"
        )
    ready = copy.deepcopy(module).cpu().float().eval()
    try:
        with _quiet(), torch.no_grad():
            sample = torch.zeros(1, features)
            ready(sample)
            export_qonnx(ready, sample, str(path), opset_version=OPSET, dynamo=False)
    except Exception as error:
        # torch and brevitas raise errors without a common class
        raise UserError(
            f"{type(module).__name__}: Brevitas cannot export it for {features} features "
            f"({type(error).__name__}: {_line(error)})"
        ) from error


def module_integers(module: nn.Module, numbers: npt.NDArray[Any], exponent: int) -> Integers:
    """Return the module's output as integers of 2**exponent, evaluated in float64.

    ``numbers``: what the module takes, shape (events, features). Raises CheckFailedError where a
    value is off that grid.
    """
    double = copy.deepcopy(module).cpu().double().eval()
    parts = []
    with _quiet(), torch.no_grad():
        for start in range(0, len(numbers), CHUNK):
            found = double(torch.from_numpy(numbers[start : start + CHUNK].astype(np.float64)))
            parts.append(getattr(found, "value", found).numpy())
    off = f"the module's output is off the grid of 2**{exponent}"
    return grid_integers(np.concatenate(parts), exponent, off)


def _executed(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"aetrig_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: not a Python file")
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made  # as dataclasses and torch look it up
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return made


def _load(module: nn.Module, path: Path) -> None:
    saved = "save it with torch.save(module.state_dict(), ...)"
    state = read_weights(path, saved)
    try:
        module.load_state_dict(state)
    except UNREADABLE as error:
        raise UserError(
            f"{path}: not a state_dict of this module ({why(error)}); {saved}"
        ) from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or "no message"


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the file import its neighbours, as Python lets a script."""
    before = list(sys.path)
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path[:] = before


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # torch deprecates the exporter that Brevitas needs
        yield
