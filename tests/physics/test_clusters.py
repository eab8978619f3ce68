"""Clusters and maps of events whose classes are known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra 'clusters' is not installed")
pytest.importorskip("minisom", reason="the extra 'clusters' is not installed")

from aetrig.physics.clusters import SIDE, clusters, self_organizing_map


def blobs(apart: float, dimensions: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 3, 600).astype(np.int16)
    centers = apart * np.eye(3, dimensions)
    return centers[classes] + rng.normal(size=(600, dimensions)), classes


def test_separate_classes_are_found_and_noise_is_not() -> None:
    for found in clusters(*blobs(20), seed=1):
        assert found.adjusted_rand == pytest.approx(1)
        assert found.mutual_information == pytest.approx(1)
        assert (found.counts > 0).sum() == 3
    for found in clusters(*blobs(0), seed=1):
        assert abs(found.adjusted_rand) < 0.03
        assert found.counts.sum() == 600


def test_the_same_seed_gives_the_same_clusters() -> None:
    first, second = (clusters(*blobs(2), seed=5) for _ in range(2))
    assert [f.counts.tolist() for f in first] == [s.counts.tolist() for s in second]


def test_a_map_holds_every_event_and_keeps_classes_apart() -> None:
    x, classes = blobs(20, 5)
    nodes = self_organizing_map(x, classes, seed=1)
    assert nodes.shape == (3, SIDE, SIDE)
    assert nodes.sum(axis=(1, 2)).tolist() == np.bincount(classes).tolist()
    shared = (nodes > 0).sum(axis=0) > 1
    assert nodes[:, shared].sum() < 0.01 * 600


def test_a_constant_input_divides_nothing_by_zero() -> None:
    x, classes = blobs(5)
    x[:, 1] = 7
    assert np.isfinite([found.adjusted_rand for found in clusters(x, classes, 1)]).all()
    assert self_organizing_map(x, classes, 1).sum() == 600
