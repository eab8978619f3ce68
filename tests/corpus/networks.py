"""ONNX in all its roles: the contract, the trigger, the plain model, a foreign file, a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from corpus.case import HARMLESS, ODD, Build, Case, Damage, Place, damages, never_a_file, resign
from corpus.tables import payloads

QONNX, TRIGGER, PLAIN = "model.qonnx.onnx", "trigger.qonnx.onnx", "model.onnx"
Change = Callable[[Any], None]


def _changed(path: Path, change: Change) -> None:
    import onnx

    model = onnx.ModelProto()
    model.ParseFromString(path.read_bytes())
    change(model)
    path.write_bytes(model.SerializeToString())


def contract(name: str, spoil: Callable[[Path], None]) -> Build:
    """Return a case of a run whose contract is bad, and signed as if a stage had written it."""

    def build(place: Place) -> list[str]:
        run = place.run()
        spoil(run / name)
        if name == QONNX:
            (run / TRIGGER).unlink()
        if (run / name).is_file() and (run / name).stat().st_size:
            resign(run, name)
        return ["hls", "--run", "runs/small", "--dry-run"]

    return build


def foreign(spoil: Callable[[Path], None]) -> Build:
    """Return a case of a file that was trained elsewhere."""

    def build(place: Place) -> list[str]:
        path = place / "brought.onnx"
        path.write_bytes((place.base / "runs" / "small" / QONNX).read_bytes())
        spoil(path)
        config = place.config(files=[str(place.base / "events.csv")])
        return ["import", "brought.onnx", "--config", config.name, "--name", "brought"]

    return build


def altered(name: str, damage: Damage, *words: str) -> Build:
    """Return a case of an artefact that is no longer what its stage wrote."""

    def build(place: Place) -> list[str]:
        path = place.run() / name
        path.write_bytes(damage(path.read_bytes()))
        return [*words, "--run", "runs/small"]

    return build


def plain(spoil: Callable[[Path], None], name: str = PLAIN) -> Build:
    """Return a case of a golden folder whose plain model is bad."""

    def build(place: Place) -> list[str]:
        import json
        import shutil

        from aetrig.run import sha256

        folder = place / "golden"
        shutil.copytree(place.base / "golden", folder)
        spoil(folder / name)
        summary = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
        if (folder / name).is_file() and (folder / name).stat().st_size:
            summary["sha256"][name] = sha256(folder / name)
        (folder / "golden.json").write_text(json.dumps(summary), encoding="utf-8")
        return ["golden", "check", "golden"]

    return build


def _model(change: Change) -> Callable[[Path], None]:
    return lambda path: _changed(path, change)


def _nodes(model: Any, kind: str) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == kind]


def _initializer(model: Any, of: str = "MatMul", side: int = 1) -> Any:
    """Return the constant behind a node's operand, through its quantizer."""
    constants = {item.name: item for item in model.graph.initializer}
    makers = {output: node for node in model.graph.node for output in node.output}
    name = _nodes(model, of)[0].input[side]
    while name not in constants:
        name = makers[name].input[0]
    return constants[name]


