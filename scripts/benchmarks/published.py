"""Published figures of anomaly triggers, each with where it stands; not ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.rows import Row, absent


@dataclass(frozen=True)
class Paper:
    """What a source says, in its own terms."""

    name: str
    says: str
    source: str


PAPERS = (
    Paper(
        "autoencoders at 40 MHz, 57 inputs",
        "a latency down to 80 ns with less than 3 % of the logic of a Virtex VU9P",
        "Govorkova et al., Nature Machine Intelligence 2022, doi:10.1038/s42256-022-00441-3, "
        "arXiv:2108.03986, abstract",
    ),
    Paper(
        "AXOL1TL, CMS Global Trigger",
        "decides within the 50 ns that the Global Trigger has",
        "arXiv:2411.19506, abstract",
    ),
    Paper(
        "CICADA, CMS calorimeter trigger",
        "inference in less than 200 ns",
        "NeurIPS 2025 workshop, https://neurips.cc/virtual/2025/123048, abstract",
    ),
)


def published(group: str) -> Iterator[Row]:
    """Yield a row a source: other networks on other data, so there is no ratio."""
    for paper in PAPERS:
        note = f"{paper.says} ({paper.source}): published; another network"
        yield absent(group, paper.name, "published", note)
