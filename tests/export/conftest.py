"""A tiny network, trained once, for the tests of the export stage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aetrig.run import Run, new_run
from train.samples import config, write_table


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run after `aetrig qat`, one epoch a phase; tests work on copies of it."""
    from aetrig.train.qat import qat

    folder = tmp_path_factory.mktemp("trained")
    write_table(folder, 600)
    epoch = {"epochs": 1, "learning_rate": 5e-3}
    settings = config(float_phase=epoch, qat_phase=epoch)
    run = new_run(folder / "runs", settings.name, force=False)
    qat(settings, run, base=folder, resume=False, progress=False)
    return run


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A copy of the trained run, for a test to export and to damage."""
    return Run(shutil.copytree(trained.path, tmp_path / "run"))
