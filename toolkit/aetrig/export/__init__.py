"""The trained network to QONNX, the contract, and to plain ONNX for onnxruntime."""
