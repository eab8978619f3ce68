"""HDF5 opened without trust: the file's own numbers, of a size that the file can hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from aetrig.data.files import require_kind, require_size
from aetrig.errors import UserError

# all that h5py was seen to raise for files that are damaged
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file to read; raise UserError where it is no HDF5, or damaged where it is read."""
    if not h5py.is_hdf5(path):
        require_kind(path, "HDF5")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DAMAGE as error:
        raise UserError(
            f"{path}: truncated or damaged HDF5 ({' '.join(str(error).split())[:300]}); "
            "copy or download it again"
        ) from error


def own_items(group: h5py.Group) -> dict[str, h5py.Group | h5py.Dataset]:
    """Return what is in a group by name, without links: they may lead into other files."""
    return {
        key: group[key] for key in group if isinstance(group.get(key, getlink=True), h5py.HardLink)
    }


def require_own(path: Path, dataset: h5py.Dataset) -> None:
    """Raise UserError where a dataset's numbers are in other files, or declared and not there."""
    if dataset.external or dataset.is_virtual:
        raise UserError(f"{path}: '{dataset.name}' keeps its numbers in other files; copy them in")
    require_size(path, f"'{dataset.name}'", int(dataset.size) * dataset.dtype.itemsize)
