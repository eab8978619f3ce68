"""Which operators of a foreign network are refused, and what each refusal says."""

from __future__ import annotations

from aetrig.errors import did_you_mean

QUANTIZERS = ("Quant", "BipolarQuant")
ACTIVATIONS = ("Sigmoid", "Tanh", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "Softplus", "Softsign")
SHAPING = ("Identity", "Dropout", "Flatten", "Reshape")
PATH = ("Sub", "Mul", "Div", "Add", "MatMul", "Gemm", "Relu", *ACTIVATIONS, *SHAPING)
# what may stand among constants: scales, bit widths and transposed weights
CONSTANT = (
    "Constant", "Transpose", "Cast", "Squeeze", "Unsqueeze", "Neg", "Abs", "Pow", "Log", "Exp",
    "Ceil", "Floor", "Round", "Min", "Max", "Clip", "Concat",
)  # fmt: skip
LOOKED_UP = ("Gather",)  # of this program's own tables
KNOWN = (*QUANTIZERS, *PATH, *CONSTANT, *LOOKED_UP)

STANDARD = ("", "ai.onnx")
# Brevitas, FINN and QONNX have written the same quantizers under these names
OF_QUANTIZERS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "finn")

_FAMILIES = {
    "convolutions are not supported, only fully-connected layers": (
        "Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv", "MaxPool",
        "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "QuantAvgPool2d", "MaxPoolNHWC",
        "Im2Col",
    ),
    "recurrent layers are not supported, only fully-connected layers": (
        "LSTM", "GRU", "RNN", "Loop", "Scan",
    ),
    "attention and softmax are not supported, only fully-connected layers": (
        "Softmax", "LogSoftmax", "Softmax2d", "Attention", "MultiHeadAttention", "Einsum",
    ),
    "a normalization must be merged into the layer before it ahead of quantization": (
        "BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization",
    ),
    "QCDQ does not express every rounding; export the network with Brevitas' export_qonnx": (
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearMatMul",
        "MatMulInteger", "QGemm",
    ),
    "numbers are fixed-point here; use integer quantizers with power-of-two scales": (
        "FloatQuant", "Trunc", "MultiThreshold",
    ),
}  # fmt: skip
_REASONS = {kind: reason for reason, kinds in _FAMILIES.items() for kind in kinds}


def refusal(kind: str, domain: str) -> str | None:
    """Return why an operator is refused, or None where it is known."""
    if kind in _REASONS:
        return _REASONS[kind]
    domains = OF_QUANTIZERS if kind in QUANTIZERS else STANDARD
    if kind in KNOWN and domain in domains:
        return None
    if kind in KNOWN:
        return f"its domain is '{domain}', expected '{domains[0]}'"
    return f"it is not supported{did_you_mean(kind, KNOWN)}"
