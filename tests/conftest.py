"""What several test modules share: the real data, where it is present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("AETRIG_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "all_jets_train_4D_100_percent.pkl").exists():
        pytest.skip(f"real jets not found in {folder}; set AETRIG_DATA to their folder")
    return folder
