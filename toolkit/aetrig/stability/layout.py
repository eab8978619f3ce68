"""What the trigger's inputs mean: lists of objects, missing energy, energies, angles."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from aetrig.config.sources import Column
from aetrig.data.dataset import Feature
from aetrig.errors import UserError, did_you_mean

Integers = npt.NDArray[np.int32]
ENERGY_NAMES = {"pt", "et", "e", "m", "energy", "mass", "met"}
MISSING = re.compile(r"[a-z]*met|etmiss|missing", re.IGNORECASE)


@dataclass(frozen=True)
class ObjectList:
    """Objects of one kind, hardest first; absent ones are zero and stand last.

    ``columns``: feature of each object and part, shape (objects, parts). ``mark``: the part whose
    zero says that there is no object. ``eta``, ``phi``: parts, None where the inputs lack them;
    ``energies``: parts. ``ordered``: every event has them by falling mark.
    """

    name: str
    columns: npt.NDArray[np.int64]
    mark: int
    eta: int | None
    phi: int | None
    energies: tuple[int, ...]
    ordered: bool

    @property
    def placed(self) -> bool:
        """Whether its objects have a transverse energy and a place: what a vector needs."""
        return self.mark in self.energies and self.eta is not None and self.phi is not None


@dataclass(frozen=True)
class Missing:
    """The features of the missing transverse energy."""

    pt: int
    phi: int


@dataclass(frozen=True)
class Layout:
    """Features with their meaning. ``energies``, ``angles``: features; ``still``: constant ones.

    ``columns``: how a table's numbers became integers, None elsewhere.
    """

    features: tuple[Feature, ...]
    lists: tuple[ObjectList, ...]
    missing: Missing | None
    energies: tuple[int, ...]
    angles: tuple[int, ...]
    still: tuple[int, ...]
    columns: tuple[Column, ...] | None

    @property
    def alone(self) -> tuple[int, ...]:
        """Features that belong to no list and are not missing energy."""
        listed = {int(column) for found in self.lists for column in found.columns.flat}
        if self.missing is not None:
            prefix = _prefix(self.features[self.missing.pt].name)
            listed |= {i for i, f in enumerate(self.features) if _prefix(f.name) == prefix}
        return tuple(i for i in range(len(self.features)) if i not in listed)

    def period(self, feature: int) -> int | None:
        """Return the steps of a full circle of an angle; None for another feature."""
        if feature not in self.angles:
            return None
        return round(2 * math.pi / self.features[feature].grid.step)

    def present(self, x: Integers) -> npt.NDArray[np.bool_]:
        """Mark the entries that are not padding, shape (events, features)."""
        mask = np.ones(x.shape, dtype=np.bool_)
        for found in self.lists:
            there = x[:, found.columns[:, found.mark]] != 0
            for part in found.columns.T:
                mask[:, part] = there
        return mask


def layout(
    features: tuple[Feature, ...],
    x: Integers,
    energies: Sequence[str] | None,
    columns: tuple[Column, ...] | None = None,
) -> Layout:
    """Return what features of a run mean, by their presence, names and units.

    ``x``: events, which say whether lists are ordered. Raises UserError for a pattern of
    ``energies`` that names no feature.
    """
    hot = _energies(features, energies)
    angles = tuple(i for i, f in enumerate(features) if f.grid.unit == "rad" and _is(f, "phi"))
    still = tuple(int(i) for i in np.flatnonzero((x == x[:1]).all(axis=0))) if len(x) else ()
    lists, missing = _lists(features, x, hot), _missing(features, hot)
    return Layout(features, lists, missing, hot, angles, still, columns)


def _energies(features: Sequence[Feature], patterns: Sequence[str] | None) -> tuple[int, ...]:
    if patterns is None:
        return tuple(i for i, feature in enumerate(features) if _is_energy(feature))
    names = [feature.name for feature in features]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, names)
            raise UserError(f"stability.energies: no feature matches '{pattern}'{hint}")
    return tuple(i for i, name in enumerate(names) if any(fnmatchcase(name, p) for p in patterns))


def _is_energy(feature: Feature) -> bool:
    return "eV" in feature.grid.unit or _words(feature.name)[-1].lower() in ENERGY_NAMES


def _is(feature: Feature, word: str) -> bool:
    return word in [part.lower() for part in _words(feature.name)]


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^A-Za-z]+", name) if word] or [name]


def _prefix(name: str) -> str:
    return name.partition("_")[0]


def _missing(features: Sequence[Feature], energies: Sequence[int]) -> Missing | None:
    """Return missing energy where the inputs have its size and its angle."""
    mine = [i for i, f in enumerate(features) if f.presence is None and MISSING.match(f.name)]
    sizes = [i for i in mine if i in energies]
    angles = [i for i in mine if _is(features[i], "phi") and features[i].grid.unit == "rad"]
    return Missing(sizes[0], angles[0]) if sizes and angles else None


def _lists(
    features: Sequence[Feature], x: Integers, energies: Sequence[int]
) -> tuple[ObjectList, ...]:
    """Return objects, which share a mark, in lists: their names differ by a number."""
    objects: dict[int, list[int]] = {}
    for index, feature in enumerate(features):
        if feature.presence is not None:
            objects.setdefault(feature.presence, []).append(index)
    kinds: dict[tuple[str, ...], list[tuple[int, list[int]]]] = {}
    for mark, members in objects.items():
        parts = tuple(re.sub(r"\d+", "#", features[i].name, count=1) for i in members)
        kinds.setdefault(parts, []).append((mark, members))
    return tuple(_list(parts, found, x, energies) for parts, found in kinds.items())


def _list(
    parts: tuple[str, ...],
    objects: list[tuple[int, list[int]]],
    x: Integers,
    energies: Sequence[int],
) -> ObjectList:
    columns = np.array([members for _, members in objects], dtype=np.int64)
    first, members = objects[0]
    mark = members.index(first)
    words = [[word.lower() for word in _words(part)] for part in parts]
    eta, phi = (
        next((i for i, found in enumerate(words) if angle in found), None)
        for angle in ("eta", "phi")
    )
    marks = x[:, columns[:, mark]]
    name = parts[mark].partition("#")[0].strip("_.[") or parts[mark]
    hot = tuple(i for i, feature in enumerate(members) if feature in energies)
    ordered = bool((np.diff(marks, axis=1) <= 0).all())
    return ObjectList(name, columns, mark, eta, phi, hot, ordered)
