"""Random triggers through every engine: equal to the Program in every bit, or refused in words."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from aetrig.config.model import Hls, Rtl
from aetrig.emulator.lower import lower
from aetrig.errors import AetrigError, UserError
from aetrig.export.plain import to_plain
from aetrig.export.session import LEVELS, open_session, output_integers, trigger_integers
from aetrig.hls import csim
from aetrig.hls.generate import generate, plan
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.program.read import read
from aetrig.rtl import simulate
from aetrig.rtl.measure import measure
from aetrig.rtl.pipeline import search
from aetrig.rtl.project import write
from aetrig.verify.vectors import adversarial
from emulator.libraries import library
from program.qonnx_files import write_qonnx

EVENTS = 300
STRATEGIES = ("latency", "resource", "distributed_arithmetic")


@dataclass
class Report:
    """What was compared, and what an engine refused and why."""

    compared: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        found = [
            f"{name}: {count} architectures, {self.values[name]:,} values, none differs"
            for name, count in self.compared.items()
        ]
        return found + [f"{engine} refused {n}: {why}" for (engine, why), n in self.refused.items()]


def inputs(program: Program) -> Integers:
    return adversarial(program, EVENTS, seed=1).x


def fast(seeds: Sequence[int], programs: Sequence[Program], report: Report) -> None:
    """QONNX read back, onnxruntime at every level, and the emulator on every path."""
    taken: list[tuple[int, Program]] = []
    for seed, program in zip(seeds, programs, strict=True):
        _try("Program", report, partial(_read_back, seed, program, taken, report))
    for seed, program in taken:
        _try("onnxruntime", report, partial(_onnxruntime, seed, program, report))
    _emulator(taken, report)


def _read_back(
    seed: int, program: Program, taken: list[tuple[int, Program]], report: Report
) -> None:
    x = inputs(program)
    reference = trace(program, x)
    with tempfile.TemporaryDirectory() as folder:
        again = read(write_qonnx(program, Path(folder) / "trigger.onnx"))
    _compare("QONNX", seed, reference, trace(again, x), report)
    taken.append((seed, program))


def _onnxruntime(seed: int, program: Program, report: Report) -> None:
    x = inputs(program)
    reference, model, events = trace(program, x), to_plain(program), x.astype(np.int32)
    for level in LEVELS:
        session = open_session(model, level)
        output = output_integers(session, events, program.output_format.exponent)
        found = {program.operations[-1].name: output, **trigger_integers(session, events)}
        _compare(f"onnxruntime ({level})", seed, reference, found, report)


def _emulator(drawn: Sequence[tuple[int, Program]], report: Report) -> None:
    """Compile all networks into one library; each runs on every path of this processor."""
    taken: list[tuple[int, Program]] = []
    for pair in drawn:
        _try("emulator", report, lambda pair=pair: taken.append((lower(pair[1]), pair)[1]))
    with tempfile.TemporaryDirectory() as folder:
        made = library([program for _, program in taken], Path(folder))
        for (seed, program), loaded in zip(taken, made.emulators, strict=True):
            x = inputs(program)
            reference = trace(program, x)
            for path in loaded.paths():
                found = replace(loaded, path=path).trace(x)
                _compare(f"emulator ({path})", seed, reference, found, report)


def slow(seed: int, program: Program, report: Report) -> None:
    """csim of the hls4ml project with the trigger as its top, and RTL in Verilator."""
    x = inputs(program)
    reference = trace(program, x)
    strategy = STRATEGIES[seed % len(STRATEGIES)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _try("csim", report, lambda: _csim(seed, program, x, reference, strategy, root, report))
        _try("RTL", report, lambda: _rtl(seed, program, x, reference, root, report))


def _csim(
    seed: int, program: Program, x: Integers, reference: dict[str, Integers], strategy: str,
    root: Path, report: Report,
) -> None:  # fmt: skip
    options = Hls(strategy=strategy)  # type: ignore[arg-type]
    plan(program, options)
    qonnx = write_qonnx(program, root / "trigger.onnx")
    generate(qonnx, program, options, root / "hls", root / "hls.log", x[:10])
    _compare(
        f"csim ({strategy})", seed, reference, csim.load(root / "hls", program).trace(x), report
    )


def _rtl(
    seed: int, program: Program, x: Integers, reference: dict[str, Integers], root: Path,
    report: Report,
) -> None:  # fmt: skip
    write(root / "rtl", program, search(program, 5.0, None)[-1], Rtl())
    simulation = simulate.load(root / "rtl", program)
    _compare("RTL", seed, reference, simulation.trace(x), report)
    varied = {name: reference[name] for name in simulation.trace(x[:1])}
    if any((values != values[0]).any() for name, values in varied.items() if name != ACCEPT):
        measure(simulation, program, x)


def _compare(
    engine: str, seed: int, reference: dict[str, Integers], found: dict[str, Integers],
    report: Report,
) -> None:  # fmt: skip
    assert {SCORE, ACCEPT} <= set(found)
    common = {name: reference[name] for name in found}
    difference = first_difference(common, found)
    assert difference is None, f"seed {seed}: {engine} differs: {difference}"
    report.compared[engine] += 1
    report.values[engine] += sum(values.size for values in found.values())


def _try(engine: str, report: Report, run: Callable[[], None]) -> None:
    """Count what an engine refuses by the kind of reason; a failed check is a failure."""
    try:
        run()
    except UserError as error:
        report.refused[engine, _reason(error)] += 1


def _reason(error: AetrigError) -> str:
    """Return an error without the names and numbers of its network."""
    unnamed = re.sub(r"'[\w.]+'", "'...'", str(error))
    return re.sub(r"\b\d[\d,.]*", "N", unnamed)
