"""Random triggers through every engine: equal to the Program in every bit, or refused in words."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from aetrig.config.model import Hls, Rtl
from aetrig.emulator.lower import lower
from aetrig.errors import AetrigError, CheckFailedError, UserError
from aetrig.export.plain import to_plain
from aetrig.export.session import LEVELS, open_session, output_integers, trigger_integers
from aetrig.hls import csim
from aetrig.hls.generate import generate, plan
from aetrig.nets import trace_integers
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Add, Integers, Program, Table
from aetrig.program.read import read
from aetrig.rtl import simulate
from aetrig.rtl.measure import measure
from aetrig.rtl.pipeline import search
from aetrig.rtl.project import write
from aetrig.verify.vectors import adversarial
from emulator.libraries import library
from fuzz.architectures import Size, architecture
from program.qonnx_files import write_qonnx
from trials.architectures.headers import quick_flags
from trials.architectures.networks import draw, written

EVENTS = 300
CONFIG, DIRECT = "config", "Program"
# the last makes the longest C++
STRATEGIES = ("latency", "resource", "latency", "resource", "latency", "distributed_arithmetic")
QONNX, EMULATOR, CSIM, RTL = "QONNX", "emulator", "csim", "RTL"
PROGRAM, ONNXRUNTIME = "Program", "onnxruntime"
Values = dict[str, Integers]


@dataclass
class Record:
    """What became of one architecture: values compared by engine, refusals and differences.

    ``source``: drawn as a config, through Brevitas, or as a Program.
    """

    part: str
    source: str
    seed: int
    kinds: list[str] = field(default_factory=list)
    compared: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    differs: list[str] = field(default_factory=list)

    def compare(self, engine: str, reference: Values, found: Values) -> None:
        """Compare what an engine gives, which has to include all results of a trigger."""
        missing = {SCORE, ACCEPT} & set(reference) - set(found)
        if missing:
            raise CheckFailedError(f"gives no {' and no '.join(sorted(missing))}")
        common = {name: reference[name] for name in found}
        difference = first_difference(common, found)
        if difference is not None:
            self.differs.append(f"{engine}: {difference}")
        self.compared[engine] = sum(values.size for values in found.values())

    def attempt(self, engine: str, run: Callable[[], None]) -> None:
        """Count what an engine refuses by the kind of reason; a failed check is a difference."""
        try:
            run()
        except UserError as error:
            self.refused[engine] = reason(error)
        except CheckFailedError as error:
            self.differs.append(f"{engine}: {error}")


@dataclass(frozen=True)
class Made:
    """A trigger on disk, and what the Program gives for its vectors ``x``."""

    record: Record
    contract: Path
    program: Program
    x: Integers
    reference: Values


def reason(error: AetrigError) -> str:
    """Return an error without the names and numbers of its network."""
    unnamed = re.sub(r"'[\w.]+'", "'...'", str(error))
    return re.sub(r"\b\d[\d,.]*", "N", unnamed)


def make(part: str, source: str, seed: int, size: Size, folder: Path) -> Record | Made:
    """Draw an architecture and compare QONNX; a record alone where that was refused."""
    record, made = Record(part, source, seed), []

    def run() -> None:
        made.append(_from_config(record, size, folder))

    def direct() -> None:
        made.append(_directly(record, size, folder))

    record.attempt(PROGRAM, run if source == CONFIG else direct)
    return made[0] if made else record


def _from_config(record: Record, size: Size, folder: Path) -> Made:
    """The quantized network of Brevitas against the Program that is read from its QONNX."""
    drawn = draw(record.seed, size)
    record.kinds += drawn.kinds
    contract, alone = written(drawn, folder)
    program = read(contract)
    x = adversarial(program, EVENTS, seed=1).x
    brevitas = trace_integers(drawn.net, x)
    record.compare(f"QAT = {QONNX}", trace(alone, x), brevitas)
    return Made(record, contract, program, x, trace(program, x))


def _directly(record: Record, size: Size, folder: Path) -> Made:
    """A Program of any grids against what is read from the QONNX that is written for it."""
    drawn = architecture(record.seed, size)
    record.kinds += _kinds(drawn)
    contract = write_qonnx(drawn, folder / "trigger.qonnx.onnx")
    program = read(contract)
    x = adversarial(program, EVENTS, seed=1).x
    reference = trace(drawn, x)
    record.compare(f"Program = {QONNX}", reference, trace(program, x))
    return Made(record, contract, program, x, reference)


def _kinds(program: Program) -> Iterator[str]:
    yield "drawn as a Program"
    if any(isinstance(op, Table) for op in program.operations):
        yield "tables of any entries"
    if any(isinstance(op, Add) for op in program.operations):
        yield "residual"


def fast(source: str, seeds: Sequence[int], size: Size) -> list[Record]:
    """Compare QAT or QONNX, onnxruntime at every level, and the emulator on every path."""
    with tempfile.TemporaryDirectory(prefix="aetrig-") as scratch:
        found = []
        for seed in seeds:
            folder = Path(scratch) / str(seed)
            folder.mkdir()
            found.append(make("fast", source, seed, size, folder))
        taken = [item for item in found if isinstance(item, Made)]
        for item in taken:
            item.record.attempt(ONNXRUNTIME, lambda item=item: _onnxruntime(item))
        _emulator(taken, Path(scratch))
    return [item.record if isinstance(item, Made) else item for item in found]


def _onnxruntime(made: Made) -> None:
    program, events = made.program, made.x.astype(np.int32)
    model = to_plain(program)
    for level in LEVELS:
        session = open_session(model, level)
        output = output_integers(session, events, program.output_format.exponent)
        found = {program.operations[-1].name: output, **trigger_integers(session, events)}
        made.record.compare(f"{ONNXRUNTIME} ({level})", made.reference, found)


def _emulator(drawn: Sequence[Made], folder: Path) -> None:
    """Compile all networks into one library; each runs on every path of this processor."""
    taken: list[Made] = []
    for made in drawn:

        def lowered(made: Made = made) -> None:
            lower(made.program)
            taken.append(made)

        made.record.attempt(EMULATOR, lowered)
    if not taken:
        return
    libraries = library([made.program for made in taken], folder, "-O0", *_absent())
    for made, loaded in zip(taken, libraries.emulators, strict=True):
        for path in loaded.paths():
            found = replace(loaded, path=path).trace(made.x)
            made.record.compare(f"{EMULATOR} ({path})", made.reference, found)


def _absent() -> list[str]:
    """Return flags that leave out the paths that this processor lacks: most of g++'s time."""
    cpuinfo = Path("/proc/cpuinfo")
    known = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    paths = {"AVX512": "avx512_vnni", "AVXVNNI": "avx_vnni"}
    return [f"-DAETRIG_COMPILES_{path}=0" for path, flag in paths.items() if flag not in known]


