"""Scores and residuals of each stage, from float numbers or from the integers of firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from aetrig.config.model import RunConfig
from aetrig.data.scaling import InputScaling
from aetrig.data.vectors import Vectors
from aetrig.nets.float_net import FloatAutoencoder
from aetrig.physics.score import ScoreKind, divisor, score_floats, score_integers
from aetrig.program.model import SCORE, Program, Trigger
from aetrig.trigger.score import scored
from aetrig.verify.ladder import Kept
from aetrig.verify.performance import Reconstruction
from aetrig.verify.rungs import FIRMWARE, FLOAT, IMPORTED, QAT
from aetrig.verify.stages import Stages

Floats = npt.NDArray[np.float64]
CHUNK = 65536


@dataclass(frozen=True)
class Scoring:
    """Which layers a score compares, and the unit of its integer: 2**exponent / divisor.

    ``reference``: None where ``scored`` is compared with zero; ``output``: the reconstruction of
    the input, None where the network makes none.
    """

    kind: ScoreKind
    reference: str | None
    scored: str
    exponent: int
    divisor: int
    output: str | None

    @property
    def layers(self) -> tuple[str, ...]:
        """Names whose integers are needed."""
        names = (self.reference, self.scored, self.output, SCORE)
        return tuple(dict.fromkeys(name for name in names if name is not None))


def scoring(stages: Stages, config: RunConfig) -> Scoring | None:
    """Return the score of the run's trigger, or the configured one; None without a network."""
    if stages.program is None:
        return _as_trained(stages, config)
    program = stages.trigger if stages.trigger is not None else scored(stages.program, config)
    if program.trigger is None:
        return None
    kind = _kind(program, program.trigger)
    return Scoring(
        kind,
        program.trigger.score.reference,
        program.operations[-1].name,
        program.score_exponent,
        divisor(kind, program.outputs),
        stages.program.operations[-1].name if kind != "embedding" else None,
    )


def _as_trained(stages: Stages, config: RunConfig) -> Scoring | None:
    """Return a reconstruction score where the exported file is not readable."""
    layers, kind = stages.layers(), config.trigger.score
    if not layers or kind not in ("mse", "mae"):
        return None
    return Scoring(kind, layers[0], layers[-1], 0, 1, layers[-1])


def _kind(program: Program, trigger: Trigger) -> ScoreKind:
    """Return the name of a trigger's score."""
    if trigger.score.reference is None:
        return "latent"
    if trigger.score.reference != program.input_quantizer.name:
        return "embedding"
    return "mse" if trigger.score.kind == "square" else "mae"


def reconstructions(
    stages: Stages,
    values: Mapping[str, Mapping[str, Kept]],
    vectors: Vectors,
    scaling: InputScaling,
    how: Scoring,
) -> list[Reconstruction]:
    """Return float first, then QAT (or the network as imported) and the firmware where they ran.

    ``values``: of the ladder on ``vectors``, by stage and quantizer. The firmware is csim, or the
    RTL where there is no csim.
    """
    found = []
    if stages.float_net is not None:
        found.append(_float(stages.float_net, vectors.x, scaling, how))
    shown = [name for name, layers in values.items() if _shows(layers, how)]
    firmware = next((name for name in FIRMWARE if name in shown), None)
    names = [name for name in (QAT, IMPORTED, firmware) if name is not None and name in shown]
    return found + [
        _quantized(stages, name, values[name], vectors.x, scaling, how) for name in names
    ]


def _shows(layers: Mapping[str, Kept], how: Scoring) -> bool:
    """Say whether a stage shows what its score is made of; the RTL of a network alone does not."""
    needed = {name for name in (how.reference, how.scored) if name is not None}
    return SCORE in layers or needed <= set(layers)


def _float(
    net: FloatAutoencoder, x: npt.NDArray[np.int32], scaling: InputScaling, how: Scoring
) -> Reconstruction:
    parts = list(_chunks(net, x, how))
    score = np.concatenate([score for score, _ in parts])
    outputs = [output for _, output in parts if output is not None]
    residual = None
    if outputs:
        residual = np.concatenate(outputs) / scaling.factor + scaling.center - x
    return Reconstruction(FLOAT, score, residual)


def _chunks(
    net: FloatAutoencoder, x: npt.NDArray[np.int32], how: Scoring
) -> Iterator[tuple[Floats, Floats | None]]:
    with torch.no_grad():
        for start in range(0, len(x), CHUNK):
            events = torch.from_numpy(x[start : start + CHUNK].astype(np.float64))
            reference, output = net.score_pair(events, how.kind)
            score = score_floats(
                how.kind,
                None if reference is None else reference.double().numpy(),
                output.double().numpy(),
            )
            yield score, None if how.output is None else net(events).double().numpy()


def _quantized(
    stages: Stages,
    name: str,
    values: Mapping[str, Kept],
    x: npt.NDArray[np.int32],
    scaling: InputScaling,
    how: Scoring,
) -> Reconstruction:
    if SCORE in values:
        total = values[SCORE][:, 0].astype(np.float64)
        score = np.ldexp(total, how.exponent) / how.divisor
    else:
        reference = None if how.reference is None else values[how.reference].astype(np.int64)
        exponents = (stages.exponent(how.reference or how.scored), stages.exponent(how.scored))
        scored = values[how.scored].astype(np.int64)
        score = score_integers(how.kind, reference, scored, *(e or 0 for e in exponents))
    residual = None
    if how.output is not None and how.output in values:
        # an exact power of two per feature, so that nothing is rounded here
        steps = np.ldexp(np.float64(1), (stages.exponent(how.output) or 0) + scaling.shift)
        hardware: Floats = values[how.output].astype(np.float64) * steps + scaling.offset
        residual = hardware - x
    return Reconstruction(name, score, residual)
