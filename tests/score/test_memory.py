"""Files larger than what is held in memory at once: growth of memory against growth of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetrig.program import contract
from aetrig.run import Run
from aetrig.score.stage import score
from hls.programs import random_inputs

GROUP = 65_536


def written(run: Run, path: Path, groups: int) -> Path:
    program = contract.load(run)
    schema = pa.schema([(f"f{i}", pa.int32()) for i in range(6)])
    with pq.ParquetWriter(path, schema) as writer:
        for seed in range(groups):
            x = random_inputs(program, GROUP, seed).astype(np.int32)
            writer.write_table(pa.table(dict(zip(schema.names, x.T, strict=True)), schema))
    return path


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(hardware: Run, tmp_path: Path) -> None:
    peaks = []
    for groups in (4, 240):
        table = written(hardware, tmp_path / f"{groups}.parquet", groups)
        result = score(hardware, [table], tmp_path / f"{groups}", workers=1)
        assert result.events == groups * GROUP
        peaks.append(result.peak_worker)
    assert peaks[1] - peaks[0] < 0.25 * (240 - 4) * GROUP * 6 * 4


@pytest.mark.slow
def test_memory_does_not_grow_with_a_row_group(hardware: Run, tmp_path: Path) -> None:
    peaks = []
    for groups in (4, 120):
        x = random_inputs(contract.load(hardware), groups * GROUP).astype(np.int32)
        table = pa.table({f"f{i}": column for i, column in enumerate(x.T)})
        path = tmp_path / f"{groups}.parquet"
        pq.write_table(table, path, row_group_size=len(table), use_dictionary=False)
        peaks.append(score(hardware, [path], tmp_path / f"{groups}", workers=1).peak_worker)
    assert peaks[1] - peaks[0] < 0.25 * (120 - 4) * GROUP * 6 * 4
