"""From the config's data source to a Dataset."""

from __future__ import annotations

from pathlib import Path

from aetrig.config.sources import Adc2021Source, DataSource, JetsSource, L1Source
from aetrig.data import adc2021, jets, l1, table
from aetrig.data.dataset import Dataset
from aetrig.data.files import finder


def load(source: DataSource, base: Path) -> Dataset:
    """Read a source. ``base``: the folder of the config file, where relative names may start.

    Raises UserError for every fault of a file: missing, empty, truncated, of another format,
    lacking a column, or with values that are not finite numbers on the declared grid.
    """
    if isinstance(source, L1Source):
        return l1.load(source)
    find = finder(source.folder, base)
    if isinstance(source, JetsSource):
        return jets.load(source, find)
    if isinstance(source, Adc2021Source):
        return adc2021.load(source, find)
    return table.load(source, find)
