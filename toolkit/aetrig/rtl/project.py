"""A project's folder: alkaid's pipeline, the generated ports, the trigger, its test bench."""

from __future__ import annotations

import re
import shutil
from importlib import resources
from pathlib import Path
from types import ModuleType

from alkaid.codegen import RTLModel

from aetrig.config.model import Rtl
from aetrig.errors import UserError
from aetrig.files import workspace
from aetrig.program.model import Program
from aetrig.rtl import verilog, vhdl
from aetrig.rtl.network import PIPELINE, inputs
from aetrig.rtl.pipeline import Pipeline

LANGUAGES: dict[str, ModuleType] = {"verilog": verilog, "vhdl": vhdl}


def write(folder: Path, program: Program, pipeline: Pipeline, options: Rtl) -> None:
    """Write the sources of a trigger, or of a network alone, into a new folder.

    Raises UserError for a network that no input reaches: there is nothing to pipeline.
    """
    if not inputs(program, pipeline):
        raise UserError(
            "no input reaches the network's output: it gives the same for every event; train it, "
            "or prune less"
        )
    language = LANGUAGES[options.language]
    source, simulation = folder / "src", folder / "sim"
    source.mkdir(parents=True)
    simulation.mkdir()
    _pipeline(pipeline, source, options.language, language.SUFFIX)
    for name, text in language.generated(program, pipeline).items():
        (source / name).write_text(text, encoding="utf-8")
    own = resources.files("aetrig").joinpath("firmware", "rtl")
    for names, target in ((language.TRIGGER, source), (language.BENCH, simulation)):
        for name in names:
            text = own.joinpath(name).read_text(encoding="utf-8")
            (target / name).write_text(text, encoding="utf-8")


def _pipeline(pipeline: Pipeline, source: Path, language: str, suffix: str) -> None:
    """Let alkaid write its modules, and keep those that the pipeline uses."""
    with workspace() as scratch:
        model = RTLModel(
            pipeline.fsm, str(scratch), PIPELINE, flavor=language, print_latency=False,
            ternary_fuse=False,
        )  # fmt: skip
        model.write()
        made = scratch / "src"
        modules = [p for p in sorted(made.glob(f"*.{suffix}")) if p.stem != f"{PIPELINE}_wrapper"]
        library = sorted((made / "static").glob(f"*.{suffix}"))
        text = "\n".join(path.read_text(encoding="utf-8") for path in modules)
        used = [path for path in library if re.search(rf"\b{path.stem}\b", text)]
        for path in (*modules, *used):
            shutil.copy(path, source)
