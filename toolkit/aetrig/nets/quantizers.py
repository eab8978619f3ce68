"""Brevitas quantizers with one constant power-of-two scale a tensor, as hls4ml maps exactly."""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
from brevitas.core.scaling import PowerOfTwoIntScaling
from brevitas.inject.enum import FloatToIntImplType, RestrictValueType, ScalingImplType
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from brevitas.quant.scaled_int import Int32Bias

from aetrig.nets.formats import TensorFormat

# The scales are powers of two when they come in, and constant: Brevitas' own restriction would
# recompute log2, ceil and 2** of every scale at every step.


class _Signed(Int8ActPerTensorFixedPoint):  # type: ignore[misc]
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    scaling_min_val = None
    int_scaling_impl = PowerOfTwoIntScaling


class _Unsigned(Uint8ActPerTensorFixedPoint):  # type: ignore[misc]
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    scaling_min_val = None
    int_scaling_impl = PowerOfTwoIntScaling


class _Weight(Int8WeightPerTensorFixedPoint):  # type: ignore[misc]
    # Brevitas clamps weights with a straight-through gradient, so one that was clipped can return
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    scaling_min_val = None
    int_scaling_impl = PowerOfTwoIntScaling


def scaling_init(form: TensorFormat, exponent: int) -> float:
    """Return Brevitas' constant for the scale 2**exponent: the scale times the integers' span."""
    return float(2.0 ** (exponent + form.bits - int(form.signed)))


def activation(form: TensorFormat, exponent: int, *, relu: bool, tensor: bool) -> Any:
    """Return the quantizer of a layer's output, with its ReLU where it has one.

    ``tensor``: whether the value carries its scale onward, as the next layer's bias needs.
    """
    kind = qnn.QuantReLU if relu else qnn.QuantIdentity
    return kind(
        act_quant=_Signed if form.signed else _Unsigned,
        bit_width=form.bits,
        scaling_init=scaling_init(form, exponent),
        float_to_int_impl_type=FloatToIntImplType[form.rounding],
        return_quant_tensor=tensor,
    )


def affine(inputs: int, outputs: int, form: TensorFormat, exponent: int) -> Any:
    """Return a linear layer with quantized weight, its bias at the accumulator's scale."""
    return qnn.QuantLinear(
        inputs,
        outputs,
        weight_quant=_Weight,
        weight_bit_width=form.bits,
        weight_narrow_range=form.narrow,
        weight_scaling_init=scaling_init(form, exponent),
        bias_quant=Int32Bias,
        return_quant_tensor=True,
    )
