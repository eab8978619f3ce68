"""Make the embedded jet sample: `python scripts/jets_sample/make.py --out jets.parquet`.

Chunks are kept under --work and skipped when present, so an interrupted run goes on where it
stopped. The sample depends on the seed, the jets and those of a chunk, not on the number of jobs.
"""

from __future__ import annotations

import argparse
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from features import FEATURES
from generate import CLASSES, jets

MANTISSA = 11  # bits kept of each number: at most one part in 2,048 off


def chunk(work: Path, seed: int, size: int, kind: int, index: int) -> Path:
    """Generate one chunk, unless it is there; a file is either whole or absent."""
    name = CLASSES[kind].name
    path = work / f"{name}-{seed}-{size}-{index:03d}.npy"
    if not path.exists():
        words = [seed, zlib.crc32(name.encode()), index]
        own = int(np.random.SeedSequence(words).generate_state(1)[0]) % 900_000_000 + 1
        partial_path = path.with_suffix(".partial.npy")
        np.save(partial_path, jets(CLASSES[kind], size, own))
        partial_path.replace(path)
    return path


def rounded(values: np.ndarray) -> np.ndarray:
    """Return float32 with ``MANTISSA`` bits, to the nearest: what compresses well."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * (1 << MANTISSA)) / (1 << MANTISSA), exponent).astype("f4")


def write(out: Path, parts: list[tuple[str, Path]], seed: int) -> int:
    """Write all chunks as one shuffled table, with its recipe in the metadata; return its jets."""
    chunks = [np.load(path) for _, path in parts]
    table = np.concatenate(chunks)
    label = np.repeat([name for name, _ in parts], [len(one) for one in chunks])
    order = np.random.default_rng(seed).permutation(len(table))
    columns = {name: rounded(table[order, i]) for i, name in enumerate(FEATURES)}
    content = pa.table(columns | {"jet_type": pa.array(label[order]).dictionary_encode()})
    content = content.replace_schema_metadata({"seed": str(seed), "made by": "aetrig, Pythia 8"})
    partial_path = out.with_suffix(".partial")
    pq.write_table(content, partial_path, compression="zstd", compression_level=19)
    partial_path.replace(out)
    return len(table)


def main() -> None:
    """Parse, generate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("jets-chunks"))
    parser.add_argument("--jets", type=int, default=20_000, help="of each class, in whole chunks")
    parser.add_argument("--chunk", type=int, default=2_500, help="jets of a chunk")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    wanted = [
        (kind, i) for kind in range(len(CLASSES)) for i in range(-(-given.jets // given.chunk))
    ]
    with ProcessPoolExecutor(given.jobs) as pool:
        make = partial(chunk, given.work, given.seed, given.chunk)
        paths = list(pool.map(make, *zip(*wanted, strict=True)))
    parts = [(CLASSES[kind].name, path) for (kind, _), path in zip(wanted, paths, strict=True)]
    written = write(given.out, parts, given.seed)
    print(f"{given.out}: {written:,} jets, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
