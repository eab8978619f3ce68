"""Size, speed and error of compressed tables, side by side: `bench_compress.py TABLE RUN`.

TABLE: Parquet with the columns of the network of RUN. Each method's file is read back and its
errors are measured against the table.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aetrig.compress.stage import compress, decompress
from aetrig.config.load import load as load_config
from aetrig.run import Run
from bench_emulator import processor

ROUNDS = 3
BOUNDS = ("", "5%", "1%", "0.1%")
Floats = np.ndarray
Method = tuple[str, Callable[[Path], None], Callable[[Path], Floats]]


def columns_of(path: Path, names: list[str]) -> Floats:
    """Return the named columns, float64."""
    table = pq.read_table(path, columns=names)
    return np.stack([table[name].to_numpy().astype(np.float64) for name in names], axis=1)


def methods(values: Floats, names: list[str], source: Path, run: Run) -> list[Method]:
    """Return each method's name, its writer and its reader."""

    def parquet(kind: type) -> Callable[[Path], None]:
        arrays = {name: values[:, i].astype(kind) for i, name in enumerate(names)}
        return lambda path: pq.write_table(pa.table(arrays), path, compression="zstd")

    def gzipped(path: Path) -> None:
        path.write_bytes(gzip.compress(values.astype("<f8").tobytes(), 6))

    def read_gzip(path: Path) -> Floats:
        return np.frombuffer(gzip.decompress(path.read_bytes()), "<f8").reshape(values.shape)

    def ours(bound: str) -> Method:
        def write(path: Path) -> None:
            compress(run, source, path, [bound] if bound else [], workers=1)

        def read(path: Path) -> Floats:
            out = path.with_suffix(".parquet")
            decompress(path, out, workers=1)
            return columns_of(out, names)

        return (f"aetrig, {bound or 'codes alone'}", write, read)

    return [
        ("zstd Parquet, float64", parquet(np.float64), lambda path: columns_of(path, names)),
        ("zstd Parquet, float32", parquet(np.float32), lambda path: columns_of(path, names)),
        ("zstd Parquet, float16", parquet(np.float16), lambda path: columns_of(path, names)),
        ("gzip, float64", gzipped, read_gzip),
        *(ours(bound) for bound in BOUNDS),
    ]


def timed(call: Callable[[], object]) -> float:
    """Return the least seconds of a few rounds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main(table: Path, run: Run) -> None:
    """Measure and print."""
    names = [column.name for column in load_config(run / "config.yaml").data.columns]
    values = columns_of(table, names)
    raw = values.nbytes
    print(f"{table.name}: {len(values):,} rows of {len(names)} columns, {raw:,} bytes in float64;")
    print(f"one process, best of {ROUNDS}; {processor()}\n")
    heads = ("bytes", "ratio", "write MB/s", "read MB/s")
    widths = (12, 7, 12, 11)
    figures = "".join(f"{head:>{width}s}" for head, width in zip(heads, widths, strict=True))
    errors = "".join(f"{name:>10s}" for name in (*names, "lost"))
    print(f"{'':24s}{figures}   {errors}")
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        for name, write, read in methods(values, names, table, run):
            path = Path(folder) / "file"
            writing = timed(lambda write=write, path=path: write(path))
            reading = timed(lambda read=read, path=path: read(path))
            found = read(path)
            relative = np.nanmedian(abs(found - values) / abs(values), axis=0)
            cells = "".join(f"{value:10.2g}" for value in relative)
            size = path.stat().st_size
            lost = int((~np.isfinite(found) & np.isfinite(values)).sum())
            cells += f"{lost:10,}"
            print(
                f"{name:24s}{size:12,}{raw / size:7.2f}{raw / writing / 1e6:12.1f}"
                f"{raw / reading / 1e6:11.1f}   {cells}"
            )
    print("\nby column: median relative error; the largest is bounded where a bound is named")
    print("lost: values that came back as infinity or not a number")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Run(Path(sys.argv[2])))
