"""What fuzzing found, read again: each input once ended in something else than one clear line.

scripts/trust fuzz searches for more; docs/fuzzing.md says how to keep what it finds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).with_name("found")
INPUTS = sorted(path for path in FOUND.glob("*/*"))


@pytest.fixture(autouse=True)
def trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "scripts"))


@pytest.mark.parametrize("found", INPUTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_found_inputs_end_in_one_line(found: Path, tmp_path: Path) -> None:
    from trials.fuzz.reader import fails
    from trials.fuzz.readers import reader

    if found.parent.name == "root":
        pytest.importorskip("uproot")
    content = found.read_bytes()
    assert len(content) <= 4096
    failure = fails(reader(found.parent.name), content, tmp_path)
    assert failure is None, f"{failure.kind}\n{failure.text}"


def test_every_folder_is_a_readers() -> None:
    from trials.fuzz.readers import names

    assert {path.parent.name for path in INPUTS} <= set(names())


@pytest.mark.slow
def test_every_target_runs(tmp_path: Path) -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install 'aetrig[fuzz]'")
    path = f"{REPOSITORY / 'scripts'}:{REPOSITORY / 'tests'}"
    done = subprocess.run(
        [sys.executable, "-m", "trials", "fuzz", "--seconds", "2", "--work", tmp_path,
         "--record", "-"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 executions" not in done.stdout
