"""One route from a QONNX file, in a process of its own: `lowering_route.py ROUTE QONNX FOLDER`.

Routes: csim, rtl and emulator are aetrig's; hls4ml is what its documentation shows.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aetrig.program.model import Program


def csim(qonnx: Path, folder: Path) -> None:
    """Write and check an hls4ml project, and compile it."""
    from aetrig.config.model import Hls
    from aetrig.hls.compile import compiled
    from aetrig.hls.generate import generate
    from aetrig.program.probe import smoke_vectors

    program = _network(qonnx)
    x = smoke_vectors(program, _zeros(program))
    generate(qonnx, program, Hls(), folder / "hls", folder / "hls.log", x)
    compiled(folder / "hls")


def rtl(qonnx: Path, folder: Path) -> None:
    """Search the pipeline and write its Verilog."""
    from aetrig.config.model import Rtl
    from aetrig.rtl.pipeline import search
    from aetrig.rtl.project import write

    program, options = _network(qonnx), Rtl()
    found = search(program, options.clock_ns, options.stage_delay)
    write(folder / "rtl", program, found[-1], options)


def emulator(qonnx: Path, folder: Path) -> None:
    """Write the library and compile it."""
    from aetrig.emulator.build import build_library
    from aetrig.emulator.folder import Name, write_folder

    program, name = _network(qonnx), Name("bench", 1)
    write_folder(program, name, _zeros(program), folder / "emulator")
    build_library(folder / "emulator", name.prefix)


def hls4ml(qonnx: Path, folder: Path) -> None:
    """Convert by hls4ml's own front end and compile."""
    from hls4ml.converters import convert_from_onnx_model
    from hls4ml.utils import config_from_onnx_model
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(str(qonnx)))
    model = cleanup_model(model.transform(GemmToMatMul()))
    # wide by default: with 16 bits the input wraps before it saturates, and thousands differ
    config = config_from_onnx_model(
        model, granularity="name", default_precision="fixed<32,16>", backend="Vitis"
    )
    converted = convert_from_onnx_model(
        model, hls_config=config, output_dir=str(folder / "hls4ml"), backend="Vitis",
        io_type="io_parallel",
    )  # fmt: skip
    converted.compile()
    if (folder / "x.npy").exists():
        import numpy as np

        np.save(folder / "hls4ml.npy", converted.predict(np.load(folder / "x.npy")))


def _network(qonnx: Path) -> Program:
    from aetrig.program.read import read

    return replace(read(qonnx), trigger=None)


def _zeros(program: Program) -> Any:
    import numpy as np

    return np.zeros((100, program.features), np.int64)


if __name__ == "__main__":
    routes = {"csim": csim, "rtl": rtl, "emulator": emulator, "hls4ml": hls4ml}
    routes[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
