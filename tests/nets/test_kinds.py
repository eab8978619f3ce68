"""Which kinds of network and score go together, in one line each; names of their layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from aetrig.config.load import load
from aetrig.config.model import Network
from aetrig.errors import UserError

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["net.variational=true", "net.embedding=[4]", "trigger.score=embedding"],
            "'variational' and 'embedding' exclude one another",
        ),
        (["trigger.score=embedding"], "trigger.score is embedding and the network has none"),
        (["net.embedding=[4]"], "trigger.score is mse, which net.embedding does not serve"),
        (
            ["net.embedding=[4]", "trigger.score=latent"],
            "trigger.score is latent, which net.embedding does not serve",
        ),
        (["net.embedding=[]", "trigger.score=embedding"], "net.embedding"),
        (
            [
                "net.embedding=[4]",
                "trigger.score=embedding",
                "quant.layers.embedding_1.activation_bits=4",
            ],
            "ends with the bits of encoder_2",
        ),
        (
            [
                "net.embedding=[4]",
                "trigger.score=embedding",
                "quant.layers.embedding_2.weight_bits=4",
            ],
            "quant.layers names 'embedding_2'; this network has encoder_0,",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(None, overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_deployed_and_trained_layers() -> None:
    plain = Network(encoder=(4, 2))
    assert plain.layer_names() == ("encoder_0", "encoder_1", "decoder_0", "decoder_1")
    assert plain.training_names() == plain.layer_names()
    variational = Network(encoder=(4, 2), variational=True)
    assert variational.training_names() == plain.layer_names()
    second = Network(encoder=(4, 2), embedding=(5,))
    assert second.layer_names() == ("encoder_0", "encoder_1", "embedding_0", "embedding_1")
    assert second.training_names() == (*plain.layer_names(), "embedding_0", "embedding_1")


def test_documented_configs() -> None:
    variational, second = load(CONFIGS / "l1-vae.yaml"), load(CONFIGS / "l1-embedding.yaml")
    assert (variational.trigger.score, variational.net.variational) == ("latent", True)
    assert (second.trigger.score, second.net.embedding) == ("embedding", (3,))
    assert second.scaling == load(CONFIGS / "l1.yaml").scaling
