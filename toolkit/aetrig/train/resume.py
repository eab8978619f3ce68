"""Continuing an interrupted training: what is there, and whether it may be continued."""

from __future__ import annotations

from typing import Any

from aetrig import config as configuration
from aetrig.config.differ import differences
from aetrig.config.model import RunConfig
from aetrig.errors import UserError
from aetrig.run import Run
from aetrig.train import checkpoint
from aetrig.train.loop import PHASES, Trainer
from aetrig.train.prepare import CONFIG, recorded_environment

KEYS = ("config", "trainer", "exponents")


def last_state(config: RunConfig, run: Run) -> dict[str, Any] | None:
    """Return the last checkpoint, or None where a kill came before the first epoch's end.

    Raises UserError where the run is none, or was begun with another config.
    """
    path = run.need(CONFIG, "qat")
    if not (run / checkpoint.LAST).exists() and not (run / checkpoint.LAST).is_symlink():
        _same(config, path.read_text(encoding="utf-8"), run)
        return None
    last = checkpoint.load(run / checkpoint.LAST, "last", KEYS)
    shape: dict[str, Any] = {"config": str, "trainer": dict}
    for key, kind in shape.items():
        if not isinstance(last[key], kind):
            raise UserError(f"{run / checkpoint.LAST}: '{key}' is damaged; train into a new run")
    phase, epoch = last["trainer"].get("phase"), last["trainer"].get("epoch")
    if phase not in PHASES or type(epoch) is not int or epoch < 0:
        raise UserError(f"{run / checkpoint.LAST}: phase or epoch is damaged; train into a new run")
    _same(config, last["config"], run)
    return last


def restore(trainer: Trainer, last: dict[str, Any], run: Run) -> None:
    """Put a trainer where the last checkpoint left it; raise UserError where that does not fit."""
    try:
        trainer.load(last["trainer"])
    except (RuntimeError, TypeError, AttributeError, ValueError, KeyError) as error:
        raise UserError(
            f"{run / checkpoint.LAST}: cannot be continued ({checkpoint.why(error)}); train into a "
            "new run"
        ) from error


def finished(run: Run) -> bool:
    """Say whether the run's training is complete and recorded."""
    return checkpoint.QAT in run.manifest()["artefacts"]


def settings(run: Run, device: str, threads: int) -> int:
    """Return the CPU threads the run began with; raise UserError where its device is another."""
    before = recorded_environment(run)
    if before is None:
        return threads
    if before["device"] != device:
        raise UserError(
            f"{run.path} was begun on {before['device']} and this is {device}; continue it "
            f"there, or train into a new run"
        )
    return int(before["threads"])


def _same(config: RunConfig, begun: str, run: Run) -> None:
    # read as a config: one of an earlier version lacks options that have defaults
    found = differences(configuration.loads(begun, str(run / CONFIG)), config)
    if found:
        key, old, new = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UserError(
            f"{run.path} was begun with {key}={old} and the config now has {key}={new}{more}; "
            "resume with the same config, or train into a new run"
        )
