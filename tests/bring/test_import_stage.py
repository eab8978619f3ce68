"""A network from elsewhere becomes a run that every later stage takes; a failed one leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from brevitas.nn import QuantLinear

from aetrig.bring import RECORD, SOURCE
from aetrig.bring.module import export_module, module_from_file
from aetrig.bring.stage import OUTPUTS, import_module, import_network
from aetrig.config.model import Share
from aetrig.data import vectors
from aetrig.emulator.stage import emulator
from aetrig.errors import CheckFailedError, UserError
from aetrig.program import Quantize, read, trace
from aetrig.run import Run, sha256
from aetrig.trigger.stage import threshold
from aetrig.verify.stage import verify
from aetrig.verify.summary import summary_table
from bring.foreign import MODULE, Drawing, plain, save, settings


@pytest.fixture(scope="module")
def module_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("theirs") / "squeezer.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def squeezer(module_path: Path) -> torch.nn.Module:
    """A Brevitas network with names of its own, ReLU, both roundings, trained a few steps."""
    return module_from_file(module_path, "make")


@pytest.fixture(scope="module")
def exported(squeezer: torch.nn.Module, module_path: Path) -> Path:
    path = module_path.with_name("squeezer.qonnx.onnx")
    export_module(squeezer, 6, path)
    return path


@pytest.fixture(scope="module")
def imported(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("imported")
    return import_network(exported, settings(folder), folder / "runs", base=folder).run


def names(run: Run) -> list[str]:
    return [op.name for op in read(run / "model.qonnx.onnx").operations]


def test_a_foreign_file_becomes_a_run(imported: Run) -> None:
    assert names(imported) == [
        "input_scale", "input_quant",
        "encoder_0", "encoder_0_relu", "encoder_0_quant", "encoder_1", "encoder_1_quant",
        "decoder_0", "decoder_0_relu", "decoder_0_quant", "decoder_1", "decoder_1_quant",
    ]  # fmt: skip
    roundings = {
        op.name: op.rounding
        for op in read(imported / "model.qonnx.onnx").operations
        if isinstance(op, Quantize)
    }
    assert roundings["encoder_0_quant"] == roundings["decoder_1_quant"] == "FLOOR"
    assert roundings["encoder_1_quant"] == "ROUND"
    record = json.loads((imported / RECORD).read_text(encoding="utf-8"))
    assert record["layers"]["encoder_1"] == "/neck/MatMul"
    artefacts = imported.manifest()["artefacts"]
    assert {name: artefacts[name]["stage"] for name in OUTPUTS} == dict.fromkeys(OUTPUTS, "import")
    assert imported.altered() == []


def test_the_config_describes_the_imported_network(imported: Run) -> None:
    from aetrig.config.load import load

    config = load(imported / "config.yaml")
    assert config.net.layer_names() == ("encoder_0", "encoder_1", "decoder_0", "decoder_1")
    assert (config.net.encoder, config.net.hidden_decoder) == ((9, 2), (11,))
    quant = {name: layer.model_dump() for name, layer in config.quant.layers.items()}
    assert quant["encoder_0"]["weight_bits"] == 6
    assert quant["decoder_1"]["activation_bits"] == 9
    assert quant["decoder_1"]["rounding"] == "FLOOR"


def test_later_stages_and_verify_begin_with_the_imported_file(imported: Run) -> None:
    from aetrig.config.load import load

    config = load(imported / "config.yaml", ["trigger.shares={loose: {of: qcd, share: 0.1}}"])
    threshold(imported, config.trigger)
    emulator(imported)
    verdict = verify(imported)
    # no firmware was made here; nothing else is missed, neither float nor QAT
    assert [item.where for item in verdict.not_run] == ["csim"]
    assert verdict.findings == ()
    pairs = [(row.reference, row.other) for row in verdict.ladder]
    assert pairs[0] == ("QONNX", "onnxruntime")
    assert ("Program", "emulator") in pairs
    assert sum(row.differing for row in verdict.ladder) == 0
    assert verdict.physics is not None
    assert [stage.stage for stage in verdict.physics.stages] == ["QONNX"]
    assert verdict.checks == ()
    assert "no float network to compare with" in verdict.summary()
    rows = {row[0]: row[1:4] for row in summary_table(verdict).rows}
    assert rows["AUC odd"][0] == "none"
    assert rows["AUC odd"][2] == "not run"


@pytest.mark.slow
def test_firmware_of_an_imported_network_passes(exported: Path, tmp_path: Path) -> None:
    from aetrig.hls.stage import hls

    config = settings(tmp_path)
    run = import_network(exported, config, tmp_path / "runs", base=tmp_path).run
    hls(run, config.hls)
    verdict = verify(run)
    assert verdict.failures() == []
    assert verdict.physics is not None
    assert [stage.stage for stage in verdict.physics.stages] == ["QONNX", "csim"]
    assert summary_table(verdict).columns[1:4] == ("float", "QONNX", "firmware")


def test_verify_finds_a_changed_contract_against_the_imported_file(
    imported: Run, tmp_path: Path
) -> None:
    import shutil

    run = Run(shutil.copytree(imported.path, tmp_path / "run"))
    model = onnx.load(run / "model.qonnx.onnx")
    weight = next(item for item in model.graph.initializer if item.name == "encoder_0_weight")
    array = onnx.numpy_helper.to_array(weight)
    weight.CopyFrom(onnx.numpy_helper.from_array(-array, weight.name))
    onnx.save(model, run / "model.qonnx.onnx")
    failures = verify(run).failures()
    assert any("encoder_0_quant" in line for line in failures)


def test_a_live_module_is_compared_itself(
    squeezer: torch.nn.Module, imported: Run, tmp_path: Path
) -> None:
    result = import_module(squeezer, settings(tmp_path), tmp_path / "runs", base=tmp_path)
    assert result.with_module
    assert names(result.run) == names(imported)
    x = vectors.load(imported / "vectors/validation.npz").x
    one, other = (trace(read(run / "model.qonnx.onnx"), x) for run in (imported, result.run))
    assert all((one[name] == other[name]).all() for name in one)


def test_a_module_that_computes_something_else_fails_the_import(
    squeezer: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(net: torch.nn.Module, features: int, path: Path) -> None:
        with torch.no_grad():
            net.get_submodule("wide").weight.mul_(-1)
        try:
            export_module(net, features, path)
        finally:
            with torch.no_grad():
                net.get_submodule("wide").weight.mul_(-1)

    monkeypatch.setattr("aetrig.bring.stage.export_module", export)
    with pytest.raises(CheckFailedError, match="differs from the live module: first difference"):
        import_module(squeezer, settings(tmp_path), tmp_path / "runs", base=tmp_path)
    assert list((tmp_path / "runs").iterdir()) == []


def test_weights_of_a_state_dict(
    module_path: Path, squeezer: torch.nn.Module, tmp_path: Path
) -> None:
    state = {key: value.clone() for key, value in squeezer.state_dict().items()}
    state["neck.weight"] = -state["neck.weight"]
    torch.save(state, tmp_path / "state.pt")
    made = module_from_file(module_path, "make", tmp_path / "state.pt")
    assert torch.equal(made.get_submodule("neck").weight, state["neck.weight"])
    (tmp_path / "bad.pt").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match=r"bad\.pt: not a readable checkpoint"):
        module_from_file(module_path, "make", tmp_path / "bad.pt")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("absent", "no attribute 'absent'"),
        ("not_a_module", r"not_a_module\(\) gives int, expected a nn.Module"),
        ("fails", "RuntimeError: no weights here"),
    ],
)
def test_a_python_file_that_gives_no_module(function: str, words: str, module_path: Path) -> None:
    with pytest.raises(UserError, match=words) as caught:
        module_from_file(module_path, function)
    assert "\n" not in str(caught.value)


def test_a_float_module_is_refused_under_its_name(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(6, 2), torch.nn.ReLU(), torch.nn.Linear(2, 6))
    with pytest.raises(
        UserError, match="Sequential: no Brevitas layer: this is a network in floating"
    ):
        import_module(net, settings(tmp_path), tmp_path / "runs", base=tmp_path)
    narrow = QuantLinear(5, 5, bias=False)
    with pytest.raises(UserError, match="QuantLinear: Brevitas cannot export it for 6 features"):
        import_module(narrow, settings(tmp_path), tmp_path / "runs", base=tmp_path)


def test_scaling_can_be_told(exported: Path, tmp_path: Path) -> None:
    config, runs = settings(tmp_path), tmp_path / "runs"
    given = {"offset": [1, 2, 3, 4, 5, 6], "shift": [4, 4, 5, 5, 6, 6]}
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="utf-8")
    for choice, offset, shift in (
        ("integers", [0] * 6, [0] * 6),
        (str(tmp_path / "given.json"), given["offset"], given["shift"]),
    ):
        run = import_network(exported, config, runs, base=tmp_path, scaling=choice, force=True).run
        written = json.loads((run / "scaling.json").read_text(encoding="utf-8"))
        assert (written["offset"], written["shift"]) == (offset, shift)
    for content, words in (
        ("{}", "'offset' must be a list"),
        ('{"offset": [1], "shift": [2]}', "a list of 6"),
    ):
        (tmp_path / "bad.json").write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=words):
            import_network(
                exported,
                config,
                runs,
                base=tmp_path,
                scaling=str(tmp_path / "bad.json"),
                force=True,
            )


def test_a_run_is_replaced_only_by_force_and_only_by_success(
    exported: Path, tmp_path: Path
) -> None:
    config, runs = settings(tmp_path), tmp_path / "runs"
    run = import_network(exported, config, runs, base=tmp_path).run
    before = sha256(run.path)
    with pytest.raises(UserError, match="holds a run already"):
        import_network(exported, config, runs, base=tmp_path)
    bad = save(plain(lambda d, data: d.quant("again", data, 2)), tmp_path / "bad.onnx")
    with pytest.raises(UserError, match="changes its numbers"):
        import_network(bad, config, runs, base=tmp_path, force=True)
    assert [path.name for path in runs.iterdir()] == ["mine"]
    assert sha256(run.path) == before
    import_network(exported, config, runs, base=tmp_path, force=True)
    assert {path.name for path in runs.iterdir()} == {"mine", "mine~"}


def test_other_widths_and_scores_are_refused(exported: Path, tmp_path: Path) -> None:
    config = settings(tmp_path)
    fewer = config.model_copy(
        update={"data": config.data.model_copy(update={"columns": config.data.columns[:5]})}
    )
    with pytest.raises(UserError, match=r"weight of '/wide/Gemm' has shape \(6, 9\); 5 rows"):
        import_network(exported, fewer, tmp_path / "runs", base=tmp_path)


def test_our_own_file_stays_as_it_is(finished: Run, tmp_path: Path) -> None:
    from aetrig.config.load import load

    config = load(finished / "config.yaml", ["name=again"])
    result = import_network(
        finished / "model.qonnx.onnx", config, tmp_path, base=finished.path.parent
    )
    assert sha256(result.run / "model.qonnx.onnx") == sha256(finished / "model.qonnx.onnx")
    theirs, ours = (
        json.loads((run / "scaling.json").read_text(encoding="utf-8"))
        for run in (finished, result.run)
    )
    assert (theirs["offset"], theirs["shift"]) == (ours["offset"], ours["shift"])
    found, wanted = (vectors.load(r / "vectors/validation.npz").x for r in (result.run, finished))
    np.testing.assert_array_equal(found, wanted)
    assert onnx.load(result.run / SOURCE).graph.output[0].name == "y"
    column = config.data.columns[0].model_copy(update={"bits": 12})
    columns = (column, *config.data.columns[1:])
    other = config.model_copy(
        update={"name": "other", "data": config.data.model_copy(update={"columns": columns})}
    )
    with pytest.raises(UserError, match="'f0' has 10 signed bits, in the config's data 12"):
        import_network(finished / "model.qonnx.onnx", other, tmp_path, base=finished.path.parent)


def residual_table(d: Drawing, data: str) -> str:
    """A tanh between two quantizers, then a sum with the first quantizer's result."""
    before = d.quant("before", d.dense("extra", data, 6, 6), 6, 2.0**-3)
    branch = d.quant("branch", d.node("Tanh", "act", [before]), 7, 2.0**-5)
    return d.quant("sum.q", d.node("Add", "sum", [branch, data]), 8, 2.0**-4)