def slow(source: str, seed: int, size: Size, engines: Sequence[str] = (CSIM, RTL)) -> Record:
    """Csim of the hls4ml project with the trigger as its top, and RTL in Verilator."""
    with tempfile.TemporaryDirectory(prefix="aetrig-") as scratch:
        folder = Path(scratch)
        made = make("slow", source, seed, size, folder)
        if isinstance(made, Record):
            return made
        for name, run in ((CSIM, _csim), (RTL, _rtl)):
            if name in engines:
                made.record.attempt(name, lambda run=run: run(made, folder))
    return made.record


def _csim(made: Made, folder: Path) -> None:
    strategy = STRATEGIES[made.record.seed % len(STRATEGIES)]
    options = Hls(strategy=strategy)  # type: ignore[arg-type]
    plan(made.program, options)
    project, log = folder / "hls", folder / "hls.log"
    generate(made.contract, made.program, options, project, log, made.x[:10])
    found = csim.load(project, made.program, quick_flags()).trace(made.x)
    made.record.compare(f"{CSIM} ({strategy})", made.reference, found)


def _rtl(made: Made, folder: Path) -> None:
    program = made.program
    write(folder / "rtl", program, search(program, 5.0, None)[-1], Rtl())
    simulation = simulate.load(folder / "rtl", program)
    made.record.compare(RTL, made.reference, simulation.trace(made.x))
    results = {name: made.reference[name] for name in simulation.trace(made.x[:1])}
    if any((values != values[0]).any() for name, values in results.items() if name != ACCEPT):
        measure(simulation, program, made.x)
