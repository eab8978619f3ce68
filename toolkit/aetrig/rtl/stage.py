"""The stage `rtl`: the run's contract as pipelined RTL that has equalled it cycle by cycle."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from aetrig.config.model import Rtl
from aetrig.errors import CheckFailedError, MissingToolError, UserError
from aetrig.parts import Part, resolve
from aetrig.program import contract
from aetrig.program.model import Program
from aetrig.program.probe import smoke_vectors
from aetrig.records import read_record
from aetrig.rtl.cost import refuse_too_large
from aetrig.rtl.delay import GROUND, NS_PER_UNIT, PUBLISHED, PUBLISHED_NS_PER_UNIT
from aetrig.rtl.load import load, require_simulator
from aetrig.rtl.measure import Measurement, measure
from aetrig.rtl.synthesis import TOOL, Synthesis, require_yosys, synthesize
from aetrig.run import Run, alone, replacing, write_json

PROJECT, RECORD = "rtl", "rtl.json"
SIMULATED, ESTIMATED = "simulated by {}", "estimated by alkaid"
SIMULATORS = {"verilog": "Verilator", "vhdl": "GHDL"}
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class Estimate:
    """What alkaid's models say. ``stage_delay``: units of about an adder, at ``ns_per_unit``."""

    lut: float
    register_bits: int
    stages: int
    stage_delay: float
    ns_per_unit: float


@dataclass(frozen=True)
class RtlResult:
    """What `rtl` made. ``synthesis``: None where it was not asked for."""

    folder: Path
    part: Part
    options: Rtl
    measured: Measurement
    estimate: Estimate
    synthesis: Synthesis | None
    skipped: bool

    @property
    def latency_ns(self) -> float:
        """Measured cycles at the clock of the options."""
        return self.measured.latency_cycles * self.options.clock_ns

    def tables(self) -> list[Table]:
        """Return (title, columns, rows): every figure with the tool that it comes from."""
        return [("RTL", ["figure", "value", "of the part", "source"], list(self._rows()))]

    def _rows(self) -> Iterator[list[str]]:
        measured, estimate = self.measured, self.estimate
        simulated = SIMULATED.format(SIMULATORS[self.options.language])
        latency = f"{measured.latency_cycles} cycles = {self.latency_ns:g} ns"
        yield ["latency", latency, "", simulated]
        yield ["initiation interval", str(measured.interval_cycles), "", simulated]
        yield ["events with a differing bit", f"0 of {measured.events:,}", "", simulated]
        delay = estimate.stage_delay * estimate.ns_per_unit
        assumed = f"{estimate.ns_per_unit:g} ns a unit assumed"
        yield ["longest stage", f"{delay:.2f} ns", "", f"{ESTIMATED}, {assumed}"]
        slower = estimate.stage_delay * PUBLISHED_NS_PER_UNIT
        published = f"{PUBLISHED_NS_PER_UNIT:g} ns a unit as in published place and route"
        yield ["longest stage, slower", f"{slower:.2f} ns", "", f"{ESTIMATED}, {published}"]
        yield ["LUT", f"{estimate.lut:,.0f}", _share(estimate.lut, self.part.lut), ESTIMATED]
        bits = estimate.register_bits
        yield ["FF", f"{bits:,}", _share(bits, self.part.ff), ESTIMATED]
        for kind, number in self.synthesis.cells.items() if self.synthesis else ():
            share = self.synthesis.share(kind, self.part) if self.synthesis else None
            of_part = "" if share is None else f"{share:.3%}"
            yield [kind, f"{number:,g}", of_part, f"synthesized by {TOOL}"]

    def summary(self) -> str:
        """Return one line."""
        state = "up to date" if self.skipped else "written"
        return (
            f"{self.folder} {state}: {self.options.language} for {self.part.name} at "
            f"{self.options.clock_ns:g} ns, latency {self.measured.latency_cycles} cycles = "
            f"{self.latency_ns:g} ns, an event every clock; equal to the Program in all of "
            f"{self.measured.events:,} events, with bubbles and resets"
        )


@alone
def rtl(run: Run, options: Rtl, *, synthesis: bool = False, force: bool = False) -> RtlResult:
    """Write ``rtl/`` and ``rtl.json``, simulate it cycle by cycle, and measure its latency.

    ``synthesis``: count cells with yosys, which takes minutes. Raises UserError for a network too
    large to unroll, CheckFailedError where RTL and Program differ or the latency budget cannot be
    met (saying what can), MissingToolError without alkaid, a simulator, g++ or yosys.
    """
    program, part = contract.load(run), resolve(options.part)
    run.need(contract.VECTORS, "qat")
    refuse_too_large(program, part)
    require_simulator(options.language)
    if synthesis:
        _require_synthesis(options)
    inputs = [contract.contract(run), contract.VECTORS]
    chosen = options.model_dump() | {"alkaid": _alkaid(), "synthesis": synthesis}
    due = run.begin("rtl", [PROJECT, RECORD], inputs, chosen, force=force)
    if due:
        _make(run, program, options, part, synthesis=synthesis)
        run.record("rtl", [PROJECT, RECORD], inputs, chosen)
    return _result(run, options, part, skipped=not due)


