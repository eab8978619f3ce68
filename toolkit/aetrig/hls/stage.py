"""The stage `hls`: QONNX to a firmware project that has equalled the Program in csim."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from aetrig.config.model import Hls
from aetrig.data import vectors
from aetrig.errors import CheckFailedError
from aetrig.hls import csim
from aetrig.hls.build import build as run_vendor
from aetrig.hls.build import find_tool
from aetrig.hls.compile import PURPOSE
from aetrig.hls.generate import Plan, generate, plan
from aetrig.hls.report import SynthesisReport
from aetrig.hls.trigger import BACKENDS, has_trigger
from aetrig.program import contract
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import Integers, Program
from aetrig.program.probe import smoke_vectors
from aetrig.run import Run, replacing, write_json
from aetrig.tools import require_gxx

VECTORS, PROJECT, RECORD = "vectors/validation.npz", "hls", "hls.json"
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class HlsResult:
    """What `hls` made, or would make. ``events``: compared in csim, with no differing bit."""

    plan: Plan
    program: Program
    folder: Path
    events: int
    written: bool
    skipped: bool
    report: SynthesisReport | None

    def tables(self) -> list[Table]:
        """Return (title, columns, rows): the types of a dry run's layers, the vendor's report."""
        tables: list[Table] = []
        if not self.written:
            rows = [
                [layer.name, layer.output, role, str(kind)]
                for layer in self.plan.layers
                for role, kind in layer.types().items()
            ]
            tables.append(("Layers", ["layer", "gives", "type of", "is"], rows))
        if self.report is not None:
            tables.append(("Vendor's synthesis estimate", ["quantity", "value"], self._estimate()))
        return tables

    def summary(self) -> str:
        """Return one line."""
        options = self.plan.options
        what = (
            f"{options.backend} project for {self.plan.part.name}, strategy {options.strategy}, "
            f"reuse {options.reuse_factor}, {options.clock_ns:g} ns"
        )
        if not self.written:
            return f"dry run: {what} would be written to {self.folder}; nothing was"
        if self.skipped:
            return f"{self.folder} is up to date: {what}"
        adjusted = self.plan.adjusted_reuse()
        if adjusted:
            factors = ", ".join(f"{name} {factor}" for name, factor in adjusted.items())
            what += f" (nearest valid: {factors})"
        what += self._top()
        return f"{self.folder}: {what}; csim equals the Program in all of {self.events} events"

    def _top(self) -> str:
        """Say what the top function is, where a trigger was set."""
        if self.program.trigger is None:
            return ""
        if has_trigger(self.program, self.plan.options.backend):
            return ", top: the trigger"
        return f", top: the network alone (the trigger's is for {' and '.join(BACKENDS)})"

    def _estimate(self) -> list[list[str]]:
        report = self.report
        if report is None:
            return []
        rows = [
            ["latency", f"{report.latency_best} to {report.latency_worst} cycles"],
            ["interval", f"{report.interval_min} to {report.interval_max} cycles"],
            ["clock", f"{report.clock_estimated_ns:g} ns of {report.clock_target_ns:g}"],
        ]
        return rows + [
            [name, f"{used} of {report.available.get(name, 'unknown')}"]
            for name, used in report.used.items()
        ]


def hls(
    run: Run, options: Hls, *, build: bool = False, dry_run: bool = False, force: bool = False
) -> HlsResult:
    """Write ``hls/`` and ``hls.json``, compile the project and compare csim with the Program.

    Raises UserError for bad options or a missing stage before, MissingToolError without g++ (or
    without the vendor's tool, with ``build``), CheckFailedError naming the layer where csim and
    Program differ in a bit.
    """
    program, qonnx = contract.load(run), contract.contract(run)
    run.need(VECTORS, "qat")
    planned = plan(program, options)
    folder = run / PROJECT
    if dry_run:
        return HlsResult(planned, program, folder, 0, written=False, skipped=False, report=None)
    require_gxx(PURPOSE)
    if build:
        find_tool(options.backend)
    chosen = options.model_dump() | {"hls4ml": version("hls4ml")}
    inputs = [qonnx, VECTORS]
    due = run.begin("hls", [PROJECT, RECORD], inputs, chosen, force=force)
    events = _make(run, qonnx, program, planned) if due else 0
    if due:
        run.record("hls", [PROJECT, RECORD], inputs, chosen)
    report = None
    if build:
        report = run_vendor(folder, options.backend, run / "logs" / "hls-build.log")
        # the vendor's tool writes into the project: what it left is part of it now
        run.record("hls", [PROJECT, RECORD], inputs, chosen)
    return HlsResult(planned, program, folder, events, written=True, skipped=not due, report=report)


def _make(run: Run, qonnx: str, program: Program, planned: Plan) -> int:
    """Generate, compile and compare beside the old project; return the events compared."""
    x = smoke_vectors(program, vectors.load(run / VECTORS).x.astype(np.int64))
    folder = run / PROJECT
    with replacing(folder) as temporary:
        generate(run / qonnx, program, planned.options, temporary, run / "logs" / "hls.log", x)
        _smoke(program, temporary, x)
    write_json(run / RECORD, _record(planned, program, folder, len(x)))
    return len(x)


def _smoke(program: Program, project: Path, x: Integers) -> None:
    found = csim.load(project, program).trace(x)
    different = first_difference(trace(program, x), found)
    if different is not None:
        raise CheckFailedError(f"Program and csim differ: {different}")


def _record(planned: Plan, program: Program, folder: Path, events: int) -> dict[str, Any]:
    files = sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".so"
    )
    return {
        **planned.options.model_dump(),
        "part": planned.part.name,
        "part_resources": {
            name: getattr(planned.part, name) for name in ("lut", "ff", "dsp", "bram36")
        },
        "hls4ml": version("hls4ml"),
        "qonnx_sha256": program.digest,
        "trigger": has_trigger(program, planned.options.backend),
        "csim_events": events,
        "csim_differing_values": 0,
        "reuse": planned.reuse,
        "types": {
            layer.name: {role: str(kind) for role, kind in layer.types().items()}
            for layer in planned.layers
        },
        "files": files,
    }
