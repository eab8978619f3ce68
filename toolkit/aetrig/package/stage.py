"""`aetrig package`: what a firmware engineer needs of a verified run, in one reproducible zip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources as packaged
from pathlib import Path
from typing import Any

import numpy as np

from aetrig.config.load import load as load_config
from aetrig.errors import UserError
from aetrig.files import is_scratch
from aetrig.hold import held, place_of
from aetrig.package.archive import write_archive
from aetrig.package.licences import licences
from aetrig.package.provenance import FILE as PROVENANCE
from aetrig.package.provenance import content_of, not_run, provenance
from aetrig.package.resources import COLUMNS, Row, resources
from aetrig.package.vectors import layout, vector_files
from aetrig.parts import resolve
from aetrig.physics.trigger_rate import hertz
from aetrig.program import contract
from aetrig.program.model import Integers, Program
from aetrig.rtl.ports import input_port, output_ports
from aetrig.run import BUILD_PRODUCTS, Run
from aetrig.verify.chosen import choose, evenly
from aetrig.verify.golden import adversarial_inputs, passed_verdict

FILES = (
    "config.yaml", "model.qonnx.onnx", "model.onnx", "trigger.qonnx.onnx", "trigger.onnx",
    "trigger.json", "rtl.json", "hls.json", "emulator.json",
)  # fmt: skip
FOLDERS = ("hls", "rtl", "emulator")
EVENTS = 500


@dataclass(frozen=True)
class PackageResult:
    """The zip that was written, and how many files it holds."""

    path: Path
    files: int
    size: int

    def summary(self) -> str:
        """Return one line."""
        size = f"{self.size / 1e6:.2f} MB"
        return f"{self.path}: {self.files} files, {size}; the same run gives the same bytes"


def package(run: Run, out: Path | None = None, *, force: bool = False) -> PackageResult:
    """Write the zip of a run that has passed verification.

    ``out``: default `<run>/<name>-firmware.zip`. Raises UserError where the run has no RTL or HLS
    project, was changed since `aetrig verify`, or where the file exists and ``force`` is not given;
    CheckFailedError where verification has failed.
    """
    verdict = passed_verdict(run)
    if not any((run / folder).exists() for folder in ("hls", "rtl")):
        raise UserError(f"{run.path} has no firmware; make it with: aetrig rtl, or aetrig hls")
    name = load_config(run / "config.yaml").name
    path = out if out is not None else run / f"{name}-firmware.zip"
    if path.exists() and not force:
        raise UserError(f"{path} exists; replace it with --force, or choose another with --out")
    with held(place_of(run.path, out)):
        program = contract.load(run)
        files = dict(_artefacts(run))
        files |= {key: text.encode() for key, text in _texts(run, name, program, verdict)}
        files |= {key: text.encode() for key, text in licences(files).items()}
        write_archive(path, f"{name}-firmware", files)
        if out is None:  # one that goes elsewhere is no artefact of the run
            inside = [n for n in files if n in run.manifest()["artefacts"]]
            inputs = [*inside, *(n for n in FOLDERS if (run / n).exists())]
            run.record("package", [path.name], inputs)
    return PackageResult(path, len(files) + 1, path.stat().st_size)


def _artefacts(run: Run) -> Iterator[tuple[str, bytes]]:
    for name in FILES:
        if (run / name).exists():
            yield name, (run / name).read_bytes()
    for folder in FOLDERS:
        for path in sorted((run / folder).rglob("*")):
            inside = path.relative_to(run.path)
            if path.is_file() and path.suffix not in BUILD_PRODUCTS and not is_scratch(inside):
                yield str(inside), path.read_bytes()


def _texts(
    run: Run, name: str, program: Program, verdict: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what is made for the hand-over alone; the verdict without this machine's path."""
    yield "verify.json", json.dumps(verdict | {"run": name}, indent=1) + "\n"
    vectors = contract.events(run, program)
    x = _golden(run, program, vectors.x)
    for file, text in vector_files(program, x).items():
        yield f"vectors/{file}", text
    yield "layout.csv", layout(program, vectors.features)
    rows = resources(run)
    yield "resources.csv", "\n".join(",".join(row) for row in (COLUMNS, *rows)) + "\n"
    statement = provenance(run, name, program, verdict, rows)
    yield PROVENANCE, json.dumps(statement, indent=1) + "\n"
    words = _words(run, name, program, verdict, rows) | {"EVENTS": str(len(x))}
    if (run / "rtl").exists():
        for file in ("trigger.xdc", "out_of_context.tcl"):
            yield file, _filled(file, words)
        if words["LANGUAGE"] == "verilog":
            yield "replay.v", _filled("replay.v", words)
    yield "README.md", _filled("README.md", words)


