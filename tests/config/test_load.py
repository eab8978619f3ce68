"""Configs: good ones load, bad ones end in one line that helps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from aetrig.config import RunConfig, dump, load, schema
from aetrig.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]


def test_default_is_the_embedded_sample() -> None:
    config = load(None)
    assert config.data.source == "l1"
    assert config.net.layer_names() == (
        "encoder_0", "encoder_1", "encoder_2", "decoder_0", "decoder_1", "decoder_2",
    )  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda p: p.name
)
def test_documented_configs_load_and_survive_a_round_trip(path: Path, tmp_path: Path) -> None:
    config = load(path)
    again = tmp_path / "again.yaml"
    again.write_text(dump(config))
    assert load(again) == config


def test_l1_config_is_the_default(tmp_path: Path) -> None:
    assert load(REPOSITORY / "configs" / "l1.yaml") == load(None)
    assert load(None).scaling.extra_shift


def test_overrides_reach_nested_keys_and_keep_the_other_defaults() -> None:
    config = load(None, ["train.qat_phase.epochs=3", "net.encoder=[8, 2]", "data.max_events=50"])
    assert config.train.qat_phase.epochs == 3
    assert config.train.qat_phase.learning_rate == RunConfig().train.qat_phase.learning_rate
    assert config.net.encoder == (8, 2)
    assert config.net.hidden_decoder == (8,)
    assert config.data.max_events == 50


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("quant.weight_bit=3", "unknown key 'quant.weight_bit'; did you mean 'weight_bits'?"),
        ("data.sorce=l1", "unknown key 'data.sorce'; did you mean 'source'?"),
        ("train.float_phase.epoch=3", "did you mean 'epochs'?"),
        ("quant.weight_bits=0", "'quant.weight_bits': input should be greater than or equal to 1"),
        ("quant.weight_bits=40", "less than or equal to 16, found 40"),
        ("quant.activation_bits=2.5", "'quant.activation_bits'"),
        ("net.encoder=[]", "'net.encoder': tuple should have at least 1 item"),
        ("net.encoder=[4, 0]", "'net.encoder.1'"),
        ("net.encoder=[4, -2]", "found -2"),
        ("net.encoder=[4, wide]", "found 'wide'"),
        ("quant.layers.encoder_9.weight_bits=3", "names 'encoder_9'; this network has encoder_0"),
        ("data.source=root", "'source' must be l1, jets, adc2021 or table"),
        ("verify.limits.agreement=1.5", "less than or equal to 1"),
        ("train.float_phase.learning_rate=.nan", "finite number"),
        ("name=../elsewhere", "'name'"),
        ("seed", "expected KEY=VALUE"),
        ("seed=[1", "not valid YAML"),
        ("seed.deep=1", "'seed'"),
    ],
)
def test_bad_override_is_one_helpful_line(override: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        load(None, [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"- 1\n- 2\n", "expected keys and values, found list"),
        (b"seed: 1\nseed: 2\n", "line 2: not valid YAML: key 'seed' is given twice"),
        (b"a: &x [1]\nb: *x\n", "aliases"),
        (b"seed: !!python/object/apply:os.system [echo]\n", "not valid YAML"),
        (b"seed: [1\n", "not valid YAML"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"{" * 5000, "not valid YAML|nested too deeply"),
        (b"#" * (1 << 20) + b"\n", "at most 1,048,576 are read"),
    ],
)
def test_bad_file_is_one_helpful_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read .* aetrig config show"):
        load(tmp_path / "none.yaml")


def test_schema_is_json_that_knows_the_keys() -> None:
    properties = json.loads(schema())["properties"]
    assert set(properties) == set(RunConfig.model_fields)


def test_dump_is_plain_yaml() -> None:
    assert (
        yaml.safe_load(dump(RunConfig()))["quant"]["weight_bits"] == RunConfig().quant.weight_bits
    )
