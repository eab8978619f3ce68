"""The JSON files of a run: what later stages read of them, with its types.

Each is checked where it is read, deeply and without conversions; what a stage writes beside it is
left alone. A file that does not fit is told with the key at fault and the command that makes it
again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from aetrig.reading import read_json

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Integer = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Period = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# a file of the folder that it is looked for in
Plain = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=255)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RtlLatency(TypedDict):
    """Clock cycles that were simulated."""

    cycles: Count
    interval_cycles: Count
    clock_ns: Period
    source: str


class RtlBits(TypedDict):
    """Events that were compared."""

    events: Count
    cycles: Count


class RtlEstimate(TypedDict):
    """What alkaid's models say."""

    lut: Number
    register_bits: Count
    stages: Count
    stage_delay: Number
    ns_per_unit: Number
    source: str


class RtlSynthesis(TypedDict):
    """Cells that yosys counted."""

    cells: dict[str, Number]
    version: str
    source: str


class Rtl(TypedDict):
    """rtl.json."""

    part: str
    language: Literal["verilog", "vhdl"]
    clock_ns: Period
    latency_budget_ns: NotRequired[Period | None]
    latency: RtlLatency
    bits: RtlBits
    estimate: RtlEstimate
    synthesis: RtlSynthesis | None


class Hls(TypedDict):
    """hls.json."""

    backend: str
    part: str
    strategy: str
    vendor: NotRequired[dict[str, Any]]


class Emulator(TypedDict):
    """emulator.json."""

    library: Plain
    prefix: Identifier
    qonnx_sha256: Digest
    library_sha256: Digest


class Measured(TypedDict):
    """A rate in Hz."""

    rate: Number
    error: Number


class Point(TypedDict):
    """A working point."""

    name: str
    threshold: Integer
    measured: Measured | None


class Share(TypedDict):
    """An efficiency or an area, with its error."""

    value: Number
    error: Number


class Score(TypedDict):
    """The integer score's unit."""

    exponent: Integer
    divisor: Count
    bits: Count


class Trigger(TypedDict):
    """trigger.json."""

    score: Score
    rates_from: str | None
    working_points: list[Point]
    efficiency: dict[str, dict[str, Share]]
    auc: NotRequired[dict[str, Share]]


def _every_point(trigger: Trigger) -> Trigger:
    """Raise ValueError where a process lacks the efficiency of a working point."""
    for process, found in trigger["efficiency"].items():
        for point in trigger["working_points"]:
            if point["name"] not in found:
                raise ValueError(f"'{process}' has no efficiency of '{point['name']}'")
    return trigger


class Compared(TypedDict):
    """A comparison of two neighbouring stages."""

    reference: str
    other: str
    vectors: str
    events: Count
    values: Count
    differing: Count


class Checked(TypedDict):
    """A limit."""

    name: str
    value: Number | None
    limit: Number
    at_most: bool
    passed: bool | None
    text: str


class Latency(TypedDict):
    """The latency that was held to the limit."""

    source: str | None
    cycles: Count | None
    interval_cycles: Count | None
    clock_ns: Number | None
    nanoseconds: Number | None
    measured: bool


class Missing(TypedDict):
    """A stage that was not compared."""

    where: str
    what: str


class WorkingRate(TypedDict):
    """The share of the background at a threshold."""

    rate: Number


class Stage(TypedDict):
    """A stage's figures."""

    stage: str
    loss: Number | None
    point: WorkingRate


class Limited(TypedDict):
    """An efficiency with its limits."""

    value: Number
    low: Number
    high: Number
    from_threshold: Number


class Signal(TypedDict):
    """A signal's figures by stage."""

    name: str
    auc: dict[str, Share]
    efficiency: dict[str, Limited]


class Residual(TypedDict):
    """A feature's residual in hardware units."""

    feature: str
    sigma68: Share


class Physics(TypedDict):
    """What was measured on validation events; residuals by stage, a feature each."""

    background_events: Count
    stages: Annotated[list[Stage], Field(min_length=1)]
    signals: list[Signal]
    agreement: Number
    rank_correlation: Number
    residuals: dict[str, list[Residual]]
    steps: list[Number]
    units: list[str]


def _every_stage(physics: Physics) -> Physics:
    """Raise ValueError where a stage lacks a figure that the others have."""
    stages = [stage["stage"] for stage in physics["stages"]]
    figures = [signal[key] for signal in physics["signals"] for key in ("auc", "efficiency")]
    if any(stage not in found for found in figures for stage in stages):
        raise ValueError("a signal has no figure of a stage")
    widths = {len(found) for found in physics["residuals"].values()}
    if not widths <= {len(physics["steps"])} or len(physics["units"]) != len(physics["steps"]):
        raise ValueError("residuals, steps and units are not of the same features")
    return physics


