"""Compression: latent codes beside float32 latents (Baler's approach), zstd Parquet and float16.

The table is the embedded jet sample, the network models/jets-16to2. Baler itself is not run: its
approach is, with the same network in float32, whose latent numbers go into an .npz file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from aetrig.compress.stage import compress, decompress
from aetrig.config.load import load as load_config
from aetrig.config.sources import TableSource
from aetrig.data.jets import COLUMNS, SAMPLE
from aetrig.program.cut import decoder, encoder
from aetrig.program.model import Rescale
from aetrig.run import Run
from benchmarks.eager import eager
from benchmarks.networks import Network, network
from benchmarks.rows import Options, Row, compared, in_turns, require, sizes

GROUP, NETWORK = "compression", "jets-16to2"
BOUND = 0.01
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """How a table is written to a file and read back, float64 (rows, columns)."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Floats]


def rows(options: Options) -> Iterator[Row]:
    """Yield sizes and speeds of each pair of methods that do the same: codes, or bounded errors."""
    torch.set_num_threads(1)
    names = [column.name for column in COLUMNS]
    repeats = 1 if options.quick else 2
    table = pa.concat_tables([pq.read_table(SAMPLE, columns=names)] * repeats)
    source = options.folder / "jets.parquet"
    pq.write_table(table, source)
    values = _values(source)
    run = _run(options.folder / "run", source)
    codes, bounded = _ours(run, source, ""), _ours(run, source, f"{BOUND:.0%}")
    latents = _float_latents(network(NETWORK, 1), values)
    pairs = [
        (codes, latents), (bounded, _parquet("float32", np.float32, values)),
        (bounded, _parquet("float16", np.float16, values)),
    ]  # fmt: skip
    for ours, other in pairs:
        yield from _pair(options, ours, other, values)


def _pair(options: Options, ours: Method, other: Method, values: Floats) -> Iterator[Row]:
    """Yield bytes, MB/s of writing and of reading, of float64 numbers, of two methods."""
    paths = options.folder / "ours.aez", options.folder / "other"
    for method, path in zip((ours, other), paths, strict=True):
        method.write(path)
    names = ours.name, other.name
    first, second = (_errors(m, path, values) for m, path in zip((ours, other), paths, strict=True))
    if ours.name.endswith("%"):
        # beside the bound: the rounding of the check itself
        require(first.largest <= BOUND * 1.0001, f"an error of {first.largest:.3g} over the bound")
    size = tuple(float(path.stat().st_size) for path in paths)
    yield sizes(
        GROUP, (f"size: {names[0]}", names[1]), (size[0], size[1]), "bytes",
        note=f"of {values.nbytes:,} in float64; median relative error {first.median:.2g} and "
        f"{second.median:.2g}, lost values {first.lost:,} and {second.lost:,}",
    )  # fmt: skip
    for verb in ("write", "read"):
        figures = in_turns(
            [_speed(m, verb, p, values) for m, p in zip((ours, other), paths, strict=True)],
            options.rounds(5),
        )
        yield compared(
            GROUP, (f"{verb}: {names[0]}", names[1]), (figures[0], figures[1]), "MB/s"
        )  # fmt: skip


@dataclass(frozen=True)
class Errors:
    """Relative errors: median, largest; values that came back as infinity or not a number."""

    median: float
    largest: float
    lost: int


def _errors(method: Method, path: Path, values: Floats) -> Errors:
    with np.errstate(all="ignore"):
        found = method.read(path)
        finite = np.isfinite(found)
        relative = np.abs(found - values)[finite & (values != 0)]
        relative /= np.abs(values)[finite & (values != 0)]
    lost = int((~finite & np.isfinite(values)).sum())
    return Errors(float(np.median(relative)), float(relative.max()), lost)


def _speed(method: Method, verb: str, path: Path, values: Floats) -> Callable[[], float]:
    from benchmarks.rows import clock

    call = method.write if verb == "write" else method.read
    return lambda: values.nbytes / 1e6 / clock(lambda: call(path))


def _run(folder: Path, source: Path) -> Run:
    """Return a run whose network reads the columns of the table."""
    folder.mkdir()
    model = network(NETWORK, 1)
    (folder / model.qonnx.name).write_bytes(model.qonnx.read_bytes())
    config = load_config(model.folder / "config.yaml")
    table = TableSource(source="table", files=(source,), columns=COLUMNS)
    content = config.model_copy(update={"data": table}).model_dump_json()
    (folder / "config.yaml").write_text(content, encoding="utf-8")  # JSON is YAML
    return Run(folder)


def _ours(run: Run, source: Path, bound: str) -> Method:
    def write(path: Path) -> None:
        compress(run, source, path, [bound] if bound else [], workers=1)

    def read(path: Path) -> Floats:
        out = path.with_suffix(".parquet")
        decompress(path, out, workers=1)
        return _values(out)

    return Method(f"latent codes, errors ≤ {bound}" if bound else "latent codes", write, read)


def _float_latents(model: Network, values: Floats) -> Method:
    """Return Baler's approach: the float32 latent numbers, compressed as .npz."""
    first, last = encoder(model.program), decoder(model.program)
    encode = eager(first, model.folder / "config.yaml")
    decode = eager(last, model.folder / "config.yaml")
    # the decoder of a Program begins with the latent integers' exponent, which floats have not
    decode = type(decode)(decode.steps[1:])
    steps = np.array([column.step for column in COLUMNS])
    scale = next(op for op in model.program.operations if isinstance(op, Rescale))

    def write(path: Path) -> None:
        grid = torch.from_numpy((values / steps).astype(np.float32))
        with path.open("wb") as file:
            np.savez_compressed(file, data=encode(grid).numpy())

    def read(path: Path) -> Floats:
        with np.load(path) as archive:
            output = decode(torch.from_numpy(archive["data"])).numpy().astype(np.float64)
        found: Floats = (np.ldexp(output, scale.shift) + scale.offset) * steps
        return found

    return Method("float32 latents, npz", write, read)


def _parquet(name: str, kind: type, values: Floats) -> Method:
    columns = {column.name: values[:, i] for i, column in enumerate(COLUMNS)}

    def write(path: Path) -> None:
        with np.errstate(over="ignore"):
            arrays = {key: column.astype(kind) for key, column in columns.items()}
        pq.write_table(pa.table(arrays), path, compression="zstd")

    return Method(f"zstd Parquet, {name}", write, _values)


def _values(path: Path) -> Floats:
    table = pq.read_table(path)
    columns = [table[column.name].to_numpy().astype(np.float64) for column in COLUMNS]
    return np.stack(columns, axis=1)
