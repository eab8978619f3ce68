"""The check of golden vectors: firmware made afresh from a network's files, and emulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetrig import config as configuration
from aetrig.config.model import Rtl, RunConfig
from aetrig.emulator.build import build_library
from aetrig.emulator.folder import Name, write_folder
from aetrig.emulator.load import Emulator
from aetrig.emulator.load import load as load_emulator
from aetrig.export.session import LEVELS, open_session, output_integers, trigger_integers
from aetrig.files import workspace
from aetrig.hls.csim import check_digest as check_csim
from aetrig.hls.csim import load as load_csim
from aetrig.hls.generate import generate
from aetrig.hls.project import check_project
from aetrig.program.contract import TRIGGER
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.program.read import read
from aetrig.rtl.load import load as load_rtl
from aetrig.rtl.simulate import Clocked
from aetrig.rtl.stage import within_budget
from aetrig.run import sha256
from aetrig.verify.golden import (
    CONFIG,
    PLAIN,
    QONNX,
    SUMMARY,
    TRIGGER_PLAIN,
    read_summary,
    read_vectors,
)
from aetrig.verify.ladder import Rung, Trace, climb_ladder
from aetrig.verify.latency import NOT_MEASURED, reported
from aetrig.verify.limits import checks
from aetrig.verify.rungs import CSIM, EMULATOR, ONNX, PROGRAM, RTL
from aetrig.verify.verdict import Check, Comparison, Finding

GOLDEN = "golden vectors"


@dataclass(frozen=True)
class GoldenResult:
    """What `check` found: each stage against the golden integers, and the limits on latency."""

    findings: tuple[Finding, ...]
    comparisons: tuple[Comparison, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no bit differs, no artefact was changed and no budget was missed."""
        return not self.failures()

    def failures(self) -> list[str]:
        """Return one line for each fault."""
        lines = [str(finding) for finding in self.findings]
        lines += [str(row.first) for row in self.comparisons if row.first is not None]
        return lines + [str(check) for check in self.checks if check.passed is False]

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield a row for each stage and limit: what, compared, differing or value, result."""
        for row in self.comparisons:
            result = "passed" if row.first is None else "failed"
            yield row.other, f"{row.values:,}", f"{row.differing:,}", result
        for check in self.checks:
            value = "" if check.value is None else f"{check.value:g}"
            yield check.name, f"limit {check.limit:g}", value, check.text


@dataclass(frozen=True)
class _Network:
    """What a folder holds: the network, and what is deployed of it; golden integers by layer."""

    folder: Path
    config: RunConfig
    program: Program
    deployed: Program
    x: Integers
    golden: Trace


def check(folder: Path, csynth: Path | None = None) -> GoldenResult:
    """Make the firmware of a written network afresh and compare it with its golden vectors.

    csim and the emulator always, RTL where the network was written with it. ``csynth``: a vendor's
    synthesis report, whose latency and interval are held to the limits of the network's config.
    Raises UserError where the folder is not what `write` wrote.
    """
    summary = read_summary(folder)
    measured = NOT_MEASURED if csynth is None else reported(csynth, str(csynth))
    findings = [
        Finding(name, f"its SHA-256 is not the one in {SUMMARY}; restore it")
        for name, digest in summary["sha256"].items()
        if not (folder / name).exists() or sha256(folder / name) != digest
    ]
    network = _open(folder)
    with workspace() as scratch:
        rungs = list(_software(network))
        rungs += _firmware(network, scratch, findings, rtl=summary.get("rtl") is not None)
        layers = tuple(network.golden)
        climbed = climb_ladder(rungs, network.x, "golden", layers)
    findings += climbed.findings
    limits = checks(network.config.verify.limits, None, measured)
    return GoldenResult(tuple(findings), climbed.comparisons, limits)


def _open(folder: Path) -> _Network:
    program = read(folder / QONNX)
    deployed = read(folder / TRIGGER) if (folder / TRIGGER).exists() else program
    config = configuration.load(folder / CONFIG)
    found = read_vectors(folder, program, deployed)
    golden = {program.operations[-1].name: found["y"]}
    golden |= {name: found[name] for name in (SCORE, ACCEPT) if name in found}
    return _Network(folder, config, program, deployed, found["x"], golden)


def _software(network: _Network) -> Iterator[Rung]:
    """Yield the golden vectors themselves, the Program, and onnxruntime at every level."""
    folder, exponent = network.folder, network.program.output_format.exponent
    layer = network.program.operations[-1].name
    yield Rung(GOLDEN, lambda _: network.golden)

    def reference(q: Integers) -> Trace:
        return {**trace(network.program, q), **trace(network.deployed, q)}

    yield Rung(PROGRAM, reference, beside=GOLDEN)
    for level in LEVELS:
        session = open_session(folder / PLAIN, level)

        def run(q: Integers, session: Any = session) -> Trace:
            return {layer: output_integers(session, q.astype(np.int32), exponent)}

        yield Rung(f"{ONNX} ({level})", run, beside=GOLDEN)
        if network.deployed.trigger is not None:
            scored = open_session(folder / TRIGGER_PLAIN, level)

            def score(q: Integers, session: Any = scored) -> Trace:
                return trigger_integers(session, q.astype(np.int32))

            yield Rung(f"{TRIGGER_PLAIN} ({level})", score, beside=GOLDEN)


def _firmware(
    network: _Network, scratch: Path, findings: list[Finding], *, rtl: bool
) -> Iterator[Rung]:
    """Yield csim, the emulator and, where it was written with RTL, the RTL."""
    program, config, x = network.deployed, network.config, network.x
    contract = network.folder / (QONNX if program is network.program else TRIGGER)
    project = scratch / "hls"
    generate(contract, program, config.hls, project, scratch / "hls.log", x)
    findings += [Finding("hls", str(item), item.layer) for item in check_project(project, program)]
    loaded = load_csim(project, program)
    check_csim(loaded, program)
    yield Rung(CSIM, loaded.trace, beside=GOLDEN)
    yield Rung(EMULATOR, _emulator(program, x, scratch / "emulator").trace, beside=GOLDEN)
    if rtl:
        yield Rung(RTL, _rtl(program, config.rtl, scratch / "rtl").trace, beside=GOLDEN)


def _emulator(program: Program, x: Integers, folder: Path) -> Emulator:
    name = Name("golden", 1)
    write_folder(program, name, x[:8], folder)
    build_library(folder, name.prefix)
    return load_emulator(folder, program)


def _rtl(program: Program, options: Rtl, folder: Path) -> Clocked:
    # alkaid takes a second to import: only where there is RTL to make
    from aetrig.rtl.measure import check_digest
    from aetrig.rtl.pipeline import search
    from aetrig.rtl.project import write

    found = search(program, options.clock_ns, options.stage_delay)
    write(folder, program, within_budget(found, options), options)
    simulation = load_rtl(folder, program, options.language)
    check_digest(simulation, program)
    return simulation
