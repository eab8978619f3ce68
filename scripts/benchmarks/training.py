"""Quantization-aware training beside a plain Brevitas loop: scripts/bench_training.py's figures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Options, Row, fail

GROUP = "training"
SCRIPT = Path(__file__).resolve().parents[1] / "bench_training.py"


def rows(options: Options) -> Iterator[Row]:
    """Yield its rows; it runs in a process of its own, as its threads are settings of torch."""
    figures = options.folder / "training.json"
    command = [sys.executable, str(SCRIPT), "--json", str(figures)]
    if options.quick:
        command.append("--quick")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not figures.exists():
        last = (done.stderr.strip().splitlines() or ["it wrote no figures"])[-1]
        fail(f"{SCRIPT.name}: {last}")
    for found in json.loads(figures.read_text(encoding="utf-8"))["rows"]:
        yield Row(
            GROUP, found["name"], found.get("other_name", "plain Brevitas, DataLoader"),
            found["ours"], found.get("other"), found["unit"], found.get("ratio"),
            found.get("spread"), found.get("goal"), found.get("note", ""),
        )  # fmt: skip