def _external(model: Any) -> None:
    tensor = _initializer(model)
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in (("location", "../../../etc/passwd"), ("offset", "0"), ("length", "64")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _external_flag(model: Any) -> None:
    _external(model)
    del _initializer(model).external_data[:]


def _external_attribute(model: Any) -> None:
    """Hide a tensor that lies elsewhere in a node's attribute."""
    from onnx import helper

    tensor = _initializer(model)
    name = tensor.name
    node = helper.make_node("Constant", [], [name], value=tensor)
    held = node.attribute[0].t
    held.ClearField("raw_data")
    held.data_location = 1
    entry = held.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    model.graph.initializer.remove(tensor)
    model.graph.node.insert(0, node)


def _huge_dims(model: Any) -> None:
    tensor = _initializer(model)
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    del tensor.dims[:]
    tensor.dims.extend([1 << 40, 1 << 20])


def _overflowing_dims(model: Any) -> None:
    tensor = _initializer(model)
    del tensor.dims[:]
    tensor.dims.extend([1 << 33, 1 << 33])


def _negative_dims(model: Any) -> None:
    tensor = _initializer(model)
    del tensor.dims[:]
    tensor.dims.extend([-1, -48])


def _wrong_type(model: Any) -> None:
    _initializer(model).data_type = 8  # text


def _unknown_type(model: Any) -> None:
    _initializer(model).data_type = 99


def _complex(model: Any) -> None:
    _initializer(model).data_type = 14


def _filled(value: float, of: str = "MatMul", side: int = 1) -> Change:
    def change(model: Any) -> None:
        tensor = _initializer(model, of, side)
        count = max(1, int(np.prod(tensor.dims)))
        tensor.ClearField("float_data")
        tensor.data_type = 1
        tensor.raw_data = np.full(count, value, np.float32).tobytes()

    return change


def _transposed(model: Any) -> None:
    tensor = _initializer(model)
    dims = list(tensor.dims)[::-1]
    del tensor.dims[:]
    tensor.dims.extend(dims)


def _one_row_short(model: Any) -> None:
    tensor = _initializer(model)
    dims = list(tensor.dims)
    tensor.raw_data = tensor.raw_data[: 4 * (dims[0] - 1) * dims[1]]
    tensor.dims[0] -= 1


def _cut_data(model: Any) -> None:
    tensor = _initializer(model)
    tensor.raw_data = tensor.raw_data[:-3]


def _circle(model: Any) -> None:
    first, last = _nodes(model, "MatMul")[0], _nodes(model, "MatMul")[-1]
    first.input[0] = last.output[0]


def _to_itself(model: Any) -> None:
    node = _nodes(model, "Relu")[0] if _nodes(model, "Relu") else _nodes(model, "Add")[0]
    node.input[0] = node.output[0]


def _parameter_circle(model: Any) -> None:
    """Let two weight quantizers be made of one another."""
    quantizers = _nodes(model, "Quant")
    quantizers[0].input[0] = quantizers[1].output[0]
    quantizers[1].input[0] = quantizers[0].output[0]


def _missing_edge(model: Any) -> None:
    _nodes(model, "MatMul")[0].input[0] = "nowhere"


def _no_inputs(model: Any) -> None:
    del _nodes(model, "MatMul")[0].input[:]


def _no_outputs(model: Any) -> None:
    del _nodes(model, "MatMul")[0].output[:]


def _quant_without_inputs(model: Any) -> None:
    for node in _nodes(model, "Quant"):
        del node.input[1:]


def _empty_name(model: Any) -> None:
    _nodes(model, "MatMul")[0].input[1] = ""


def _output_twice(model: Any) -> None:
    nodes = _nodes(model, "MatMul")
    nodes[1].output[0] = nodes[0].output[0]


def _graph_output_twice(model: Any) -> None:
    model.graph.output.append(model.graph.output[0])


def _initializer_twice(model: Any) -> None:
    model.graph.initializer.append(_initializer(model))


def _unknown_op(model: Any) -> None:
    _nodes(model, "MatMul")[0].op_type = "Teleport"


def _unknown_domain(model: Any) -> None:
    node = _nodes(model, "MatMul")[0]
    node.op_type, node.domain = "System", "os"


def _loop_op(model: Any) -> None:
    _nodes(model, "MatMul")[0].op_type = "Loop"


def _unknown_rounding(model: Any) -> None:
    for node in _nodes(model, "Quant"):
        for item in node.attribute:
            if item.name == "rounding_mode":
                item.s = b"\xff\xfe"


def _number_as_rounding(model: Any) -> None:
    from onnx import helper

    for node in _nodes(model, "Quant"):
        kept = [item for item in node.attribute if item.name != "rounding_mode"]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute("rounding_mode", 3)])


def _metadata(text: str, key: str = "aetrig.input") -> Change:
    def change(model: Any) -> None:
        for item in model.metadata_props:
            if item.key == key:
                item.value = text

    return change


def _no_metadata(model: Any) -> None:
    del model.metadata_props[:]


def _same_names(model: Any) -> None:
    for node in model.graph.node:
        node.name = "same"