def _require_synthesis(options: Rtl) -> None:
    if options.language != "verilog":
        raise UserError(
            f"--synthesize reads Verilog, the language is {options.language}: leave --synthesize "
            "out, or count cells with --language verilog (the logic is the same)"
        )
    require_yosys()


def _alkaid() -> str:
    try:
        return version("alkaid")
    except ImportError as error:
        raise MissingToolError(
            "the Python package alkaid is not installed; it makes the pipeline: "
            "pip install 'aetrig[rtl]'"
        ) from error


def _make(run: Run, program: Program, options: Rtl, part: Part, *, synthesis: bool) -> None:
    # alkaid compiles with numba at import: only where something is made
    from aetrig.rtl.pipeline import search
    from aetrig.rtl.project import write

    found = search(program, options.clock_ns, options.stage_delay)
    pipeline = within_budget(found, options)
    x = smoke_vectors(program, contract.events(run, program).x.astype(np.int64))
    with replacing(run / PROJECT) as folder:
        write(folder, program, pipeline, options)
        measured = measure(load(folder, program, options.language), program, x)
        if measured.latency_cycles != pipeline.stages:
            raise CheckFailedError(
                f"the measured latency is {measured.latency_cycles} cycles, the pipeline was cut "
                f"into {pipeline.stages}"
            )
        counted = synthesize(folder, run / "logs" / "rtl-yosys.log") if synthesis else None
    write_json(
        run / RECORD, _record(program, options, part, measured, described(pipeline), counted)
    )


def described(pipeline: Any) -> Estimate:
    """Return a Pipeline's figures."""
    return Estimate(
        pipeline.lut, pipeline.register_bits, pipeline.stages, pipeline.stage_delay, NS_PER_UNIT
    )


def within_budget(found: list[Any], options: Rtl) -> Any:
    """Return the cheapest pipeline within the budget, or the fastest where there is none."""
    budget = options.latency_budget_ns
    if budget is None:
        return found[-1]
    cycles = math.floor(budget / options.clock_ns + 1e-9)
    for pipeline in found:
        if pipeline.stages <= cycles:
            return pipeline
    best = found[-1].stages
    raise CheckFailedError(
        f"a latency of {budget:g} ns ({cycles} cycles of {options.clock_ns:g} ns) cannot be met: "
        f"the best depth is {best} cycles = {best * options.clock_ns:g} ns; use fewer layers or "
        "bits, prune, round with FLOOR, or allow more delay a stage (--stage-delay)"
    )


def _record(
    program: Program,
    options: Rtl,
    part: Part,
    measured: Measurement,
    estimate: Estimate,
    counted: Synthesis | None,
) -> dict[str, Any]:
    simulated = SIMULATED.format(SIMULATORS[options.language])
    content = {
        **options.model_dump(),
        "part": part.name,
        "contract_sha256": program.digest,
        "alkaid": version("alkaid"),
        "latency": {
            "cycles": measured.latency_cycles,
            "interval_cycles": measured.interval_cycles,
            "clock_ns": options.clock_ns,
            "source": simulated,
        },
        "bits": {
            "events": measured.events,
            "cycles": measured.cycles,
            "differing": 0,
            "source": simulated,
        },
        "estimate": {
            **asdict(estimate),
            "ground": GROUND,
            "published_ns_per_unit": PUBLISHED_NS_PER_UNIT,
            "published": PUBLISHED,
            "source": ESTIMATED,
        },
        "synthesis": None,
    }
    if counted is not None:
        content["synthesis"] = {**asdict(counted), "source": TOOL}
    return content


def _result(run: Run, options: Rtl, part: Part, *, skipped: bool) -> RtlResult:
    content = read_record(run / RECORD)
    latency, bits = content["latency"], content["bits"]
    measured = Measurement(
        latency["cycles"], latency["interval_cycles"], bits["events"], bits["cycles"]
    )
    figures = {field.name: content["estimate"][field.name] for field in fields(Estimate)}
    counted = content["synthesis"]
    synthesis = Synthesis(counted["cells"], counted["version"]) if counted else None
    return RtlResult(
        run / PROJECT, part, options, measured, Estimate(**figures), synthesis, skipped
    )


def _share(used: float, total: int | None) -> str:
    return "" if not total else f"{used / total:.3%}"
