"""Parameters become configs that hold, wherever in the space they are."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetrig import config as configuration
from aetrig.config.model import RunConfig
from aetrig.config.search import SearchSpace
from aetrig.errors import UserError
from aetrig.nets.formats import tensor_formats
from aetrig.search.space import configured, kinds, read, scores, starts, suggest
from search.small import config

WIDE = SearchSpace(hidden_layers=(0, 3), sparsity=(0.0, 0.9))


def drawn(seed: int, space: SearchSpace, base: RunConfig) -> dict[str, object]:
    sampler = optuna.samplers.RandomSampler(seed=seed)
    return suggest(optuna.create_study(sampler=sampler).ask(), space, base)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_draw_is_a_config_that_yaml_keeps(seed: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    base = config()
    parameters = drawn(seed, WIDE, base)
    made = configured(base, parameters, "trial")
    formats = tensor_formats(6, made.net, made.quant)
    assert len(made.net.encoder) == parameters["hidden_layers"] + 1
    assert formats["input_quant"].bits == parameters["input_bits"]
    assert formats[f"{made.net.decoder_names[-1]}_quant"].bits == parameters["output_bits"]
    for layer in made.net.layer_names():
        weights, activations = kinds(made.net, layer)
        assert formats[f"{layer}_weight"].bits == parameters[f"weight_bits_{weights}"]
        if activations:
            bits = formats[f"{layer}_quant"].bits
            assert bits == parameters[f"activation_bits_{activations}"]
    assert made.trigger.score == parameters["score"]


@pytest.mark.parametrize(
    "groups",
    [
        {"net": {"encoder": [6, 2], "variational": True}, "trigger": {"score": "latent"}},
        {"net": {"encoder": [6, 2], "embedding": [4]}, "trigger": {"score": "embedding"}},
        {"net": {"encoder": [6, 4, 2], "activation": "tanh", "residual": True}},
        {"net": {"encoder": [9, 8, 7, 6, 5, 4, 3], "batch_norm": True}},
        {"net": {"encoder": [2], "decoder": [3, 3]}},
    ],
)
def test_every_kind_of_network_can_be_searched(groups: dict[str, object]) -> None:
    base = config(**groups)
    begun = starts(WIDE, base)
    assert len(begun) == len({str(parameters) for parameters in begun}) > 1
    for seed in range(5):
        configured(base, drawn(seed, WIDE, base), "trial")
    for parameters in begun:
        assert configured(base, parameters, "trial").trigger.score in scores(WIDE, base)


def test_the_config_itself_is_among_the_first() -> None:
    base = configuration.load(Path("configs/l1-trigger.yaml"))
    own_trial = configured(base, starts(SearchSpace(), base)[-1], base.name)
    assert (own_trial.net.encoder, own_trial.train.pruning.sparsity) == (base.net.encoder, 0.66)
    own, same = (tensor_formats(57, made.net, made.quant) for made in (base, own_trial))
    assert own == same


def test_starts_are_moved_into_the_space() -> None:
    narrow = SearchSpace(width=(4, 6), weight_bits=(3, 4), rounding=("FLOOR",), seeds=(9,))
    for parameters in starts(narrow, config()):
        assert 4 <= parameters["width_0"] <= 6
        assert {parameters[f"weight_bits_{kind}"] for kind in ("first", "last")} <= {3, 4}
        assert (parameters["rounding"], parameters["seed"]) == ("FLOOR", 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width: [9, 3]", "'width': a range goes from low to high"),
        ("widht: [3, 9]", r"'widht'; did you mean 'width'"),
        ("weight_bits: [0, 4]", "'weight_bits.0'"),
        ("rounding: []", "'rounding'"),
        ("seeds: [1, 1]", "twice"),
        ("width: [3", "not valid YAML"),
        ("- 3", "expected keys and values, found list"),
    ],
)
def test_a_bad_space_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "absent.yaml")
