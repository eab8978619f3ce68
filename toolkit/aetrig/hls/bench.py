"""Events for the vendor's test bench, with the Program's results, as hls4ml's bench reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aetrig.hls.trigger import hexadecimal
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program

FOLDER = "tb_data"
EVENTS = 200


def write_vectors(project: Path, program: Program, x: Integers, *, trigger: bool) -> None:
    """Write the first of x (events, features) and what the top function must give for them.

    A line an event: the network's numbers, or score and accept bits where the trigger is the top.
    """
    x = x[:EVENTS]
    values = trace(program, x)
    if trigger:
        results = np.concatenate([values[SCORE], values[ACCEPT]], axis=1)
    else:
        output = values[program.operations[-1].name].astype(np.float64)
        results = np.ldexp(output, program.output_format.exponent)
    folder = project / FOLDER
    folder.mkdir(exist_ok=True)
    if trigger:  # of which network these vectors are
        (folder / "tb_network_digest.dat").write_text(f"{hexadecimal(program)}\n", "utf-8")
    for name, rows in (("tb_input_features", x), ("tb_output_predictions", results)):
        lines = [" ".join(map(repr, row)) for row in rows.tolist()]
        (folder / f"{name}.dat").write_text("\n".join(lines) + "\n", encoding="utf-8")
