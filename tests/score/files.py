"""Files to score, and what the Program itself says of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aetrig.program import contract
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE
from aetrig.run import Run
from hls.programs import random_inputs

ROWS = 500  # of a row group


def write_integers(run: Run, path: Path, rows: int, seed: int, kind: str = "int16") -> np.ndarray:
    """Write hardware integers, and return them."""
    x = random_inputs(contract.load(run), rows, seed)
    columns = {f"f{i}": column.astype(kind) for i, column in enumerate(x.T)}
    pq.write_table(pa.table(columns), path, row_group_size=ROWS)
    return x


def expected(run: Run, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return score and accept bits as the Program evaluates them."""
    values = trace(contract.load(run), x)
    return values[SCORE][:, 0], values[ACCEPT].astype(bool)


def scored(out: Path) -> pa.Table:
    """Return all partitions, in order."""
    return pa.concat_tables([pq.read_table(path) for path in partitions(out)])


def partitions(out: Path) -> list[Path]:
    return sorted(out.glob("partitions/part-*.parquet"))


def bits(found: pa.Table, points: Sequence[str] = ("loose", "tight")) -> np.ndarray:
    return np.column_stack([found.column(f"accept_{name}").to_numpy() for name in points])
