"""The stage `emulator`: a library that has equalled the Program on every path of this processor."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from aetrig import config as configuration
from aetrig.emulator.build import PURPOSE, build_library, compile_in, program_line
from aetrig.emulator.events import applies, products
from aetrig.emulator.folder import PATHS, Name, write_folder
from aetrig.emulator.load import Emulator, load
from aetrig.emulator.lower import Layer, Network, lower
from aetrig.emulator.measure import rates
from aetrig.errors import CheckFailedError
from aetrig.program import contract
from aetrig.program.compare import first_difference
from aetrig.program.evaluate import trace
from aetrig.program.model import Integers, Program
from aetrig.program.probe import smoke_vectors
from aetrig.run import Run, alone, replacing, sha256, write_json
from aetrig.tools import require_gxx

FOLDER, RECORD = "emulator", "emulator.json"
SPEED = "logs/emulator-speed.json"
GOLDEN, CORNERS = 200, 5
Table = tuple[str, list[str], list[list[str]]]


@dataclass(frozen=True)
class EmulatorResult:
    """What `emulator` made. ``events``: compared on each path of ``rates``, with no differing bit.

    ``rates``: events/s on one thread, in batches, by path.
    """

    folder: Path
    name: Name
    network: Network
    events: int
    rates: dict[str, float]
    skipped: bool

    def tables(self) -> list[Table]:
        """Return (title, columns, rows): the arithmetic that was chosen, step by step."""
        first = self.network.input
        rows = [["input", str(len(first.low)), first.word, first.store.type]]
        rows += [
            [layer.name, str(layer.width), layer.kind, layer.store.type]
            for layer in self.network.layers
        ]
        tables = [("Arithmetic, from the exact ranges", ["step", "width", "by", "held in"], rows)]
        speeds = [[path, f"{rate:,.0f}"] for path, rate in self.rates.items()]
        title = "Measured here on one thread, in batches"
        return [*tables, *([(title, ["path", "events/s"], speeds)] if speeds else [])]

    def summary(self) -> str:
        """Return one line."""
        if self.skipped:
            return f"{self.folder} is up to date: {self.name.prefix}"
        return (
            f"{self.folder}: {self.name.prefix}, equal to the Program in all of {self.events} "
            f"events on each path of this processor ({', '.join(self.rates)})"
        )


@alone
def emulator(
    run: Run, *, version: int = 1, name: str | None = None, force: bool = False
) -> EmulatorResult:
    """Write ``emulator/`` and ``emulator.json``; compare the library with the Program.

    ``name``: of the exported symbols; default: the run's. Raises UserError for a name that is no
    C identifier or a missing stage before, MissingToolError without g++, CheckFailedError naming
    the path and the first difference.
    """
    program = contract.load(run)
    run.need(contract.VECTORS, "qat")
    chosen = Name(_default(run) if name is None else name, version)
    network = lower(program)
    require_gxx(PURPOSE)
    options = {"name": chosen.name, "version": chosen.version}
    inputs = [contract.contract(run), contract.VECTORS]
    due = run.begin("emulator", [FOLDER, RECORD], inputs, options, force=force)
    folder = run / FOLDER
    if not due and (folder / f"lib{chosen.prefix}.so").exists():
        return EmulatorResult(folder, chosen, network, 0, {}, skipped=True)
    x = smoke_vectors(program, contract.events(run, program).x.astype(np.int64))
    with replacing(folder) as temporary:
        speeds = _make(program, chosen, x, temporary)
    write_json(run / RECORD, _record(program, chosen, network, folder, len(x), list(speeds)))
    # not in the record, which says the same of the same network
    fastest = max(speeds, key=lambda path: speeds[path])
    write_json(run / SPEED, {"events_per_second": speeds, "fastest": fastest})
    run.record("emulator", [FOLDER, RECORD], inputs, options)
    return EmulatorResult(folder, chosen, network, len(x), speeds, skipped=False)


def _default(run: Run) -> str:
    """Return the run's name as part of a C identifier."""
    name = configuration.load(run / "config.yaml").name.lower()
    word = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    return word if word[:1].isalpha() else f"n{word}"


def _make(program: Program, name: Name, x: Integers, folder: Path) -> dict[str, float]:
    """Write, compile and check; return events/s by path, each compared."""
    # the corners, which come first, and events from everywhere
    golden = np.concatenate([x[:CORNERS], x[CORNERS :: max(1, len(x) // GOLDEN)][:GOLDEN]])
    write_folder(program, name, golden, folder)
    build_library(folder, name.prefix)
    loaded = load(folder, program)
    for path in loaded.paths():
        _compare(replace(loaded, path=path), program, x)
    _self_test(folder, name.prefix)
    return rates(loaded, x)


def _compare(loaded: Emulator, program: Program, x: Integers) -> None:
    different = first_difference(trace(program, x), loaded.trace(x))
    if different is not None:
        raise CheckFailedError(f"Program and emulator differ on path {loaded.path}: {different}")


def _self_test(folder: Path, prefix: str) -> None:
    """Build the self-test that is handed over, run it, and leave no binary of it behind."""
    compile_in(folder, program_line("selftest", prefix))
    done = subprocess.run(
        [str((folder / "selftest.out").resolve())],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "selftest.out").unlink()
    if done.returncode:
        raise CheckFailedError(f"the emulator's self-test failed: {done.stderr.strip()}")


def _record(
    program: Program,
    name: Name,
    network: Network,
    folder: Path,
    events: int,
    compared: list[str],
) -> dict[str, Any]:
    library = folder / f"lib{name.prefix}.so"
    return {
        "name": name.name,
        "version": name.version,
        "prefix": name.prefix,
        "library": library.name,
        "library_sha256": sha256(library),
        "qonnx_sha256": program.digest,
        "trigger": program.trigger is not None,
        "events": events,
        "differing_values": 0,
        "paths": list(PATHS),
        "paths_compared": compared,
        "products": {
            "all": sum(layer.weight.size for layer in network.layers if isinstance(layer, Layer)),
            "of_pairs_not_zero": products(network) if applies(network) else None,
        },
        "machine": platform.machine(),
        "arithmetic": {"input": network.input.word}
        | {layer.name: layer.kind for layer in network.layers},
        "files": sorted(
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
        ),
    }
