"""Scores and residuals of each stage, from float numbers or from the integers of firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from aetrig.data.scaling import InputScaling
from aetrig.data.vectors import Vectors
from aetrig.nets.float_net import FloatAutoencoder
from aetrig.physics.score import score_floats, score_integers
from aetrig.verify.ladder import Kept
from aetrig.verify.performance import Reconstruction
from aetrig.verify.rungs import CSIM, FLOAT, QAT, Stages

Floats = npt.NDArray[np.float64]
CHUNK = 65536


def reconstructions(
    stages: Stages,
    values: Mapping[str, Mapping[str, Kept]],
    vectors: Vectors,
    scaling: InputScaling,
) -> list[Reconstruction]:
    """Return float first, then QAT and csim where they ran.

    ``values``: of the ladder on ``vectors``, by stage and quantizer.
    """
    found = []
    if stages.float_net is not None:
        found.append(_float(stages.float_net, vectors.x, scaling))
    layers = stages.layers()
    exponents = [stages.exponent(name) for name in (layers[0], layers[-1])] if layers else []
    for name in (QAT, CSIM):
        if name in values and None not in exponents:
            first, last = (values[name][layer] for layer in (layers[0], layers[-1]))
            ex, ey = (exponent or 0 for exponent in exponents)
            found.append(_quantized(name, (first, last), (ex, ey), vectors.x, scaling))
    return found


def _float(
    net: FloatAutoencoder, x: npt.NDArray[np.int32], scaling: InputScaling
) -> Reconstruction:
    normalized, output = (np.concatenate(parts) for parts in zip(*_chunks(net, x), strict=True))
    residual = output / scaling.factor + scaling.center - x
    return Reconstruction(FLOAT, score_floats(normalized, output), residual)


def _chunks(net: FloatAutoencoder, x: npt.NDArray[np.int32]) -> Iterator[tuple[Floats, Floats]]:
    with torch.no_grad():
        for start in range(0, len(x), CHUNK):
            events = torch.from_numpy(x[start : start + CHUNK].astype(np.float64))
            target, output = net.compare(events)
            yield target.double().numpy(), output.double().numpy()


def _quantized(
    name: str,
    integers: tuple[Kept, Kept],
    exponents: tuple[int, int],
    x: npt.NDArray[np.int32],
    scaling: InputScaling,
) -> Reconstruction:
    first, last = (part.astype(np.int64) for part in integers)
    # an exact power of two per feature, so that nothing is rounded here
    steps = np.ldexp(np.float64(1), exponents[1] + scaling.shift)
    hardware: Floats = last.astype(np.float64) * steps + scaling.offset
    return Reconstruction(name, score_integers(first, last, *exponents), hardware - x)
