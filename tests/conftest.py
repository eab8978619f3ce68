"""What several test modules share: a small network taken through the chain, and the real data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from aetrig import config as configuration
from aetrig.run import Run, new_run

REPOSITORY = Path(__file__).resolve().parents[1]
FEATURES = 6


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("AETRIG_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "all_jets_train_4D_100_percent.pkl").exists():
        pytest.skip(f"real jets not found in {folder}; set AETRIG_DATA to their folder")
    return folder


def write_events(path: Path) -> None:
    """Write a table of integers: correlated background, and a signal of another shape."""
    generator = np.random.default_rng(4)
    hidden = generator.normal(size=(6000, 2)) @ generator.normal(size=(2, FEATURES))
    background = 60 * hidden[:5000] + 8 * generator.normal(size=(5000, FEATURES))
    signal = 160 * generator.normal(size=(800, FEATURES))
    rows = np.rint(np.concatenate((background, signal))).clip(-512, 511).astype(int)
    lines = [",".join((*(f"f{index}" for index in range(FEATURES)), "label"))]
    labels = ["qcd"] * 5000 + ["odd"] * 800
    lines += [",".join(map(str, (*row, label))) for row, label in zip(rows, labels, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def small_config(folder: Path) -> Path:
    """Write events and a config that trains on them in seconds."""
    write_events(folder / "events.csv")
    columns = [{"name": f"f{index}", "step": 1.0, "bits": 10} for index in range(FEATURES)]
    content = {
        "name": "small",
        "data": {
            "source": "table",
            "files": [str(folder / "events.csv")],
            "columns": columns,
            "label": "label",
            "background": ["qcd"],
        },
        "net": {"encoder": [8, 2]},
        "quant": {"weight_bits": 6, "activation_bits": 8},
        "train": {
            "batch_size": 256,
            "device": "cpu",
            "threads": 1,
            "float_phase": {"epochs": 8, "learning_rate": 0.01},
            "qat_phase": {"epochs": 2},
        },
        # the chain is tested here, not how well two epochs train
        "verify": {
            "adversarial_events": 500,
            "background_rate": 0.05,
            "limits": {"agreement": 0, "auc_drop": 1, "efficiency_drop": 1, "loss_ratio": 1000},
        },
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with every artefact that verification reads."""
    from aetrig.export.stage import export_onnx
    from aetrig.hls.stage import hls
    from aetrig.train.qat import qat

    folder = tmp_path_factory.mktemp("chain")
    config = configuration.load(small_config(folder))
    run = new_run(folder / "runs", config.name, force=False)
    qat(config, run, base=folder, resume=False, progress=False)
    export_onnx(run)
    hls(run, config.hls)
    return run


@pytest.fixture
def broken(finished: Run, tmp_path: Path) -> Iterator[Run]:
    """The finished run for a test to damage; it is restored behind it, compiled csim and all."""
    shutil.copytree(finished.path, tmp_path / "kept")
    yield finished
    shutil.rmtree(finished.path)
    shutil.move(tmp_path / "kept", finished.path)
