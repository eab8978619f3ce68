"""`aetrig import`: a network that was trained elsewhere becomes a run of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from torch import nn

from aetrig import config as configuration
from aetrig.bring import RECORD, SOURCE, names
from aetrig.bring.execute import Reference, reference, to_record
from aetrig.bring.module import export_module, module_from_file, module_integers
from aetrig.bring.scaling import AUTO, INTEGERS, Scaled, before_the_file, composed, recorded
from aetrig.bring.source import Source, load_source
from aetrig.bring.walk import Walk, walk
from aetrig.bring.write import to_qonnx
from aetrig.config.model import RunConfig
from aetrig.data import features as feature_file
from aetrig.data import vectors
from aetrig.data.dataset import Dataset, Feature
from aetrig.data.load import load
from aetrig.data.origin import origin
from aetrig.data.scaling import InputScaling, fit_scaling
from aetrig.errors import CheckFailedError, UserError
from aetrig.export.plain import KERNEL_METADATA, to_plain
from aetrig.export.session import LEVELS, layer_integers, open_session, output_integers
from aetrig.files import workspace
from aetrig.program.compare import first_difference
from aetrig.program.contract import NETWORK
from aetrig.program.evaluate import trace
from aetrig.program.graph import INPUT_METADATA
from aetrig.program.model import Affine, Format, Integers, Program, Quantize, Rescale
from aetrig.program.probe import smoke_vectors
from aetrig.program.read import read
from aetrig.run import Run, held, new_run, replacing, sha256, write_json, write_text
from aetrig.train import environment, metrics
from aetrig.train.prepare import CONFIG, ENVIRONMENT, FEATURES, SCALING, TEST, VECTORS, parts

PLAIN = "model.onnx"
OUTPUTS = (
    CONFIG, ENVIRONMENT, SCALING, FEATURES, VECTORS, metrics.FILE, SOURCE, RECORD, NETWORK, PLAIN,
)  # fmt: skip
CHUNK, DRAWN, SEED = 16_384, 2000, 20260101


@dataclass(frozen=True)
class ImportResult:
    """The run that was made. ``layers``: name in the run and in the imported file.

    ``events``, ``values``: compared with QONNX's executor and onnxruntime, zero differing.
    ``notes``: lines that a person should read.
    """

    run: Run
    program: Program
    layers: tuple[tuple[str, str], ...]
    scaling: str
    kernel: str
    events: int
    values: int
    with_module: bool
    notes: tuple[str, ...]

    def rows(self) -> list[list[str]]:
        """Return a row a layer: its name in the run, in the file, its width."""
        affines = [op for op in self.program.operations if isinstance(op, Affine)]
        widths = {op.name: str(len(op.bias)) for op in affines}
        return [[name, own, widths[name]] for name, own in self.layers]

    def summary(self) -> str:
        """Return one line."""
        against = "QONNX's executor" + (", the live module" if self.with_module else "")
        return (
            f"{self.run / NETWORK} and {PLAIN} written (kernel {self.kernel}; {self.scaling}): 0 "
            f"of {self.values:,} values differ from {against} and onnxruntime in {self.events:,} "
            "events. Next: aetrig threshold, or aetrig hls"
        )


def import_network(
    path: Path,
    config: RunConfig,
    runs: Path,
    *,
    base: Path,
    scaling: str = AUTO,
    force: bool = False,
) -> ImportResult:
    """Make the run ``runs/<config.name>`` of a QONNX file.

    ``config``: gives data, scaling, trigger and options of later stages; network and quantization
    are taken from the file. ``base``: folder where relative names of data files may start.
    ``scaling``: what the file takes: auto, config, integers, or a JSON file (see
    `aetrig.bring.scaling`). Raises UserError, naming layer or tensor, for a network that is not
    supported, bad data, or a run that exists (without ``force``); CheckFailedError where the
    Program and QONNX's executor or onnxruntime differ in any bit. Nothing is left behind then.
    """
    _look(config, runs, force=force)
    source = load_source(path)
    dataset = load(config.data, base)
    files = origin(config.data, base)
    return _import(source, path, dataset, config, runs, scaling, None, files, force=force)


def import_module(
    module: nn.Module,
    config: RunConfig,
    runs: Path,
    *,
    base: Path,
    scaling: str = AUTO,
    force: bool = False,
) -> ImportResult:
    """Make the run ``runs/<config.name>`` of a live Brevitas module.

    It is exported by Brevitas, imported as a QONNX file is, and its own output is compared too.
    Otherwise as `import_network`.
    """
    _look(config, runs, force=force)
    dataset = load(config.data, base)
    with workspace() as folder:
        path = folder / f"{type(module).__name__}.qonnx.onnx"
        export_module(module, len(dataset.features), path)
        try:
            source = load_source(path)
            files = origin(config.data, base)
            return _import(source, path, dataset, config, runs, scaling, module, files, force=force)
        except UserError as error:
            # the user knows no file
            raise UserError(
                str(error).replace(f"{path}: ", f"{type(module).__name__}: ")
            ) from error


def import_file(
    path: Path,
    function: str,
    config: RunConfig,
    runs: Path,
    *,
    base: Path,
    weights: Path | None = None,
    scaling: str = AUTO,
    force: bool = False,
) -> ImportResult:
    """Import the module that a function of a Python file makes. The file is executed."""
    module = module_from_file(path, function, weights)
    return import_module(module, config, runs, base=base, scaling=scaling, force=force)


@dataclass(frozen=True)
class _Brought:
    """A network on its data.

    ``program``: as it is to be read back. ``tensors``: the file's tensor by quantizer.
    ``layers``: names here and in the file. ``before``: what happens before the file's input.
    ``own``: the file is one of aetrig's, and stays as it is.
    """

    program: Program
    tensors: dict[str, str]
    layers: tuple[tuple[str, str], ...]
    before: Scaled
    scaling: InputScaling
    own: bool


def _import(
    source: Source,
    path: Path,
    dataset: Dataset,
    config: RunConfig,
    runs: Path,
    scaling: str,
    module: nn.Module | None,
    files: dict[str, dict[str, Any]],
    *,
    force: bool,
) -> ImportResult:
    """Make the run of a file that was read, and of the module that it was exported from if any."""
    training, validation, test = parts(dataset, config)
    fitted = fit_scaling(dataset, training, config.scaling)
    brought = _brought(source, dataset.features, fitted, scaling)
    settings = names.described(config, brought.program)
    with held(runs / config.name), replacing(runs / config.name) as folder:
        folder.mkdir()
        run = Run(folder)
        data = _describe(run, settings, dataset, brought.scaling, files)
        vectors.save(run / VECTORS, dataset.select(validation))
        if len(test):
            vectors.save(run / TEST, dataset.select(test))
        program, kernel = _write(run, path, source, brought, dataset.features)
        outer = brought.before
        checked = reference(source.model, program, brought.tensors, outer.offset, outer.shift)
        x = _events(program, dataset.x[validation])
        values = _check(run, program, checked, module, x)
        write_json(run / RECORD, _content(path, brought, checked, module))
        outputs = (*OUTPUTS, TEST) if len(test) else OUTPUTS
        run.record("import", outputs, [], {"data": data, "file": sha256(path)})
        new_run(runs, config.name, force=force)  # sets a replaced run aside
    notes = (*dataset.notes, *brought.scaling.warnings)
    return ImportResult(
        Run(runs / config.name),
        program,
        brought.layers,
        outer.origin,
        kernel,
        len(x),
        values,
        module is not None,
        notes,
    )


def _look(config: RunConfig, runs: Path, *, force: bool) -> None:
    """Refuse a run that exists before any work; it is set aside only once it is replaced."""
    if not force:
        new_run(runs, config.name, force=False)


def _brought(
    source: Source, features: tuple[Feature, ...], fitted: InputScaling, choice: str
) -> _Brought:
    """Return the file's network on the data's features, under the names of a run."""
    if INPUT_METADATA in source.graph.metadata:
        return _own(source, features, fitted, choice)
    found = walk(source.graph, len(features))
    before = before_the_file(choice, fitted, file_scales=found.scaled)
    rescale = composed(before, found.offset, found.factor, str(source.graph.path))
    widths = [len(op.bias) for op in found.operations if isinstance(op, Affine)]
    encoder, decoder = names.layer_names(len(features), widths)
    operations, final = names.renamed(found.operations, (*encoder, *decoder))
    formats = tuple(Format(item.grid.bits, item.grid.signed, 0) for item in features)
    return _Brought(
        Program(formats, (rescale, *operations), ""),
        {final[name]: tensor for name, tensor in found.tensors.items()},
        tuple(_layers(found, final)),
        before,
        recorded(rescale, fitted.names, before),
        own=False,
    )


def _layers(found: Walk, final: dict[str, str]) -> Iterator[tuple[str, str]]:
    for op, node in zip(found.operations, found.nodes, strict=True):
        if isinstance(op, Affine):
            yield final[op.name], node


def _own(
    source: Source, features: tuple[Feature, ...], fitted: InputScaling, choice: str
) -> _Brought:
    """Return the network of a file that this program exported: it says all that is needed."""
    path = source.graph.path
    program = read(path)
    if choice not in (AUTO, INTEGERS):
        raise UserError(f"{path}: aetrig exported it, with its scaling; leave --scaling out")
    _check_features(path, program, source.graph.metadata[INPUT_METADATA], features)
    rescale = program.operations[0]
    if not isinstance(rescale, Rescale):
        raise UserError(f"{path}: does not begin with the input scaling; export it again")
    outputs = {node.name: str(node.output[0]) for node in source.graph.nodes}
    quantizers = [op.name for op in program.operations if isinstance(op, Quantize)]
    before = before_the_file(INTEGERS, fitted, file_scales=True)
    return _Brought(
        program,
        {name: outputs[name] for name in quantizers},
        tuple((name, name) for name in names.affine_names(program)),
        before,
        recorded(rescale, fitted.names, before),
        own=True,
    )


def _check_features(
    path: Path, program: Program, metadata: str, features: tuple[Feature, ...]
) -> None:
    """Compare the integers that the file states with those that the config's data deliver."""
    if program.features != len(features):
        raise UserError(
            f"{path}: takes {program.features} features, the config's data have {len(features)}"
        )
    stated = json.loads(metadata)  # read before, by the Program
    for index, (form, feature) in enumerate(zip(program.input_formats, features, strict=True)):
        grid = feature.grid
        found = {"features": feature.name, "steps": grid.step, "units": grid.unit}
        for key, value in found.items():
            known = stated.get(key)
            if known is not None and known[index] != value:
                raise UserError(
                    f"{path}: feature {index} is {known[index]!r} in its {key}, in the config's "
                    f"data {value!r}"
                )
        if (form.bits, form.signed) != (grid.bits, grid.signed):
            raise UserError(
                f"{path}: feature '{feature.name}' has {_integers(form.bits, form.signed)}, in the "
                f"config's data {_integers(grid.bits, grid.signed)}"
            )


