"""A network that was trained elsewhere: read, refused by name or brought into a run of its own."""

SOURCE = "imported.qonnx.onnx"  # as it was brought
RECORD = "import.json"  # in the runs of imported networks, and in no others
