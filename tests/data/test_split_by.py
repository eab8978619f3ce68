"""Events by their own numbers: in one part whatever their features, and never trained and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig.config.sources import TableSource
from aetrig.data.dataset import Dataset, Process
from aetrig.data.load import load
from aetrig.data.split import Rows, hash_split, mix, split
from aetrig.errors import UserError

SIZE = 400
BACKGROUND = (Process("data", "background"),)


def frame(seed: int, first_event: int = 0) -> pd.DataFrame:
    """Jets, about three an event."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "run": rng.integers(1, 3, SIZE),
            "event": first_event + rng.integers(0, SIZE // 6, SIZE),
            "pt": rng.integers(0, 200, SIZE),
            "eta": rng.integers(-50, 50, SIZE),
        }
    )


def source(*files: str, **changes: Any) -> TableSource:
    content: dict[str, Any] = {
        "source": "table",
        "files": files,
        "columns": [
            {"name": "pt", "step": 1, "bits": 9, "signed": False},
            {"name": "eta", "step": 1, "bits": 8},
        ],
        "split_by": ["run", "event"],
    }
    return TableSource.model_validate(content | changes)


def parts(data: Dataset, how: str, seed: int = 1) -> tuple[Rows, ...]:
    return hash_split(data, 0.3, 0.2) if how == "hash" else split(data, 0.3, seed)


@pytest.mark.parametrize("how", ["hash", "drawn"])
def test_all_rows_of_an_event_are_in_one_part(tmp_path, how):
    frame(1).to_parquet(tmp_path / "a.parquet")
    data = load(source("a.parquet"), tmp_path)
    assert data.event is not None
    assert len(np.unique(data.event)) == len(frame(1).groupby(["run", "event"]))
    found = [set(data.event[rows].tolist()) for rows in parts(data, how)]
    assert sum(map(len, found)) == len(set.union(*found)) == len(np.unique(data.event))
    assert all(0.1 < len(part) / len(np.unique(data.event)) < 0.8 for part in found)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.integers(51, 99))
def test_a_part_depends_on_the_event_alone(seed, other):
    """Other features, and more events, move no event."""

    def dataset(*frames: pd.DataFrame) -> Dataset:
        table = pd.concat(frames)
        zeros = np.zeros(len(table), dtype=np.int16)
        return Dataset(
            table[["pt", "eta"]].to_numpy(np.int32),
            (),
            BACKGROUND,
            zeros,
            np.ones(len(table)),
            np.full(len(table), -1, dtype=np.int8),
            event=mix(table[["run", "event"]].to_numpy()),
        )

    first = frame(seed)
    before = hash_split(dataset(first), 0.3, 0.2)
    after = hash_split(dataset(frame(other, 10_000), first.assign(pt=first.pt + 1)), 0.3, 0.2)
    for part, grown in zip(before, after, strict=True):
        assert set(part + SIZE) <= set(grown)


def test_the_same_numbers_from_every_format(tmp_path):
    table = frame(3)
    table.to_parquet(tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv", index=False)
    table.astype({"run": np.uint8, "event": np.uint64}).to_pickle(tmp_path / "t.pkl")
    found = [load(source(f"t.{end}"), tmp_path).event for end in ("parquet", "csv", "pkl")]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("value", [0.5, 2.0**60, np.nan, np.inf])
def test_what_identifies_no_event(tmp_path, value):
    table = frame(3).astype({"event": float})
    table.loc[7, "event"] = value
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="column 'event' holds other than whole numbers"):
        load(source("t.parquet"), tmp_path)
    with pytest.raises(UserError, match=r"no column 'Event' .*did you mean 'event'"):
        load(source("t.parquet", split_by=["Event"]), tmp_path)


def write_overlapping(folder: Path) -> None:
    frame(1).to_csv(folder / "train.csv", index=False)
    shared = frame(1).iloc[:50]
    pd.concat([shared, frame(2, 1000)]).to_csv(folder / "valid.csv", index=False)


@pytest.mark.parametrize("how", ["hash", "drawn"])
def test_validation_wins(tmp_path, how):
    write_overlapping(tmp_path)
    data = load(source("train.csv", validation_files=["valid.csv"]), tmp_path)
    jets = frame(1)
    events = list(zip(jets.run, jets.event, strict=True))
    shared = sum(event in set(events[:50]) for event in events)
    assert (data.split == 0).sum() == SIZE - shared
    note = f"{shared} of {SIZE} rows of 'files' are of events that are in 'validation_files' too"
    assert any(found.startswith(note) for found in data.notes)
    training, judging, *_ = parts(data, how)
    assert data.event is not None
    assert not set(data.event[training]) & set(data.event[judging])
    assert (data.split[training] == 0).all()


def test_without_numbers_of_events_their_integers_are_told_and_kept_apart_by_hash(tmp_path):
    write_overlapping(tmp_path)
    data = load(source("train.csv", validation_files=["valid.csv"], split_by=[]), tmp_path)
    judged = {*map(tuple, data.x[data.split == 1].tolist())}
    twice = sum(tuple(row) in judged for row in data.x[data.split == 0].tolist())
    assert twice >= 50
    note = f"{twice} of {SIZE} rows of 'files' equal a row of 'validation_files' in every feature"
    assert any(found.startswith(note) for found in data.notes)
    training, judging, _ = hash_split(data, 0.3, 0.0)
    assert len(training) == SIZE - twice
    assert not {*map(tuple, data.x[training].tolist())} & {*map(tuple, data.x[judging].tolist())}


def test_one_file_is_in_one_list() -> None:
    with pytest.raises(ValueError, match=r"'a.csv' is in 'files' and in 'validation_files'"):
        source("a.csv", "b.csv", validation_files=["c.csv", "a.csv"])
