"""From parameters to a config: what a trial varies, and where a search begins.

Every parameter is there in every trial, used or not: the second width of a network with one
hidden layer does nothing. So the samplers see one space, and can model parameters jointly.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aetrig.config.load import MAX_BYTES, parse
from aetrig.config.model import Network, RunConfig
from aetrig.config.search import SearchSpace
from aetrig.errors import UserError, did_you_mean
from aetrig.reading import read_text, shown

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Parameters = dict[str, Any]
MAX_HIDDEN = 3
# kinds of layers that have bits of their own; a network of two hidden layers has them all
WEIGHTS = ("first", "encoder", "latent", "decoder", "last")
ACTIVATIONS = ("encoder", "latent", "decoder")


def read(path: Path | None) -> SearchSpace:
    """Read a space from YAML, or return the default; raise UserError with one line."""
    if path is None:
        return SearchSpace()
    try:
        content = parse(read_text(path, MAX_BYTES), str(path))
        return SearchSpace.model_validate({} if content is None else content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UserError(f"{path}: {_one_line(first)}") from error


def _one_line(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = list(SearchSpace.model_fields)
        return f"unknown key '{key}'{did_you_mean(key, known) or '; known: ' + ', '.join(known)}"
    if not key:
        return f"expected keys and values, found {type(error['input']).__name__}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "tuple_type":
        message = "a list is expected, of a range [low, high]"
    return f"'{key}': {message[0].lower()}{message[1:]}, found {shown(error['input'])}"


def scores(space: SearchSpace, base: RunConfig) -> tuple[str, ...]:
    """Return the kinds of score to choose from: those that the config's kind of network serves."""
    own = base.trigger.score
    plain = own in ("mse", "mae")
    return space.scores or (("mse", "mae") if plain else (own,))


def suggest(trial: BaseTrial, space: SearchSpace, base: RunConfig) -> Parameters:
    """Ask a sampler for every parameter."""
    found: Parameters = {"hidden_layers": trial.suggest_int("hidden_layers", *space.hidden_layers)}
    for i in range(min(MAX_HIDDEN, space.hidden_layers[1])):
        name = f"width_{i}"
        found[name] = trial.suggest_int(name, *space.width, log=True)
    found["latent"] = trial.suggest_int("latent", *space.latent)
    for kind in WEIGHTS:
        name = f"weight_bits_{kind}"
        found[name] = trial.suggest_int(name, *space.weight_bits)
    for kind in ACTIVATIONS:
        name = f"activation_bits_{kind}"
        found[name] = trial.suggest_int(name, *space.activation_bits)
    found["input_bits"] = trial.suggest_int("input_bits", *space.input_bits)
    found["output_bits"] = trial.suggest_int("output_bits", *space.output_bits)
    found["rounding"] = trial.suggest_categorical("rounding", space.rounding)
    found["sparsity"] = trial.suggest_float("sparsity", *space.sparsity)
    found["score"] = trial.suggest_categorical("score", scores(space, base))
    found["seed"] = trial.suggest_categorical("seed", space.seeds)
    return found


def configured(base: RunConfig, parameters: Parameters, name: str) -> RunConfig:
    """Return the config of a trial: the base with the parameters in place."""
    hidden = [parameters[f"width_{i}"] for i in range(parameters["hidden_layers"])]
    content = base.model_dump(mode="json")
    content |= {"name": name, "seed": parameters["seed"]}
    content["net"] |= {"encoder": [*hidden, parameters["latent"]], "decoder": None}
    net = Network.model_validate(content["net"])
    content["quant"] |= {
        "input_bits": parameters["input_bits"],
        "output_bits": parameters["output_bits"],
        "rounding": parameters["rounding"],
        "layers": dict(_layers(net, parameters)),
    }
    sparsity = round(parameters["sparsity"], 3)
    content["train"] |= {
        "pruning": {"sparsity": sparsity, "scope": "global"},
        "remove_latent": None,
    }
    content["trigger"]["score"] = parameters["score"]
    return RunConfig.model_validate(content)


