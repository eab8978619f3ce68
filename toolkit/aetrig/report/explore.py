"""`aetrig clusters`: what a network's latent space and its events look like without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aetrig.errors import UserError
from aetrig.physics.clusters import SIDE, Clusters, clusters, self_organizing_map
from aetrig.program import contract
from aetrig.records import read_record
from aetrig.report.events import Events
from aetrig.report.latent import latent_quantizer
from aetrig.report.picture import Curve, Panel, Picture, Points, image, numbers
from aetrig.run import Run, alone, write_json

FILE = "clusters.json"
MOST = 20_000  # events that are looked at


@dataclass(frozen=True)
class ClustersResult:
    """The methods and how well their clusters are the classes."""

    run: Run
    content: dict[str, Any]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield method, adjusted Rand index and mutual information."""
        for item in self.content["clusters"]:
            scores = (item["adjusted_rand"], item["mutual_information"])
            yield (item["method"], *(f"{score:.4f}" for score in scores))


@alone
def explore(run: Run, *, force: bool = False) -> ClustersResult:
    """Write clusters.json: clusters of the latent space, and a self-organizing map of the events.

    Raises UserError for a run with fewer than two classes, or without a latent space;
    MissingToolError without scikit-learn or minisom.
    """
    inputs = ["config.yaml", contract.NETWORK, contract.VECTORS]
    run.need(contract.NETWORK, "export-onnx")
    if run.begin("clusters", (FILE,), inputs, force=force):
        write_json(run / FILE, _content(Events(run)))
        run.record("clusters", (FILE,), inputs)
    return ClustersResult(run, read_record(run / FILE))


def _content(events: Events) -> dict[str, Any]:
    vectors, seed = events.vectors, events.config.seed
    present = [i for i in range(len(vectors.processes)) if (vectors.process == i).any()]
    if len(present) < 2:
        raise UserError(
            f"{events.run.path} has one class, '{vectors.processes[present[0]].name}'; clusters "
            "are compared with two or more (data.label)"
        )
    quantizer = latent_quantizer(events)
    if quantizer is None:
        raise UserError(f"{events.run.path}: the network has no latent space")
    kept = np.sort(np.random.default_rng(seed).permutation(len(vectors.x))[:MOST])
    classes = np.searchsorted(present, vectors.process[kept]).astype(np.int16)
    latent = events.layer(quantizer.name)[kept].astype(np.float64)
    found = clusters(latent, classes, seed)
    inputs = events.layer(events.network.input_quantizer.name)[kept].astype(np.float64)
    nodes = self_organizing_map(inputs, classes, seed)
    return {
        "events": len(kept),
        "classes": [vectors.processes[i].name for i in present],
        "clusters": [_plain(item) for item in found],
        "map": nodes.tolist(),
    }


def _plain(found: Clusters) -> dict[str, Any]:
    return {
        "method": found.method,
        "counts": found.counts.tolist(),
        "adjusted_rand": found.adjusted_rand,
        "mutual_information": found.mutual_information,
    }


def bars(content: dict[str, Any] | None) -> Picture | None:
    """Return, for each method, how each class is spread over the clusters."""
    if content is None:
        return None
    names = tuple(content["classes"])
    panels = []
    for item in content["clusters"]:
        counts = np.array(item["counts"], dtype=np.float64)
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        curves = tuple(
            Curve(f"{i}", numbers(range(len(names))), numbers(row)) for i, row in enumerate(shares)
        )
        title = f"{item['method']}: adjusted Rand index {item['adjusted_rand']:.3f}"
        panels.append(Panel(title, "", "share of class", curves, ticks=names))
    caption = (
        f"Clusters of the latent numbers of {content['events']:,} validation events, found without "
        "labels, as many as there are classes; each class's share in each cluster. The index is 1 "
        "for clusters that are the classes, 0 for random ones."
    )
    return Picture("clusters", "Clusters of the latent space", caption, tuple(panels))


def chart(content: dict[str, Any] | None) -> Picture | None:
    """Return the self-organizing map: the class of each node by share, then each class."""
    if content is None:
        return None
    nodes = np.array(content["map"], dtype=np.float64)
    edges = np.arange(SIDE + 1, dtype=np.float64) - 0.5
    first = Panel("class by share", "", "", points=tuple(_winners(content["classes"], nodes)))
    panels = [
        Panel(name, "", "", image=image(counts, edges, edges, nodes.max()))
        for name, counts in zip(content["classes"], nodes, strict=True)
    ]
    caption = (
        f"Self-organizing map of the inputs of {content['events']:,} validation events: nodes "
        "nearby stand for similar events. First, at each node, the class of whose own events the "
        "largest share is there; then the events of each class, on a logarithmic scale."
    )
    return Picture("map", "Self-organizing map", caption, (first, *panels))


def _winners(names: list[str], nodes: np.ndarray) -> Iterator[Points]:
    # classes need not be equally frequent: what counts is the share of its own class
    shares = nodes / np.maximum(nodes.sum(axis=(1, 2), keepdims=True), 1)
    best, empty = shares.argmax(axis=0), nodes.sum(axis=0) == 0
    for i, name in enumerate(names):
        y, x = np.nonzero((best == i) & ~empty)
        yield Points(numbers(x.astype(float)), numbers(y.astype(float)), name, 40.0)
