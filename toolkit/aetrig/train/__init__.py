"""Float and quantization-aware training, calibration, pruning, checkpoints."""

from aetrig.train.load import load_float, load_quantized, load_scaling
from aetrig.train.qat import TrainResult, qat

__all__ = ["TrainResult", "load_float", "load_quantized", "load_scaling", "qat"]
