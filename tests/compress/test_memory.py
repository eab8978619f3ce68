"""Files larger than what is held in memory at once: growth of memory against growth of the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetrig.run import Run
from compress.test_files import run  # noqa: F401

GROUP = 65_536
PROGRAM = """
import resource, sys
from pathlib import Path
from aetrig.compress.stage import compress, decompress
from aetrig.run import Run
table, folder, out = map(Path, sys.argv[1:])
compress(Run(folder), table, out, ["1%"], workers=1)
decompress(out, out.with_suffix(".parquet"), workers=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def written(path: Path, groups: int) -> Path:
    rng = np.random.default_rng(1)
    schema = pa.schema([(name, pa.float64()) for name in ("pt", "eta", "phi")])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(groups):
            columns = [
                1000 * (20 + rng.exponential(40, GROUP)),
                rng.normal(0, 1, GROUP),
                rng.uniform(-3, 3, GROUP),
            ]
            writer.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema))
    return path


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(run: Run, tmp_path: Path) -> None:  # noqa: F811
    kib = []
    for groups in (4, 64):
        table = written(tmp_path / f"{groups}.parquet", groups)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, table, run.path, tmp_path / f"{groups}.aez"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        kib.append(int(done.stdout))
    grown_by = 60 * GROUP * 3 * 8 / 1024
    assert kib[1] - kib[0] < 0.25 * grown_by
