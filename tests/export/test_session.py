"""The onnxruntime session: integers in, integers out, and one line for what it cannot run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from aetrig.errors import UserError
from aetrig.export.plain import to_plain
from aetrig.export.session import BATCH, layer_integers, open_session, output_integers, run
from aetrig.program import Affine, Format, Program, Quantize, Relu, Rescale, evaluate, trace
from program.strategies import vectors


def network(weight_bits: int, bits: int = 8, width: int = 6) -> Program:
    rng = np.random.default_rng(weight_bits)
    weight = Format(weight_bits, True, -2)
    values = rng.integers(weight.low, weight.high + 1, (2, width, width))
    bias = rng.integers(-50, 50, (2, width))
    return Program(
        (Format(12, True, 0),) * width,
        (
            Rescale("input_scale", np.arange(width), np.arange(width) % 4),
            Quantize("input_quant", Format(bits, True, 1), "ROUND"),
            Affine("encoder_0", values[0], weight, bias[0]),
            Relu("encoder_0_relu"),
            Quantize("encoder_0_quant", Format(bits, False, weight_bits), "FLOOR"),
            Affine("decoder_0", values[1], weight, bias[1]),
            Quantize("decoder_0_quant", Format(bits, True, 2 * weight_bits), "ROUND"),
        ),
        digest="",
    )


@pytest.mark.parametrize(
    ("weight_bits", "bits", "kernel"), [(6, 8, "int8"), (8, 8, "float32"), (14, 14, "float64")]
)
def test_integers_of_every_layer_are_the_programs(
    weight_bits: int, bits: int, kernel: str, tmp_path: Path
) -> None:
    program = network(weight_bits, bits)
    model = to_plain(program)
    assert {item.key: item.value for item in model.metadata_props}["aetrig.kernel"] == kernel
    onnx.save(model, tmp_path / "model.onnx")
    x = vectors(program, 100)
    found = layer_integers(tmp_path / "model.onnx", x)
    assert list(found) == ["input_quant", "encoder_0_quant", "decoder_0_quant"]
    reference = trace(program, x)
    for name, values in found.items():
        np.testing.assert_array_equal(values, reference[name], err_msg=name)


@pytest.mark.parametrize("events", [0, 1, BATCH, BATCH + 1])
@pytest.mark.parametrize("threads", [1, 2])
def test_batches_and_threads_change_nothing(events: int, threads: int) -> None:
    program = network(6)
    x = vectors(program, BATCH)[:events]
    session = open_session(to_plain(program), threads=threads)
    found = output_integers(session, x, program.output_format.exponent)
    np.testing.assert_array_equal(found, evaluate(program, x))


def test_values_off_the_grid_are_not_rounded_away(tmp_path: Path) -> None:
    program = network(10, 10)  # float32
    model = to_plain(program)
    x = vectors(program, 100)
    with pytest.raises(UserError, match=r"tensor 'y' is off its grid in \d+ of 612 values"):
        output_integers(open_session(model), x, program.output_format.exponent + 6)
    for node in model.graph.node:
        if node.name == "encoder_0_quant_rounded":
            node.op_type = "Identity"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(UserError, match="tensor 'encoder_0_quant' is off its grid"):
        layer_integers(tmp_path / "model.onnx", x)


def test_wrong_number_of_features_is_one_line() -> None:
    with pytest.raises(UserError, match="cannot run the model on 5 features") as caught:
        run(open_session(to_plain(network(6))), np.zeros((3, 5), np.int32))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"garbage" * 9, b"\x08\x08\x12\x03abc"])
def test_damaged_model_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match="export it again") as caught:
        open_session(path)
    assert "\n" not in str(caught.value)


def test_truncated_model_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    whole = to_plain(network(6)).SerializeToString()
    path.write_bytes(whole[: len(whole) // 2])
    for attempt in (open_session, lambda p: layer_integers(p, np.zeros((1, 6), np.int32))):
        with pytest.raises(UserError, match="export it again") as caught:
            attempt(path)
        assert "\n" not in str(caught.value)


def test_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.onnx: cannot be read"):
        open_session(tmp_path / "none.onnx")
