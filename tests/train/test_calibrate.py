"""Exponents against brute force over many more candidates."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aetrig.config.model import Network, Quantization, Scaling
from aetrig.data.scaling import fit_scaling
from aetrig.nets import FloatAutoencoder, TensorFormat, tensor_formats
from aetrig.train.calibrate import best_exponent, calibrate, dequantized, input_exponent
from train.samples import correlated, dataset

formats = st.builds(
    lambda bits, signed, rounding: TensorFormat(bits, signed, False, rounding),
    st.integers(1, 12),
    st.booleans(),
    st.sampled_from(["ROUND", "FLOOR"]),
)
reals = hnp.arrays(
    np.float64, st.integers(1, 30), elements=st.floats(-1000, 1000, allow_subnormal=False)
)


def error(values: np.ndarray, form: TensorFormat, exponent: int) -> float:
    return float(np.mean((dequantized(values, form, exponent) - values) ** 2))


@settings(max_examples=150, deadline=None)
@given(values=reals, form=formats)
def test_no_power_of_two_has_less_error(values: np.ndarray, form: TensorFormat) -> None:
    values = np.round(values, 3)
    chosen = error(values, form, best_exponent(values, form))
    assert chosen == min(error(values, form, exponent) for exponent in range(-40, 41))


@settings(max_examples=100, deadline=None)
@given(values=reals, form=formats, exponent=st.integers(-8, 8))
def test_dequantized_values_are_the_nearest_or_next_lower(values, form, exponent) -> None:  # type: ignore[no-untyped-def]
    step = 2.0**exponent
    grid = step * np.arange(form.low, form.high + 1)
    found = dequantized(values, form, exponent)
    for value, result in zip(values, found, strict=True):
        assert result in grid
        inside = np.clip(value, grid[0], grid[-1])
        if form.rounding == "ROUND":
            assert abs(result - inside) == np.abs(grid - inside).min()
        else:
            assert result == grid[grid <= inside].max()


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(np.int32, st.integers(5, 60), elements=st.integers(-2000, 2000)),
    bits=st.integers(2, 12),
    rounding=st.sampled_from(["ROUND", "FLOOR"]),
    saturation=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_input_exponent_is_the_finest_that_saturates_little(
    values, bits, rounding, saturation
) -> None:  # type: ignore[no-untyped-def]
    form = TensorFormat(bits, True, False, rounding)
    data = dataset(values[:, None])
    scaling = fit_scaling(dataset(correlated(50)[:, :1]), np.arange(50), Scaling())
    numbers = np.ldexp((values - scaling.offset).astype(np.float64), -int(scaling.shift[0]))

    def share(exponent: int) -> float:
        steps = np.ldexp(numbers, -exponent)
        rounded = np.rint(steps) if rounding == "ROUND" else np.floor(steps)
        return float(np.mean((rounded < form.low) | (rounded > form.high)))

    chosen = input_exponent(data, scaling, form, saturation)
    assert share(chosen) <= saturation
    if share(chosen - 40) > saturation:  # else: (nearly) all zeros, and no scale saturates
        assert share(chosen - 1) > saturation


def test_padding_does_not_count_as_unsaturated() -> None:
    x = np.zeros((1000, 2), dtype=np.int32)
    x[:20] = 100  # the object is there in 2 % of events
    x[:2] = 2000  # and large in a tenth of those
    data = dataset(x)
    features = tuple(dataclasses.replace(feature, presence=0) for feature in data.features)
    padded = dataclasses.replace(data, features=features)
    scaling = dataclasses.replace(
        fit_scaling(data, np.arange(1000), Scaling(center="zero")), shift=np.zeros(2, dtype=int)
    )
    form = TensorFormat(8, True, False, "ROUND")
    assert input_exponent(padded, scaling, form, 0.05) == 4  # 2000 < 127.5 * 2**4: none saturates
    assert input_exponent(padded, scaling, form, 0.10) == 0  # a tenth of the present ones may
    assert input_exponent(data, scaling, form, 0.05) < 0  # over all entries, zeros included


@pytest.mark.parametrize("bits", [1, 2, 8, 12])
def test_calibration_names_every_tensor(bits: int) -> None:
    data = dataset(correlated(400))
    network = Network(encoder=(8, 3))
    quant = Quantization(
        weight_bits=bits, activation_bits=bits, input_bits=bits, output_bits=bits, rounding="FLOOR"
    )
    scaling = fit_scaling(data, np.arange(400), Scaling())
    net = FloatAutoencoder(6, network, scaling)
    exponents = calibrate(net, data, network, quant, scaling)
    assert set(exponents) == set(tensor_formats(6, network, quant))
    assert all(isinstance(value, int) for value in exponents.values())
    weight = net.layer("encoder_0").weight.detach().double().numpy()
    form = tensor_formats(6, network, quant)["encoder_0_weight"]
    best = min(error(weight, form, exponent) for exponent in range(-40, 41))
    assert error(weight, form, exponents["encoder_0_weight"]) == best
