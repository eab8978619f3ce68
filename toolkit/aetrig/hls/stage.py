"""The stage `hls`: QONNX to a firmware project that has equalled the Program in csim."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from aetrig.config.model import Hls
from aetrig.errors import CheckFailedError
from aetrig.hls import csim
from aetrig.hls.build import Steps, require_tools
from aetrig.hls.build import build as run_vendor
from aetrig.hls.compile import PURPOSE
from aetrig.hls.generate import Plan, generate, plan
from aetrig.hls.latency import hold_to_budget
from aetrig.hls.needs import needs
from aetrig.hls.reports import Reports, read_reports
from aetrig.hls.trigger import BACKENDS, has_trigger
from aetrig.program import contract
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import Integers, Program
from aetrig.program.probe import smoke_vectors
from aetrig.records import read_record
from aetrig.run import Run, held, replacing, write_json
from aetrig.tools import require_gxx

PROJECT, RECORD = "hls", "hls.json"
NO_FURTHER_STEPS = Steps()
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class HlsResult:
    """What `hls` made, or would make. ``events``: compared in csim, with no differing bit.

    ``reports``: of the vendor's tools, None where they were not run on this project.
    """

    plan: Plan
    program: Program
    folder: Path
    events: int
    written: bool
    skipped: bool
    reports: Reports | None

    def tables(self) -> list[Table]:
        """Return (title, columns, rows): the types of a dry run's layers, the vendor's reports."""
        tables: list[Table] = []
        if not self.written:
            rows = [
                [layer.name, layer.output, role, str(kind)]
                for layer in self.plan.layers
                for role, kind in layer.types().items()
            ]
            tables.append(("Layers", ["layer", "gives", "type of", "is"], rows))
        if self.plan.options.strategy == "resource":
            counted = needs(self.program, self.plan.reuse)
            title = "What the reuse factors ask for: counted, not synthesized"
            columns = ["layer or total", "count", f"of {self.plan.part.name}"]
            tables.append((title, columns, counted.rows(self.plan.part)))
        if self.reports is not None:
            rows = [list(row) for row in self.reports.rows()]
            tables.append(("Vendor's tools", ["quantity", "value", "source"], rows))
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


def hls(
    run: Run,
    options: Hls,
    *,
    build: bool = False,
    steps: Steps = NO_FURTHER_STEPS,
    latency_budget_ns: float | None = None,
    dry_run: bool = False,
    force: bool = False,
) -> HlsResult:
    """Write ``hls/`` and ``hls.json``, compile the project and compare csim with the Program.

    ``build``: run the vendor's C synthesis, and then ``steps``. ``latency_budget_ns``: for what
    its reports say. Raises UserError for bad options or a missing stage before, MissingToolError
    without g++ (or, with ``build``, the vendor's tool), CheckFailedError naming the layer where
    csim and Program differ in a bit, where the vendor's tool fails, or above the budget.
    """
    program, qonnx = contract.load(run), contract.contract(run)
    run.need(contract.VECTORS, "qat")
    planned = plan(program, options)
    if dry_run:
        return HlsResult(
            planned, program, run / PROJECT, 0, written=False, skipped=False, reports=None
        )
    require_gxx(PURPOSE)
    if build:
        require_tools(options.backend, steps)
    with held(run.path):
        return _written(
            run, options, planned, program, qonnx,
            build=build, steps=steps, latency_budget_ns=latency_budget_ns, force=force,
        )  # fmt: skip


def _written(
    run: Run,
    options: Hls,
    planned: Plan,
    program: Program,
    qonnx: str,
    *,
    build: bool,
    steps: Steps,
    latency_budget_ns: float | None,
    force: bool,
) -> HlsResult:
    folder = run / PROJECT
    chosen = options.model_dump() | {"hls4ml": version("hls4ml")}
    inputs = [qonnx, contract.VECTORS]
    due = run.begin("hls", [PROJECT, RECORD], inputs, chosen, force=force)
    events = _make(run, qonnx, program, planned) if due else 0
    if due:
        run.record("hls", [PROJECT, RECORD], inputs, chosen)
    if build:
        try:
            reports: Reports | None = _build(run, options, steps)
        finally:
            # the vendor's tool writes into the project: what it left is part of it now
            run.record("hls", [PROJECT, RECORD], inputs, chosen)
    else:
        reports = read_reports(folder)
    if latency_budget_ns is not None and reports is not None:
        hold_to_budget(reports.latency, latency_budget_ns)
    return HlsResult(
        planned, program, folder, events, written=True, skipped=not due, reports=reports
    )


def _build(run: Run, options: Hls, steps: Steps) -> Reports:
    """Run the vendor's tools, and keep what they reported in the record."""
    content = read_record(run / RECORD)
    content.pop("vendor", None)  # of a build before, whose reports go with it
    write_json(run / RECORD, content)
    reports = run_vendor(run / PROJECT, options.backend, run / "logs" / "hls-build.log", steps)
    write_json(run / RECORD, content | {"vendor": reports.record()})
    return reports


def _make(run: Run, qonnx: str, program: Program, planned: Plan) -> int:
    """Generate, compile and compare beside the old project; return the events compared."""
    x = smoke_vectors(program, contract.events(run, program).x.astype(np.int64))
    folder = run / PROJECT
    with replacing(folder) as temporary:
        generate(run / qonnx, program, planned.options, temporary, run / "logs" / "hls.log", x)
        _smoke(program, temporary, x)
    write_json(run / RECORD, _record(planned, program, folder, len(x)))
    return len(x)


def _smoke(program: Program, project: Path, x: Integers) -> None:
    loaded = csim.load(project, program)
    csim.check_digest(loaded, program)
    found = loaded.trace(x)
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