class Verdict(TypedDict):
    """verify.json."""

    passed: bool
    failures: list[str]
    ladder: list[Compared]
    checks: list[Checked]
    latency: Latency
    not_run: list[Missing]
    physics: Annotated[Physics, AfterValidator(_every_stage)] | None
    notes: NotRequired[list[str]]


class DataFile(TypedDict):
    """A file that was read."""

    bytes: Count
    sha256: str


class Data(TypedDict):
    """The events that a run began with, and their files."""

    sha256: str
    files: NotRequired[dict[str, DataFile]]


class Environment(TypedDict):
    """environment.json."""

    python: str
    platform: str
    packages: dict[str, str | None]
    device: str
    threads: Annotated[int, Field(ge=1, le=4096)]
    seed: Integer
    data: Data
    git: NotRequired[dict[str, Any] | None]


class Export(TypedDict):
    """export.json."""

    kernel: str
    events: Count
    values: Count
    differing: Count
    levels: Count
    skipped: NotRequired[bool]


# of a training, in order; few have the second
PhaseName = Literal["float", "embedding", "qat"]


class Epoch(TypedDict):
    """A line of metrics.jsonl."""

    phase: PhaseName
    epoch: Count
    train_loss: Number | None
    val_loss: Number | None


class Cluster(TypedDict):
    """A clustering and how well it is the classes."""

    method: str
    adjusted_rand: Number
    mutual_information: Number
    counts: list[list[Number]]


class Clusters(TypedDict):
    """clusters.json."""

    classes: list[str]
    clusters: list[Cluster]
    map: list[list[list[Number]]]


class Drifted(TypedDict):
    """A rate and efficiencies under a condition."""

    rate: Number
    error: Number
    factor: Number | None
    factor_error: Number | None
    changed: Number
    efficiency: dict[str, dict[str, Number]]


class Drift(TypedDict):
    """A condition of `aetrig stability`."""

    group: str
    family: str | None
    name: str
    size: Number | None
    points: dict[str, Drifted]


class Stability(TypedDict):
    """stability.json."""

    unit: str
    rates_from: str
    points_from: str
    points: Annotated[list[dict[str, Any]], Field(min_length=1)]
    signals: dict[str, Count]
    conditions: list[Drift]
    left_out: list[dict[str, str]]
    limits: dict[str, dict[str, Number]]
    passed: bool
    failures: list[str]


class GoldenVectors(TypedDict):
    """Which vectors golden.npz holds: those chosen for faults are its last."""

    chosen: Count
    faults: dict[str, Count]


class Golden(TypedDict):
    """golden.json of a folder of golden vectors."""

    version: int
    sha256: dict[Plain, str]
    vectors: NotRequired[GoldenVectors]
    rtl: NotRequired[dict[str, Any] | None]


class Scaling(TypedDict):
    """scaling.json: a number a feature."""

    kind: str
    names: list[str]
    offset: list[Annotated[int, Field(ge=-(1 << 31), le=1 << 31)]]
    shift: list[Annotated[int, Field(ge=-64, le=64)]]
    center: list[Number]
    factor: list[Number]
    constant: list[bool]
    rounding_loss: list[Number]
    warnings: list[str]


SHAPES: dict[str, tuple[Any, str]] = {
    "rtl.json": (Rtl, "rtl --force"),
    "hls.json": (Hls, "hls --force"),
    "emulator.json": (Emulator, "emulator --force"),
    "trigger.json": (Annotated[Trigger, AfterValidator(_every_point)], "threshold --force"),
    "verify.json": (Verdict, "verify"),
    "export.json": (Export, "export-onnx --force"),
    "clusters.json": (Clusters, "clusters --force"),
    "stability.json": (Stability, "stability --force"),
    "environment.json": (Environment, "qat, into a new run"),
    "golden.json": (Golden, "golden write"),
}  # by the file's name: what it holds, and the command that makes it


def read_record(path: Path) -> dict[str, Any]:
    """Return a JSON file of a run, by its name; raise UserError where it is not what it should be.

    A file whose name is not among ``SHAPES`` is a mapping.
    """
    shape, command = SHAPES.get(path.name, (dict[str, Any], "the command that wrote it"))
    content: dict[str, Any] = read_json(path, shape, f"make it again: aetrig {command}")
    return content


def read_record_if_there(path: Path) -> dict[str, Any] | None:
    """Return a JSON file of a run as `read_record`, or None where there is none."""
    return read_record(path) if path.is_symlink() or path.exists() else None
