"""From trigger rows to the Parquet file: columns, weights, order, metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import card
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from detector import (
    ANGLE_BITS,
    DEFAULT,
    ETA_STEP,
    PHI_STEP,
    PT_BITS,
    PT_STEP,
    column_names,
)
from generate import BEAMS, SOFT, CrossSection, Process
from numpy.typing import NDArray

LAYOUT_VERSION = 1
METADATA_KEY = "aetrig.sample"
LARGEST_BYTES = 8_000_000
PB_PER_MB = 1e9
FILLED_BUNCHES = 2544
REVOLUTION_HZ = 11245.0


@dataclass(frozen=True)
class Part:
    """One process: its rows, and Pythia's cross section for each of its chunks."""

    process: Process
    rows: NDArray[np.int16]
    sections: list[CrossSection]


def combined(sections: list[CrossSection]) -> tuple[float, float]:
    """Cross section and statistical error in mb: chunks averaged by their events."""
    share = np.array([section.accepted for section in sections], float)
    share /= share.sum()
    sigma = np.array([section.sigma_mb for section in sections])
    error = np.array([section.error_mb for section in sections])
    return float(share @ sigma), float(np.sqrt(np.sum((share * error) ** 2)))


def weight(part: Part) -> float:
    """Cross section in pb an event stands for; of minimum bias, one over the crossings."""
    if part.process.role == "minbias":
        return 1.0 / len(part.rows)
    return combined(part.sections)[0] * PB_PER_MB / len(part.rows)


def order(count: int, seed: int) -> NDArray[np.int64]:
    """One seeded permutation of all rows, so that any contiguous part is a fair mix."""
    return np.random.default_rng([seed, 3]).permutation(count)


def column_facts(name: str) -> dict[str, object]:
    """Bits, sign, step and unit of one column."""
    prefix, axis = name.split("_")
    if axis == "pt":
        bits = PT_BITS[prefix.rstrip("0123456789")]
        return {"bits": bits, "signed": False, "step": PT_STEP, "unit": "GeV"}
    step = {"eta": ETA_STEP, "phi": PHI_STEP}[axis]
    return {
        "bits": ANGLE_BITS,
        "signed": True,
        "step": step,
        "unit": {"eta": "1", "phi": "rad"}[axis],
    }


def process_facts(part: Part) -> dict[str, object]:
    """What the metadata and the card say of one process."""
    facts: dict[str, object] = {
        "role": part.process.role,
        "generated": len(part.rows),
        "kept": len(part.rows),
        "weight": weight(part),
        "settings": list(part.process.settings),
    }
    if part.sections:
        sigma, error = combined(part.sections)
        facts |= {"sigma_mb": sigma, "sigma_error_mb": error}
        facts |= {"sigma_pb": sigma * PB_PER_MB, "sigma_error_pb": error * PB_PER_MB}
        facts["tried"] = sum(section.tried for section in part.sections)
    return facts


def facts(parts: list[Part], pool: list[CrossSection], seed: int) -> dict[str, object]:
    """The sample's metadata."""
    sigma, error = combined(pool)
    return {
        "layout_version": LAYOUT_VERSION,
        "metadata_key": METADATA_KEY,
        "sample": "l1",
        "beams": list(BEAMS),
        "steps": {
            "pt": {"step": PT_STEP, "unit": "GeV"},
            "eta": {"step": ETA_STEP, "unit": "1"},
            "phi": {"step": PHI_STEP, "unit": "rad"},
        },
        "columns": {name: column_facts(name) for name in column_names()},
        "processes": {part.process.name: process_facts(part) for part in parts},
        "pool": {
            "events": sum(section.accepted for section in pool),
            "settings": list(SOFT.settings),
            "sigma_mb": sigma,
            "sigma_error_mb": error,
        },
        "pile_up_mean": DEFAULT.pile_up,
        "crossing_rate_hz": FILLED_BUNCHES * REVOLUTION_HZ,
        "filled_bunches": FILLED_BUNCHES,
        "revolution_hz": REVOLUTION_HZ,
        "detector": asdict(DEFAULT),
        "seed": seed,
        "row_order": "all processes shuffled together with the seed",
        "versions": {name: version(name) for name in ("pythia8mc", "fastjet", "numpy", "pyarrow")},
    }


def table(parts: list[Part], about: dict[str, object], seed: int) -> pa.Table:
    """All rows, shuffled, with process, role and weight."""
    shuffle = order(sum(len(part.rows) for part in parts), seed)
    rows = np.concatenate([part.rows for part in parts])[shuffle]
    number = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])[shuffle]
    names = [part.process.name for part in parts]
    roles = sorted({part.process.role for part in parts})
    role_of = np.array([roles.index(part.process.role) for part in parts])
    weights = np.array([weight(part) for part in parts], np.float32)
    columns = {name: pa.array(rows[:, i]) for i, name in enumerate(column_names())}
    columns["process"] = pa.DictionaryArray.from_arrays(number.astype(np.int8), names)
    columns["role"] = pa.DictionaryArray.from_arrays(role_of[number].astype(np.int8), roles)
    columns["weight"] = pa.array(weights[number])
    return pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(about)})


def store(path: Path, content: pa.Table) -> None:
    """Write the Parquet file under a temporary name, check its size, then give it its name.

    Columns have few distinct values, so dictionary encoding packs them tightly before zstd; one row
    group keeps a single dictionary a column.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(
        content,
        partial,
        compression="zstd",
        compression_level=19,
        use_dictionary=True,
        row_group_size=len(content),
        data_page_size=1 << 20,
    )
    size = partial.stat().st_size
    if size > LARGEST_BYTES:
        raise ValueError(f"{partial} has {size} bytes, more than {LARGEST_BYTES}")
    partial.replace(path)


def sample(path: Path, parts: list[Part], pool: list[CrossSection], seed: int) -> None:
    """Write the Parquet file and, beside it, its data card."""
    about = facts(parts, pool, seed)
    content = table(parts, about, seed)
    store(path, content)
    rows = {part.process.name: part.rows for part in parts}
    text = card.render(about, rows, path.stat().st_size)
    partial = path.with_suffix(".md.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path.with_suffix(".md"))
    print(f"wrote {path}: {len(content)} events, {path.stat().st_size} bytes")
