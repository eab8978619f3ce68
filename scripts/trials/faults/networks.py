"""A network of models/ with all that the trial of its stored bits needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig import config as configuration
from aetrig.data.load import load as load_data
from aetrig.data.split import split
from aetrig.program import contract
from aetrig.program.evaluate import trace
from aetrig.program.model import SCORE, Integers, Program
from aetrig.program.read import read
from aetrig.run import Run
from aetrig.verify.vectors import adversarial, drawn

ADVERSARIAL = 10  # one of ten of the vectors that look for a change is adversarial
TOP = 3  # one of three events of the rate is of the largest scores


@dataclass(frozen=True)
class Network:
    """``golden``, ``events``: hardware integers; ``background``: those that a rate is made of.

    ``output``: whether golden.npz holds the output of what is deployed. For a trigger that is an
    encoder alone it holds the whole network's, and score and accept bits are what is compared.
    """

    name: str
    program: Program
    output: bool
    golden: Integers
    events: Integers
    background: Integers
    what: str  # the background is


@dataclass(frozen=True)
class Sample:
    """Background events that stand for all: ``weight``, float64, is how many each stands for."""

    x: Integers
    weight: npt.NDArray[np.float64]
    stands_for: int


def load(folder: Path) -> Network:
    """Return a network, its golden vectors, and the events of its own config."""
    whole, program = read(folder / contract.NETWORK), contract.load(Run(folder))
    output = program.operations[-1].name == whole.operations[-1].name
    with np.load(folder / "golden.npz") as archive:
        golden = archive["x"].astype(np.int64)
    config: Any = configuration.load(folder / "config.yaml")
    dataset = load_data(config.data, folder)
    _, validation = split(dataset, config.train.validation_fraction, config.seed)
    held_out = np.zeros(len(dataset.x), dtype=np.bool_)
    held_out[validation] = True
    crossings = dataset.rows("minbias")
    what = "minimum-bias crossings" if crossings.any() else "background events not trained on"
    rows = crossings if crossings.any() else held_out & dataset.rows("background")
    x = _within(program, dataset.x)
    return Network(folder.name, program, output, golden, x[held_out], x[rows], what)


def _within(program: Program, x: Any) -> Integers:
    low = np.array([form.low for form in program.input_formats])
    high = np.array([form.high for form in program.input_formats])
    return np.asarray(x, dtype=np.int64).clip(low, high)


def searched(network: Network, count: int, seed: int) -> Integers:
    """Return inputs that a change is looked for with: events, random ones, adversarial ones.

    Drawn with another seed than any golden vector, in random order.
    """
    generator = np.random.default_rng([seed, 77])
    hard = adversarial(network.program, max(40, count // ADVERSARIAL), seed=seed + 99).x
    real = min(len(network.events), (count - len(hard)) // 2)
    rows = generator.choice(len(network.events), real, replace=False)
    random = drawn(network.program, max(0, count - len(hard) - real), generator)
    return generator.permutation(np.concatenate((hard, network.events[rows], random)))


def rated(network: Network, count: int, seed: int) -> Sample:
    """Return background events: those of the largest scores, and a draw of the others by weight."""
    generator = np.random.default_rng([seed, 78])
    parts = (network.background[i : i + 8192] for i in range(0, len(network.background), 8192))
    scores = np.concatenate([trace(network.program, part)[SCORE][:, 0] for part in parts])
    order = np.argsort(-scores, kind="stable")
    top, rest = order[: count // TOP], order[count // TOP :]
    some = rest if len(rest) <= count else generator.choice(
        rest, count - len(top), replace=False
    )  # fmt: skip
    weight = np.concatenate((np.ones(len(top)), np.full(len(some), len(rest) / max(1, len(some)))))
    return Sample(network.background[np.concatenate((top, some))], weight, len(order))
