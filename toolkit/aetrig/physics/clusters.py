"""Clusters that are found without labels, compared with the true classes; and a map of events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aetrig.errors import MissingToolError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int16]
STARTS = 10  # of k-means, and of the mixture: the best is kept
SIDE, PASSES, RADIUS, RATE = 16, 3, 4.0, 0.5  # of the map: nodes a side, passes over the events


@dataclass(frozen=True)
class Clusters:
    """One method's clusters against the classes.

    ``counts``: events, (clusters, classes). ``adjusted_rand``: 1 for the true classes, 0 on average
    for random clusters (Hubert and Arabie, J. Classification 2 (1985) 193).
    ``mutual_information``: normalized by the mean of both entropies, 0 to 1.
    """

    method: str
    counts: npt.NDArray[np.int64]
    adjusted_rand: float
    mutual_information: float


def clusters(latent: Floats, classes: Labels, seed: int) -> list[Clusters]:
    """Return k-means and Gaussian-mixture clusters of latent numbers, as many as there are classes.

    ``latent``: (events, dimensions), scaled here to unit spread; ``classes``: (events,), from 0.
    Raises MissingToolError without scikit-learn.
    """
    try:
        from sklearn.cluster import KMeans
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise _missing("scikit-learn") from error
    spread = latent.std(axis=0)
    x = (latent - latent.mean(axis=0)) / np.where(spread > 0, spread, 1)
    count = len(np.unique(classes))
    methods = {
        "k-means": KMeans(count, n_init=STARTS, random_state=seed),
        "Gaussian mixture": GaussianMixture(count, n_init=STARTS, random_state=seed),
    }
    found = []
    for name, method in methods.items():
        assigned = method.fit_predict(x)
        counts = np.zeros((count, int(classes.max()) + 1), dtype=np.int64)
        np.add.at(counts, (assigned, classes), 1)
        found.append(
            Clusters(
                name, counts, float(adjusted_rand_score(classes, assigned)),
                float(normalized_mutual_info_score(classes, assigned)),
            )
        )  # fmt: skip
    return found


def self_organizing_map(x: Floats, classes: Labels, seed: int) -> npt.NDArray[np.int64]:
    """Return the events of each class at each node of a square map, (classes, side, side).

    ``x``: (events, features), scaled here to unit spread. Neighbouring nodes stand for similar
    events (Kohonen, Biol. Cybern. 43 (1982) 59). Raises MissingToolError without minisom.
    """
    try:
        from minisom import MiniSom
    except ImportError as error:
        raise _missing("minisom") from error
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    found = MiniSom(SIDE, SIDE, scaled.shape[1], sigma=RADIUS, learning_rate=RATE, random_seed=seed)
    found.pca_weights_init(scaled)
    found.train(scaled, PASSES, random_order=True, use_epochs=True)
    nodes = np.array([found.winner(row) for row in scaled])
    counts = np.zeros((int(classes.max()) + 1, SIDE, SIDE), dtype=np.int64)
    np.add.at(counts, (classes, nodes[:, 1], nodes[:, 0]), 1)
    return counts


def _missing(package: str) -> MissingToolError:
    return MissingToolError(
        f"aetrig clusters needs {package}; install it with: pip install 'aetrig[clusters]'"
    )
