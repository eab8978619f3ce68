"""A trained network from its run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.data.scaling import InputScaling
from aetrig.errors import UserError
from aetrig.nets import FloatAutoencoder, QuantAutoencoder, tensor_formats
from aetrig.run import Run
from aetrig.train import checkpoint

Net = TypeVar("Net", bound=nn.Module)
MADE_BY = "qat"
SCALING = "scaling.json"


def load_scaling(run: Run) -> InputScaling:
    """Read scaling.json; raise UserError where it is missing or not a scaling."""
    path = run.need(SCALING, MADE_BY)
    try:
        return InputScaling.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); train again") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


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
    exponents = content["exponents"]
    if not isinstance(exponents, dict) or set(exponents) != set(wanted):
        raise UserError(f"{path}: its layers are not those of the run's config.yaml; train again")
    net = QuantAutoencoder(len(scaling.names), config.net, config.quant, scaling, exponents)
    return _filled(net, content, path)


def _filled(net: Net, content: dict[str, Any], path: Path) -> Net:
    try:
        net.load_state_dict(content["weights"])
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: does not fit the run's config.yaml ({reason})") from error
    return net.eval()