def _integers(bits: int, signed: bool) -> str:
    return f"{bits} {'signed' if signed else 'unsigned'} bits"


def _describe(
    run: Run,
    config: RunConfig,
    dataset: Dataset,
    scaling: InputScaling,
    files: dict[str, dict[str, Any]],
) -> str:
    """Write what describes the run, as a training does; return the data's digest."""
    here = environment.describe(dataset, config.seed, "cpu", 1, files)
    write_text(run / CONFIG, configuration.dump(config))
    write_json(run / ENVIRONMENT, here)
    write_json(run / SCALING, scaling.to_json())
    feature_file.save(run / FEATURES, dataset.features)
    write_text(run / metrics.FILE, "")  # no epochs were trained here
    return str(here["data"]["sha256"])


def _write(
    run: Run, path: Path, source: Source, brought: _Brought, features: tuple[Feature, ...]
) -> tuple[Program, str]:
    """Write the file as it was brought, the contract and the plain model; return its kernel."""
    onnx.save(source.model, run / SOURCE)
    if brought.own:
        (run / NETWORK).write_bytes(path.read_bytes())
    else:
        onnx.save(to_qonnx(brought.program, features), run / NETWORK)
    program = read(run / NETWORK)
    plain = to_plain(program)
    onnx.save(plain, run / PLAIN)
    return program, next(p.value for p in plain.metadata_props if p.key == KERNEL_METADATA)