def _golden(run: Run, program: Program, validation: np.ndarray) -> Integers:
    """Return validation events, as many adversarial inputs, and those chosen for faults."""
    made = adversarial_inputs(run, program)
    x = np.concatenate((evenly(validation, EVENTS), evenly(made, EVENTS))).astype(np.int64)
    return np.concatenate((x, choose(program, x, validation.astype(np.int64)).x))


def _words(
    run: Run, name: str, program: Program, verdict: dict[str, Any], rows: list[Row]
) -> dict[str, str]:
    rtl = content_of(run / "rtl.json")
    ports = {port.name: port.width for port in output_ports(program)}
    options = load_config(run / "config.yaml").rtl
    clock = float(rtl["clock_ns"]) if rtl else options.clock_ns
    read = "read_vhdl -vhdl2008" if rtl.get("language") == "vhdl" else "read_verilog"
    suffix = "vhd" if rtl.get("language") == "vhdl" else "v"
    latency = rtl.get("latency", {})
    return {
        "NAME": name,
        "WHAT": "Anomaly trigger: raw hardware integers in, score and accept bits out."
        if program.trigger is not None
        else "A network: raw hardware integers in, its output integers out.",
        "X_BITS": str(input_port(program).width),
        "Y_BITS": str(ports[program.operations[-1].name]),
        "SCORE_BITS": str(ports.get("score", 1)),
        "POINTS": str(ports.get("accept", 1)),
        "EXPONENT": str(program.score_exponent if program.trigger is not None else 0),
        "WORKING_POINTS": _points(content_of(run / "trigger.json")),
        "LATENCY": str(latency.get("cycles", "?")),
        "SOURCE": str(latency.get("source", "no RTL was made")),
        "CLOCK_NS": f"{clock:g}",
        "HALF": f"{clock / 2:g}",
        "PART": str(rtl.get("part", resolve(options.part).name)),
        "LANGUAGE": str(rtl.get("language", "none")),
        "READ": f"{read} [glob [file join $rtl *.{suffix}]]",
        "RESOURCES": _table(rows),
        "HLS": "- `hls/` is the hls4ml project; its own test bench is `hls/trigger_test.cpp`.\n"
        if (run / "hls" / "trigger_test.cpp").exists()
        else "",
        "COMPARED": f"{sum(row['values'] for row in verdict['ladder']):,}",
        "DIGEST": program.digest,
        "CONTRACT": contract.contract(run),
        "NOT_RUN": "\n".join(f"- {line}" for line in not_run(run, verdict)),
    }


def _points(trigger: dict[str, Any]) -> str:
    rows = ["| working point | score above | rate |", "|---|---:|---:|"]
    for point in trigger.get("working_points", []):
        measured = point["measured"]
        rate = "not measured"
        if measured is not None:
            rate = f"{hertz(measured['rate'])} ± {hertz(measured['error'])}"
        rows.append(f"| {point['name']} | {point['threshold']:,} | {rate} |")
    return "\n".join(rows) if len(rows) > 2 else "No trigger was set: a network alone."


def _table(rows: list[Row]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|---:|---:|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _filled(name: str, words: dict[str, str]) -> str:
    text = packaged.files("aetrig").joinpath("firmware", "package", name).read_text("utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
