"""The child process that runs hls4ml: ``python -m aetrig.hls.worker QONNX FOLDER OPTIONS``.

hls4ml prints a great deal, changes directories and swallows exit codes, so it gets a process, a
log file and a working directory of its own; what it wrote is checked afterwards, by the parent.

The layers are handed to hls4ml as a list, made from the Program, rather than as the QONNX file:
hls4ml's own reading of QONNX infers accumulator widths from type widths (33 bits where the exact
range needs 16), takes the input scaling's types from a default, and renames layers.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import hls4ml
import numpy as np
from hls4ml.backends import VivadoAcceleratorConfig
from hls4ml.model.graph import ModelGraph
from hls4ml.writer.vivado_accelerator_writer import VivadoAcceleratorWriter

from aetrig.files import NO_ROOM
from aetrig.hls.precision import Constant, Layer, layers
from aetrig.program.read import read

PROJECT, BOARDS = "myproject", "VivadoAccelerator"
# hls4ml wants a default; this one holds nothing, so that any use of it shows
NO_DEFAULT = "fixed<1,1>"
_STAMP = re.compile(r"^(LIB_STAMP=|Stamp: ).*$", re.MULTILINE)


def _values(constant: Constant) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a constant's numbers; exact, as its integers have at most 53 bits."""
    return np.ldexp(constant.values.astype(np.float64), constant.type.exponent)


def _description(layer: Layer, before: Layer | None, names: dict[str, str]) -> dict[str, Any]:
    """Return one entry of hls4ml's layer list. ``names``: of the layers, by their results."""
    width_before = 0 if before is None else before.width
    data = {f"{role}_data": _values(constant) for role, constant in layer.constants.items()}
    match layer.kind:
        case "input":
            return {
                "class_name": "InputLayer",
                "name": layer.name,
                "input_shape": [layer.width],
            }
        case "scale":
            kind = {"class_name": "BatchNormalization", "n_in": layer.width, "n_filt": -1}
        case "dense":
            kind = {"class_name": "Dense", "n_in": width_before, "n_out": layer.width}
        case "add" if before is not None and layer.second is not None:
            inputs = [before.name, names[layer.second]]
            kind = {"class_name": "Merge", "op": "add", "inputs": inputs}
        case "table":
            kind = {"class_name": "UnaryLUT", "activation": "unary_lut", "n_in": layer.width}
        case "relu" | "linear":
            kind = {
                "class_name": "Activation",
                "activation": layer.kind,
                "n_in": layer.width,
            }
    return {"name": layer.name} | kind | data


def _settings(lowered: tuple[Layer, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return hls4ml's configuration: every type, strategy and reuse factor by layer."""
    distributed = options["strategy"] == "distributed_arithmetic"

    def choices(layer: Layer) -> dict[str, Any]:
        # distributed arithmetic is a way to multiply by a matrix; hls4ml refuses it elsewhere
        strategy = "latency" if distributed and layer.kind != "dense" else options["strategy"]
        found = {"Strategy": strategy, "ReuseFactor": options["reuse"][layer.name]}
        # hls4ml takes a table's type from here, and not from "Precision"
        types = {f"{role}_t": str(kind) for role, kind in layer.types().items() if role == "table"}
        return found | types

    return {
        "Model": {
            "Precision": {"default": NO_DEFAULT},
            "Strategy": "latency" if distributed else options["strategy"],
            "ReuseFactor": options["reuse_factor"],
        },
        "LayerName": {
            layer.name: {
                "Precision": {role: str(kind) for role, kind in layer.types().items()},
                # hls4ml prints every layer's values into its trace when asked at run time
                "Trace": layer.kind != "input",
            }
            | choices(layer)
            for layer in lowered
        },
    }


def convert(qonnx: Path, folder: Path, options: dict[str, Any]) -> None:
    """Write the hls4ml project for a QONNX file into ``folder``, relative to here."""
    lowered = layers(read(qonnx))
    given: dict[str, Any] = {
        "part": options["part"],
        "clock_period": options["clock_ns"],
        "io_type": "io_parallel",
    }
    backend = options["backend"]
    # a trigger has a top of its own, which hls4ml's wrapper for boards (one output) is not for
    own_top = backend == BOARDS and options["trigger"]
    if backend == BOARDS:
        given["board"] = options["board"]
    config = hls4ml.utils.config.create_config(
        output_dir=str(folder), project_name=PROJECT, backend=backend, **given
    )
    if own_top:
        config["Backend"] = "Vivado"
    config["TraceOutput"] = True
    config["HLSConfig"] = _settings(lowered, options)
    names = {layer.output: layer.name for layer in lowered}
    described = [
        _description(layer, before, names)
        for layer, before in zip(lowered, (None, *lowered), strict=False)
    ]
    model = ModelGraph.from_layer_list(config, described, outputs=options["outputs"])
    model.write()
    if own_top:
        _add_board(model)
    _unstamp(folder)


def _add_board(model: ModelGraph) -> None:
    """Add hls4ml's files for a board, but its wrapper, to a project of the backend Vivado."""
    writer = VivadoAcceleratorWriter()
    writer.vivado_accelerator_config = VivadoAcceleratorConfig(
        model.config, model.get_input_variables(), model.get_output_variables()[-1:]
    )
    writer.write_board_script(model)
    writer.write_driver(model)
    writer.modify_build_script(model)


def _unstamp(folder: Path) -> None:
    """Take out hls4ml's random stamp: the same network gives the same files."""
    for name in ("build_lib.sh", "hls4ml_config.yml"):
        path = folder / name
        text = path.read_text(encoding="utf-8")
        path.write_text(_STAMP.sub(r"\g<1>aetrig", text), encoding="utf-8")


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
        sys.stdout.flush()
    except OSError as failed:
        # the log has no room to say it either; shutil.Error tells the code in its text alone
        for code in NO_ROOM:
            if f"[Errno {code}]" in str(failed):
                os._exit(code)  # sys.exit would flush what was printed, fail, and end with 120
        raise
