"""The float phase of another run as the start of this one: its weights and its metrics."""

from __future__ import annotations

import json
import shutil

from aetrig import config as configuration
from aetrig.config.differ import differences
from aetrig.config.model import RunConfig
from aetrig.errors import UserError
from aetrig.run import Run, replacing, write_text
from aetrig.train import checkpoint, metrics
from aetrig.train.prepare import CONFIG, recorded_environment

# what the float weights do not depend on
LATER = (
    "name", "quant", "trigger", "hls", "rtl", "verify", "stability", "train.qat_phase",
    "train.pruning",
)  # fmt: skip


def check(config: RunConfig, source: Run, run: Run) -> None:
    """Raise UserError where ``source`` is no start for ``run``: the same, untrained, or other."""
    if source.path.resolve() == run.path.resolve():
        raise UserError(f"{run.path} cannot start from itself; give it another name with --name")
    checkpoint.load(source.need(checkpoint.FLOAT, "qat"), "float", ("weights",))
    # read as a config: one of an earlier version lacks keys that have defaults
    before = configuration.load(source.need(CONFIG, "qat"))
    for key, old, new in differences(before, config):
        if depends_on(key):
            raise UserError(
                f"{source.path} trained its float phase with {key}={old}, the config has "
                f"{key}={new}; train without --float-from, or with the same settings"
            )


def take(source: Run, run: Run) -> None:
    """Copy the float weights and their lines of metrics.jsonl, where they are not there yet."""
    if (run / checkpoint.FLOAT).exists():
        return
    lines = [line for line in metrics.read(source / metrics.FILE) if line["phase"] != "qat"]
    write_text(run / metrics.FILE, "".join(json.dumps(line) + "\n" for line in lines))
    with replacing(run / checkpoint.FLOAT) as temporary:
        shutil.copyfile(source / checkpoint.FLOAT, temporary)


def depends_on(key: str) -> bool:
    """Say whether the float phase depends on an option of the config, by its dotted name."""
    return not any(key == later or key.startswith(f"{later}.") for later in LATER)


def has_embedding(run: Run) -> bool:
    """Say whether the float weights of a run hold a trained second autoencoder."""
    path = run / checkpoint.FLOAT
    return path.exists() and "embedding_loss" in checkpoint.load(path, "float", ("weights",))


def same_data(source: Run, run: Run) -> None:
    """Raise UserError where the events of two runs are not the same."""
    digests = [(recorded_environment(r) or {}).get("data", {}).get("sha256") for r in (source, run)]
    if digests[0] != digests[1]:
        raise UserError(
            f"the data are not those that {source.path} was trained on (another SHA-256); "
            "train without --float-from"
        )
