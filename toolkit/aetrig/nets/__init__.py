"""Float and quantized twins of the autoencoder."""

from aetrig.nets.float_net import FloatAutoencoder
from aetrig.nets.fold import folded_parameters
from aetrig.nets.formats import TensorFormat, tensor_formats
from aetrig.nets.integers import trace_integers
from aetrig.nets.quant_net import QuantAutoencoder
from aetrig.nets.second import SecondAutoencoder

__all__ = [
    "FloatAutoencoder",
    "QuantAutoencoder",
    "SecondAutoencoder",
    "TensorFormat",
    "folded_parameters",
    "tensor_formats",
    "trace_integers",
]
