"""`aetrig report` on a run of the embedded sample: seconds of the whole command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Options, Row, alone, clock, fail

GROUP = "report"
AETRIG = str(Path(sys.executable).with_name("aetrig"))
TRAINED = (
    "train.float_phase.epochs=2", "train.qat_phase.epochs=1", "data.max_events=20000",
)  # fmt: skip


def rows(options: Options) -> Iterator[Row]:
    """Yield the row; nothing else makes such a page, so it stands alone."""
    run = options.folder / "runs" / "bench"
    sets = [part for setting in TRAINED for part in ("--set", setting)]
    _aetrig(options, "qat", "--name", "bench", *sets)
    _aetrig(options, "export-onnx")
    seconds = [clock(lambda: _aetrig(options, "report", "--force")) for _ in range(2)]
    size = (run / "report.html").stat().st_size
    events = _events(run)
    yield alone(
        GROUP, f"aetrig report, {events:,} events", seconds, "s",
        note=f"every picture as JSON and SVG, and one page of {size / 1e6:.1f} MB; one process "
        "from start to end",
    )  # fmt: skip


def _aetrig(options: Options, *arguments: str) -> None:
    done = subprocess.run(
        [AETRIG, *arguments], cwd=options.folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        fail(f"aetrig {arguments[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _events(run: Path) -> int:
    from aetrig.data.vectors import FILE, load

    return len(load(run / FILE).x)
