"""A trained network from its run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.data.scaling import InputScaling
from aetrig.errors import UserError
from aetrig.nets import FloatAutoencoder, QuantAutoencoder, tensor_formats
from aetrig.reading import read_json
from aetrig.records import Scaling
from aetrig.run import Run
from aetrig.train import checkpoint

Net = TypeVar("Net", bound=nn.Module)
MADE_BY = "qat"
SCALING = "scaling.json"
MOST_EXPONENT = 64  # of a scale, which are powers of two


def load_scaling(run: Run) -> InputScaling:
    """Read scaling.json; raise UserError where it is missing or not a scaling."""
    path = run.need(SCALING, MADE_BY)
    try:
        return InputScaling.from_json(read_json(path, Scaling, "train again"))
    except UserError as error:
        told = str(error)
        raise UserError(told if str(path) in told else f"{path}: {told}") from error


def load_config(run: Run) -> RunConfig:
    """Read the run's resolved config.yaml."""
    return configuration.load(run.need("config.yaml", MADE_BY))


def load_float(run: Run) -> FloatAutoencoder:
    """Return the float network with its best weights, on the CPU, ready for evaluation.

    Raises UserError where config, scaling or checkpoint is missing, damaged or of another run.
    """
    path = run.need(checkpoint.FLOAT, MADE_BY)
    content = checkpoint.load(path, "float", ("weights",))
    scaling = load_scaling(run)
    net = FloatAutoencoder(len(scaling.names), load_config(run).net, scaling)
    return _filled(net, content, path)


def load_quantized(run: Run) -> QuantAutoencoder:
    """Return the quantized network with its best weights, on the CPU, ready for evaluation.

    Raises UserError where config, scaling or checkpoint is missing, damaged or of another run.
    """
    path = run.need(checkpoint.QAT, MADE_BY)
    content = checkpoint.load(path, "qat", ("weights", "exponents"))
    scaling, config = load_scaling(run), load_config(run)
    wanted = tensor_formats(len(scaling.names), config.net, config.quant)
    exponents = checkpoint.require_exponents(content["exponents"], wanted, path)
    for name, exponent in exponents.items():
        if type(exponent) is not int or abs(exponent) > MOST_EXPONENT:
            raise UserError(f"{path}: '{name}' has the scale 2**{exponent!r}; train again")
    net = QuantAutoencoder(len(scaling.names), config.net, config.quant, scaling, exponents)
    return _filled(net, content, path)


def _filled(net: Net, content: dict[str, Any], path: Path) -> Net:
    checkpoint.fill(net, content["weights"], path)
    return net.eval()