def _events(program: Program, validation: npt.NDArray[np.int32]) -> Integers:
    """Return corners, integers drawn from the whole range, and the validation events."""
    x = validation.astype(np.int64)
    low, high = (
        np.array([getattr(form, end) for form in program.input_formats], np.int64)
        for end in ("low", "high")
    )
    shape = (DRAWN, program.features)
    drawn = np.random.default_rng(SEED).integers(low, high + 1, shape)
    return np.concatenate([smoke_vectors(program, x[:0]), drawn, x])


def _check(
    run: Run, program: Program, checked: Reference, module: nn.Module | None, x: Integers
) -> int:
    """Compare the Program with all that computes the same; return the integers compared."""
    output, exponent = program.operations[-1].name, program.output_format.exponent
    sessions = {level: open_session(run / PLAIN, level) for level in LEVELS}
    values = 0
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK]
        events = part.astype(np.int32)
        found = trace(program, part)
        brought = checked.trace(part)
        values += sum(array.size for array in brought.values())
        _equal("the Program", "QONNX's executor on the imported file", brought, found)
        if module is not None:
            numbers = np.ldexp((part - checked.offset).astype(np.float64), -checked.shift)
            live = {output: module_integers(module, numbers, exponent)}
            _equal("the Program", "the live module", live, found)
        _equal(
            "onnxruntime, layer by layer,",
            "the Program",
            found,
            layer_integers(run / PLAIN, events),
        )
        for level, session in sessions.items():
            stage = f"onnxruntime at optimization level '{level}'"
            whole = {output: output_integers(session, events, exponent)}
            _equal(stage, "the Program", found, whole)
    return values


def _equal(
    stage: str, against: str, wanted: dict[str, Integers], found: dict[str, Integers]
) -> None:
    difference = first_difference(wanted, found)
    if difference is not None:
        raise CheckFailedError(f"{stage} differs from {against}: {difference}")


def _content(
    path: Path, brought: _Brought, checked: Reference, module: nn.Module | None
) -> dict[str, Any]:
    return {
        "version": 1,
        "file": path.name,
        "sha256": sha256(path),
        "module": module is not None,
        "layers": dict(brought.layers),
        "scaling": brought.before.origin,
        "reference": to_record(checked),
    }
