"""What of a run the back ends lower, the trigger where it has one, and the events it comes with."""

from __future__ import annotations

from aetrig.data import vectors
from aetrig.errors import UserError
from aetrig.program.evaluate import check_input
from aetrig.program.model import Program
from aetrig.program.read import read
from aetrig.run import Run, sha256

NETWORK, TRIGGER = "model.qonnx.onnx", "trigger.qonnx.onnx"
VECTORS = vectors.FILE


def contract(run: Run) -> str:
    """Return the file's name; raises UserError where the run has no exported network."""
    run.need(NETWORK, "export-onnx")
    return TRIGGER if (run / TRIGGER).exists() else NETWORK


def load(run: Run) -> Program:
    """Return the run's Program, with its trigger where one was set.

    Raises UserError where the trigger belongs to another network than the run's.
    """
    program = read(run / contract(run))
    if program.trigger is not None and program.trigger.network != sha256(run / NETWORK):
        raise UserError(
            f"{run / TRIGGER} was set for another network than {NETWORK} (SHA-256 "
            f"{program.trigger.network[:12]}); set it again: aetrig threshold --force"
        )
    return program


def events(run: Run, program: Program) -> vectors.Vectors:
    """Return the run's validation events; raises UserError where one is not for the Program."""
    found = vectors.load(run.need(VECTORS, "qat"))
    check_input(program, found.x, str(run / VECTORS))
    return found