def _layers(net: Network, parameters: Parameters) -> list[tuple[str, dict[str, int]]]:
    found = []
    for layer in net.training_names():
        weights, activations = kinds(net, layer)
        bits = {"weight_bits": parameters[f"weight_bits_{weights}"]}
        if activations is not None:
            bits["activation_bits"] = parameters[f"activation_bits_{activations}"]
        found.append((layer, bits))
    return found


def kinds(net: Network, layer: str) -> tuple[str, str | None]:
    """Return the kinds of a layer's weights and of its output; None: the output is the network's.

    The second autoencoder of an embedding counts as a decoder, its output as the latent space's.
    """
    if layer == net.encoder_names[-1]:
        return "latent", "latent"
    if layer in net.encoder_names:
        return ("first" if layer == net.encoder_names[0] else "encoder"), "encoder"
    if layer == net.decoder_names[-1]:
        return "last", None
    return "decoder", None if layer in net.embedding_names[-1:] else "decoder"


def starts(space: SearchSpace, base: RunConfig) -> list[Parameters]:
    """Return where a search begins: small networks that round down, then the config's own.

    Widths, bits and sparsities are what hand-made triggers of this kind have; each is moved into
    the space. The quickest to train and lower come first. Two that are then equal are one.
    """
    own = _own(base)
    floor = own | {"rounding": "FLOOR"}
    made = [
        floor | _plain([32], 3, 5, 8, 0.8),
        floor | _plain([16], 3, 5, 7, 0.75),
        floor | _plain([12], 2, 4, 6, 0.7),
        floor | _plain([24], 4, 6, 8, 0.75),
        floor | _plain([32], 3, 7, 9, 0.66),
        floor | _plain([32, 16], 3, 5, 7, 0.85),
        floor | {"sparsity": 0.6},
        own,
    ]
    found: list[Parameters] = []
    for parameters in made:
        inside = _inside(parameters, space, base)
        if inside not in found:
            found.append(inside)
    return found


def _own(base: RunConfig) -> Parameters:
    """Return the parameters that come nearest to the config."""
    net, quant = base.net, base.quant
    hidden = net.encoder[:-1][:MAX_HIDDEN]
    found = _plain(list(hidden), net.encoder[-1], quant.weight_bits, quant.activation_bits, 0.0)
    for layer, own in quant.layers.items():
        weights, activations = kinds(net, layer)
        if own.weight_bits is not None:
            found[f"weight_bits_{weights}"] = own.weight_bits
        if own.activation_bits is not None and activations is not None:
            found[f"activation_bits_{activations}"] = own.activation_bits
    return found | {
        "input_bits": quant.input_bits,
        "output_bits": quant.output_bits,
        "rounding": quant.rounding,
        "sparsity": base.train.pruning.sparsity,
        "score": base.trigger.score,
        "seed": base.seed,
    }


def _plain(
    hidden: list[int], latent: int, weights: int, activations: int, sparsity: float
) -> Parameters:
    padded = [*hidden, *([16] * MAX_HIDDEN)][:MAX_HIDDEN]
    return {
        "hidden_layers": len(hidden),
        **{f"width_{i}": width for i, width in enumerate(padded)},
        "latent": latent,
        **{f"weight_bits_{kind}": weights for kind in WEIGHTS},
        **{f"activation_bits_{kind}": activations for kind in ACTIVATIONS},
        "input_bits": min(activations, 8),
        "output_bits": min(activations, 8),
        "sparsity": sparsity,
    }


def _inside(parameters: Parameters, space: SearchSpace, base: RunConfig) -> Parameters:
    """Move parameters into the space, in the order of `suggest`."""
    return suggest(_Nearest(parameters), space, base)


class _Nearest:
    """Answers like a trial with the allowed value that is nearest to a given one."""

    def __init__(self, given: Parameters) -> None:
        self._given = given

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        del log
        return max(low, min(high, int(self._given[name])))

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return max(low, min(high, float(self._given[name])))

    def suggest_categorical(self, name: str, choices: tuple[Any, ...]) -> Any:
        return self._given[name] if self._given[name] in choices else choices[0]
