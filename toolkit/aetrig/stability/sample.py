"""The events that conditions are applied to, with every feature that the data have of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aetrig.config.model import RunConfig
from aetrig.config.sources import Column, L1Source, TableSource
from aetrig.data import features as feature_file
from aetrig.data.dataset import Feature
from aetrig.data.load import load as load_data
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.run import Run
from aetrig.stability.cut import Cuts, cut
from aetrig.stability.layout import Integers


@dataclass(frozen=True)
class Sample:
    """Validation events: ``x``, shape (events, features); ``inputs``: those the network takes.

    ``cuts``: what is dropped in front of the network.
    """

    x: Integers
    features: tuple[Feature, ...]
    inputs: tuple[int, ...]
    columns: tuple[Column, ...] | None
    cuts: Cuts = ()

    def network(self, x: Integers) -> Integers:
        """Return what the network sees of events."""
        kept = cut(x, self.cuts)
        if self.inputs == tuple(range(x.shape[1])):
            return kept
        return np.ascontiguousarray(kept[:, self.inputs])


def sample(run: Run, config: RunConfig, vectors: Vectors) -> Sample:
    """Return the run's validation events.

    A network that takes only some of the embedded sample's features, as momenta without angles,
    still sits behind a detector that has the others: they are read again, so that an object's place
    is known. Raises UserError where features.json and the vectors do not fit each other.
    """
    features = feature_file.load(run / "features.json")
    if tuple(feature.name for feature in features) != vectors.features:
        raise UserError(f"{run / 'features.json'} is not of vectors/validation.npz; train again")
    if isinstance(config.data, L1Source) and config.data.features != ("*",):
        whole = _whole(config, vectors.x)
        if whole is not None:
            names = [feature.name for feature in whole[1]]
            inputs = tuple(names.index(feature.name) for feature in features)
            return Sample(whole[0], whole[1], inputs, None)
    columns = config.data.columns if isinstance(config.data, TableSource) else None
    return Sample(vectors.x, features, tuple(range(len(features))), columns)


def _whole(
    config: RunConfig, x: npt.NDArray[np.int32]
) -> tuple[Integers, tuple[Feature, ...]] | None:
    """Return the same events with all features, or None where the data are no longer those."""
    from aetrig.train.prepare import parts

    narrow = load_data(config.data, Path())
    rows = parts(narrow, config)[1]
    if not np.array_equal(narrow.x[rows], x):
        return None
    wide = load_data(config.data.model_copy(update={"features": ("*",)}), Path())
    return wide.x[rows], wide.features