def test_tables_and_residual_connections_get_the_names_of_a_run(tmp_path: Path) -> None:
    path = save(plain(residual_table), tmp_path / "net.onnx")
    run = import_network(path, settings(tmp_path), tmp_path / "runs", base=tmp_path).run
    assert names(run)[2:8] == [
        "encoder_0", "encoder_0_pre_quant", "encoder_0_table", "encoder_0_branch_quant",
        "encoder_0_residual", "encoder_0_quant",
    ]  # fmt: skip


def test_an_encoder_alone_needs_the_score_of_its_latent_space(tmp_path: Path) -> None:
    drawing = Drawing()
    data = drawing.dense("squeeze", drawing.quant("first", "in"), 6, 3)
    path = save(drawing.model(drawing.quant("last", data)), tmp_path / "encoder.onnx")
    config = settings(tmp_path)
    words = "output is 3 wide and its input 6: trigger.score is mse.*--set trigger.score=latent"
    with pytest.raises(UserError, match=words):
        import_network(path, config, tmp_path / "runs", base=tmp_path)
    assert not (tmp_path / "runs").exists()
    trigger = config.trigger.model_copy(
        update={"score": "latent", "shares": {"loose": Share(of="qcd", share=0.1)}}
    )
    latent = config.model_copy(update={"trigger": trigger})
    run = import_network(path, latent, tmp_path / "runs", base=tmp_path).run
    assert names(run) == ["input_scale", "input_quant", "encoder_0", "encoder_0_quant"]
    assert threshold(run, trigger).program.trigger is not None