def _names(text: str) -> Change:
    def change(model: Any) -> None:
        for number, node in enumerate(model.graph.node):
            node.name = f"{text}{number}"

    return change


def _many_nodes(model: Any) -> None:
    """Put a long chain of activations behind the input."""
    from onnx import helper

    before = model.graph.input[0].name
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == before:
                node.input[index] = "end"
    made = [
        helper.make_node("Relu", [before if i == 0 else f"t{i}"], [f"t{i + 1}"], name=f"r{i}")
        for i in range(20_000)
    ]
    made[-1].output[0] = "end"
    for node in reversed(made):
        model.graph.node.insert(0, node)


def _wide_matmul(model: Any) -> None:
    """Claim a layer of 2**31 neurons by the shape of the weight alone."""
    tensor = _initializer(model)
    tensor.ClearField("raw_data")
    tensor.dims[1] = 1 << 31


def _opset(version: int) -> Change:
    def change(model: Any) -> None:
        for item in model.opset_import:
            item.version = version

    return change


def _no_graph(model: Any) -> None:
    model.ClearField("graph")


def _recursive_graph(model: Any) -> None:
    """Nest graphs in attributes."""
    from onnx import helper

    inner = helper.make_graph([], "g", [], [])
    for _ in range(60):
        node = helper.make_node("If", ["c"], ["o"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([node], "g", [], [])
        if inner.ByteSize() > 1 << 20:
            break
    model.graph.node.append(helper.make_node("If", ["c"], ["deep"], then_branch=inner))


def _sparse(model: Any) -> None:
    tensor = _initializer(model)
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor)
    sparse.dims.extend([1 << 40, 1 << 20])
    model.graph.initializer.remove(tensor)


FORMATS_TOO_MANY = '{"formats": [' + ",".join(["[10, true]"] * 500_000) + "]}"
CHANGES: tuple[tuple[str, str, Change], ...] = (
    ("links", "external-data", _external),
    ("links", "external-flag", _external_flag),
    ("links", "external-in-constant", _external_attribute),
    ("absurd size", "huge-dims", _huge_dims),
    ("absurd size", "overflowing-dims", _overflowing_dims),
    ("absurd size", "wide-matmul", _wide_matmul),
    ("absurd size", "many-nodes", _many_nodes),
    ("absurd size", "sparse-dims", _sparse),
    ("wrong shape", "negative-dims", _negative_dims),
    ("wrong shape", "transposed", _transposed),
    ("wrong shape", "row-missing", _one_row_short),
    ("wrong shape", "data-cut", _cut_data),
    ("wrong dtype", "text", _wrong_type),
    ("wrong dtype", "unknown", _unknown_type),
    ("wrong dtype", "complex", _complex),
    ("NaN and infinity", "nan-weight", _filled(float("nan"))),
    ("NaN and infinity", "infinite-weight", _filled(float("inf"))),
    ("NaN and infinity", "nan-offset", _filled(float("nan"), "Sub")),
    ("NaN and infinity", "infinite-factor", _filled(float("inf"), "Mul")),
    ("huge number", "zero-factor", _filled(0.0, "Mul")),
    ("huge number", "nan-scale", _filled(float("nan"), "Quant")),
    ("huge number", "huge-bits", _filled(1e9, "Quant", 3)),
    ("huge number", "infinite-bits", _filled(float("inf"), "Quant", 3)),
    ("graph", "circle", _circle),
    ("graph", "node-of-itself", _to_itself),
    ("graph", "circle-of-parameters", _parameter_circle),
    ("graph", "missing-edge", _missing_edge),
    ("graph", "no-inputs", _no_inputs),
    ("graph", "no-outputs", _no_outputs),
    ("graph", "quant-without-inputs", _quant_without_inputs),
    ("graph", "empty-name", _empty_name),
    ("graph", "output-twice", _output_twice),
    ("graph", "graph-output-twice", _graph_output_twice),
    ("graph", "unknown-operator", _unknown_op),
    ("graph", "unknown-domain", _unknown_domain),
    ("graph", "loop", _loop_op),
    ("graph", "rounding-bytes", _unknown_rounding),
    ("graph", "rounding-number", _number_as_rounding),
    ("graph", "same-names", _same_names),
    ("graph", "no-graph", _no_graph),
)
METADATA: tuple[tuple[str, str, Change], ...] = (
    ("keys", "no-metadata", _no_metadata),
    ("keys", "metadata-of-another-shape", _metadata('{"formats": [[1]]}')),
    ("keys", "metadata-list", _metadata("[1]")),
    ("keys", "metadata-null", _metadata('{"formats": null}')),
    ("deep nesting", "metadata-deep", _metadata("[" * 100_000)),
    ("absurd size", "metadata-many", _metadata(FORMATS_TOO_MANY)),
    ("huge number", "metadata-bits", _metadata('{"formats": [[1e400, true]]}')),
)


def cases() -> Iterator[Case]:
    """Yield the cases of networks."""
    for kind, name, damage, codes in damages(seed=3):
        spoil = _bytes(damage)
        yield Case("contract", kind, name, contract(QONNX, spoil), QONNX, codes)
        yield Case("trigger", kind, name, contract(TRIGGER, spoil), TRIGGER, codes)
        yield Case("foreign ONNX", kind, name, foreign(spoil), "brought.onnx", codes)
        # at the end nothing may be accepted: the digest says that it is another file
        yield Case("contract", kind, f"digest-{name}",
                   altered(QONNX, damage, "threshold", "--fpr", "0.05", "--force"), QONNX)  # fmt: skip
    for kind, name, change in CHANGES:
        yield Case("contract", kind, name, contract(QONNX, _model(change)), QONNX)
        yield Case("foreign ONNX", kind, name, foreign(_model(change)), "brought.onnx")
    for kind, name, change in METADATA:
        yield Case("contract", kind, name, contract(QONNX, _model(change)), QONNX)
    # a repeated constant is what it was; names that are no file names are never used as such
    for name, change in (
        ("initializer-twice", _initializer_twice), ("graphs-in-graphs", _recursive_graph),
        ("tiny-scale", _filled(2.0**-149, "Quant")), ("opset-0", _opset(0)), ("opset-huge", _opset(1 << 40)),
        ("names-up", _names("../../../outside/")), ("names-escape", _names("\x1b[31m")),
    ):  # fmt: skip
        codes = (0, 1, 2)  # 1: QONNX's executor and the Program differ
        yield Case("contract", "graph", name, contract(QONNX, _model(change)), "", codes)
        yield Case("foreign ONNX", "graph", name, foreign(_model(change)), "", codes)
    for kind in ODD:
        yield Case("contract", "not a file", kind, contract(QONNX, _odd(kind)), QONNX)
        yield Case("foreign ONNX", "not a file", kind, foreign(_odd(kind)), "brought.onnx")
        yield Case("plain ONNX", "not a file", kind, plain(_odd(kind)), PLAIN)
    yield from _triggers()
    yield from _plains()
    yield from _modules()


def _bytes(damage: Damage) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(damage(path.read_bytes())) and None


def _odd(kind: str) -> Callable[[Path], None]:
    return lambda path: never_a_file(path, kind)


def _triggers() -> Iterator[Case]:
    key = "aetrig.trigger"

    def score_of_itself(model: Any) -> None:
        node = _nodes(model, "ReduceSum")[0]
        node.input[0] = node.output[0]

    def two_outputs(model: Any) -> None:
        del model.graph.output[2:]

    def nan_threshold(model: Any) -> None:
        _filled(float("nan"), "Greater")(model)

    def no_operands(model: Any) -> None:
        for kind in ("Greater", "Sub", "Cast"):
            for node in _nodes(model, kind)[-1:]:
                del node.input[:]

    for kind, name, change in (
        ("keys", "points-missing", _metadata('{"network": "x"}', key)),
        ("keys", "points-number", _metadata('{"network": "x", "points": 3}', key)),
        ("keys", "list", _metadata("[]", key)),
        ("deep nesting", "metadata", _metadata("[" * 100_000, key)),
        ("wrong shape", "points-too-many", _metadata('{"network": "x", "points": ["a", "b"]}', key)),
        ("keys", "points-twice", _metadata('{"network": "x", "points": ["a", "a"]}', key)),
        ("graph", "score-of-itself", score_of_itself),
        ("graph", "two-outputs", two_outputs),
        ("graph", "no-operands", no_operands),
        ("NaN and infinity", "nan-threshold", nan_threshold),
    ):  # fmt: skip
        yield Case("trigger", kind, name, contract(TRIGGER, _model(change)), TRIGGER)
    for name, points in (("up", '["../../outside"]'), ("escape", '["\\u001b[2J"]')):
        text = f'{{"network": "x", "points": {points}}}'
        change = _metadata(text, key)
        yield Case(
            "trigger", "path", f"point-{name}", contract(TRIGGER, _model(change)), "", HARMLESS
        )


def _plains() -> Iterator[Case]:
    for kind, name, damage, _ in damages(flips=0):
        yield Case("plain ONNX", kind, name, plain(_bytes(damage)), PLAIN)

    def unknown(model: Any) -> None:
        model.graph.node[0].op_type = "Teleport"

    def external(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "/etc/passwd"

    def huge(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        del tensor.dims[:]
        tensor.dims.extend([1 << 40, 1 << 20])

    def circle(model: Any) -> None:
        model.graph.node[0].input[0] = model.graph.node[-1].output[0]

    for kind, name, change in (
        ("graph", "unknown-operator", unknown), ("links", "external-data", external),
        ("absurd size", "huge-dims", huge), ("graph", "circle", circle),
        ("graph", "no-graph", _no_graph),
    ):  # fmt: skip
        yield Case("plain ONNX", kind, name, plain(_model(change)), PLAIN)


MODULE = """\
import torch
from torch import nn

def make():
    return nn.Linear(6, 6)

def other():
    return 3

def fails():
    raise KeyError("x")

def exits():
    import sys
    sys.exit(0)
"""


def _modules() -> Iterator[Case]:
    """Yield Brevitas modules and their weights; the Python file itself is the user's own."""

    def module(text: str, function: str, weights: Callable[[Place, Path], None] | None) -> Build:
        def build(place: Place) -> list[str]:
            (place / "net.py").write_text(text, encoding="utf-8")
            config = place.config(files=[str(place.base / "events.csv")])
            words = ["import", f"net.py:{function}", "--config", config.name, "--name", "b"]
            if weights is None:
                return words
            weights(place, place / "state.pt")
            return [*words, "--weights", "state.pt"]

        return build

    yield Case("module", "wrong type", "no-module", module(MODULE, "other", None), "net.py")
    yield Case("module", "wrong type", "fails", module(MODULE, "fails", None), "net.py")
    yield Case("module", "wrong type", "exits", module(MODULE, "exits", None), "net.py")
    yield Case("module", "wrong type", "no-function", module(MODULE, "none", None), "net.py")
    yield Case("module", "wrong type", "no-python", module("def (", "make", None), "net.py")
    yield Case("module", "odd text", "nul", module("a = 1\0", "make", None), "net.py")
    yield Case("module", "graph", "no-brevitas", module(MODULE, "make", None), "")

    def state(place: Place, path: Path) -> None:
        import torch

        torch.save({"weight": torch.zeros(6, 6), "bias": torch.zeros(6)}, path)

    for kind, name, damage, _ in damages(flips=0):

        def spoiled(place: Place, path: Path, damage: Damage = damage) -> None:
            state(place, path)
            path.write_bytes(damage(path.read_bytes()))

        yield Case("module", kind, f"weights-{name}", module(MODULE, "make", spoiled), "state.pt")
    for name in ("touch", "shell", "eval"):

        def planted(place: Place, path: Path, name: str = name) -> None:
            import torch

            torch.save(payloads(place.marker)[name], path)

        yield Case("module", "carries code", f"weights-{name}",
                   module(MODULE, "make", planted), "state.pt")  # fmt: skip
    for kind in ODD:

        def odd(place: Place, path: Path, kind: str = kind) -> None:
            del place
            never_a_file(path, kind)

        yield Case("module", "not a file", f"weights-{kind}",
                   module(MODULE, "make", odd), "state.pt")  # fmt: skip
