from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from aetrig import config as configuration
from aetrig.data import features, vectors
from aetrig.data.load import load
from aetrig.errors import UserError
from aetrig.program.contract import NETWORK, TRIGGER
from aetrig.program.read import read
from aetrig.run import Run, write_text
from aetrig.stability.layout import layout
from aetrig.stability.result import StabilityResult
from aetrig.stability.sample import sample
from aetrig.stability.stage import stability, with_score
from aetrig.train.prepare import parts

MODELS = Path(__file__).parents[2] / "models"
FEW = (
    "stability.stuck_bits=false", "stability.phi_sectors=2", "stability.eta_edges=[-5, 0, 5]",
    "stability.scales=[-5, 5]", "stability.noise_steps=[1]", "stability.extra_jets=[1]",
    "stability.pile_up=[1]", "stability.hot_probabilities=[0.01]",
)  # fmt: skip
RATE = {"nominal": 1e6}


def made(folder: Path, model: str) -> Run:
    """A run of one of the networks in models/ on a few events, without its firmware."""
    run = Run(folder / model)
    config = configuration.load(MODELS / model / "config.yaml", ["data.max_events=6000"])
    dataset = load(config.data, MODELS)
    vectors.save(run / "vectors" / "validation.npz", dataset.select(parts(dataset, config)[1]))
    features.save(run / "features.json", dataset.features)
    for name in (NETWORK, TRIGGER):
        shutil.copy(MODELS / model / name, run / name)
    write_text(run / "config.yaml", configuration.dump(config))
    return run


@pytest.fixture(scope="module")
def trigger(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("runs"), "l1-trigger")


@pytest.fixture(scope="module")
def measured(trigger: Run) -> dict:
    stability(trigger, FEW, RATE)
    return json.loads((trigger / "stability.json").read_text())


def test_every_group_is_measured_on_the_same_events(measured: dict) -> None:
    groups = {item["group"] for item in measured["conditions"]}
    assert groups == {
        "scale", "region", "lost", "hot", "noise", "jets", "pile-up", "saturated",
    }  # fmt: skip
    assert [item["group"] for item in measured["left_out"]] == ["stuck"]
    nominal = measured["points"][0]
    assert nominal["name"] == "nominal"
    assert 0.5e6 < nominal["rate"] <= 1e6
    assert list(nominal["efficiency"]) == ["a_4l", "h0_tautau", "hplus_taunu", "lq_btau"]
    for item in measured["conditions"]:
        found = item["points"]["nominal"]
        weight = nominal["rate"] / nominal["accepted"]
        assert found["rate"] == pytest.approx(
            nominal["rate"] + weight * (found["gained"] - found["lost"])
        )


def test_without_jets_almost_nothing_is_left_and_pile_up_brings_more(measured: dict) -> None:
    found = {item["name"]: item["points"]["nominal"] for item in measured["conditions"]}
    assert found["no j"]["factor"] < 0.5
    assert found["100% more interactions"]["factor"] > 1.5
    assert found["missing energy at the top"]["changed"] > 0.5


def test_again_it_is_the_same_and_nothing_is_done_twice(trigger: Run, measured: dict) -> None:
    before = (trigger / "stability.json").stat().st_mtime_ns
    assert stability(trigger, FEW, RATE).content == measured
    assert (trigger / "stability.json").stat().st_mtime_ns == before
    assert stability(trigger, FEW, RATE, force=True).content == measured
    artefacts = trigger.manifest()["artefacts"]
    assert artefacts["stability.json"]["stage"] == "stability"
    assert TRIGGER in artefacts["stability.svg"]["inputs"]
    assert trigger.altered() == []


def test_the_command_prints_and_fails_at_a_missed_limit(trigger: Run, measured: dict) -> None:
    from aetrig.cli.main import app
    from aetrig.errors import CheckFailedError

    words = ["stability", "--run", str(trigger.path), "--rate", "1MHz", "--quiet"]
    words += [word for option in FEW for word in ("--set", option)]
    fine = CliRunner().invoke(app, words)
    assert fine.exit_code == 0
    assert "dead cell" in fine.output
    assert "PASSED" in fine.output
    asked = [*words, "--force", "--set", "stability.limits.rate_factor.pile-up=1.1"]
    found = CliRunner().invoke(app, asked)
    assert isinstance(found.exception, CheckFailedError)
    assert str(found.exception).startswith("not stable: 100% more interactions, nominal: rate ")
    assert str(found.exception).endswith("times the nominal one, limit 1.1")


@pytest.mark.parametrize(
    ("overrides", "rates", "message"),
    [
        (("seed=4",), None, "only options of stability are changed here"),
        (("stability.energies=[jot_pt]",), None, "no feature matches 'jot_pt'; did you mean 'j._pt'"),
        (("stability.eta_edges=[1, 0]",), None, "edges must rise"),
        (("stability.pile_up=[2]",), None, "less than or equal to 1"),
        ((), {"tight": 10.0}, "below this sample's reach"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    trigger: Run, measured: dict, overrides: tuple[str, ...], rates: dict, message: str
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        stability(trigger, overrides, rates, force=True)
    assert "\n" not in str(raised.value)


def test_an_unknown_working_point_names_those_there_are(trigger: Run, measured: dict) -> None:
    with pytest.raises(UserError, match="there are nominal"):
        StabilityResult(trigger / "stability.json", measured).tables("tight")


def test_a_network_of_momenta_alone_sits_behind_the_same_detector(tmp_path: Path) -> None:
    run = made(tmp_path, "l1-encoder")
    config = configuration.load(run / "config.yaml")
    events = vectors.load(run / "vectors" / "validation.npz")
    found = sample(run, config, events)
    assert len(found.features) == 57
    assert np.array_equal(found.network(found.x), events.x)
    meant = layout(found.features, found.x, None)
    assert [item.name for item in meant.lists if item.placed] == ["e", "mu", "j"]


def test_a_network_without_a_trigger_gets_a_threshold_in_memory(
    trigger: Run, measured: dict, tmp_path: Path
) -> None:
    run = Run(tmp_path / "bare")
    shutil.copytree(trigger.path, run.path)
    for name in (TRIGGER, "manifest.json", "stability.json", "stability.svg"):
        (run / name).unlink()
    found = stability(run, FEW, RATE).content
    assert found["points_from"] == "chosen in memory at --rate"
    assert found["points"] == measured["points"]
    assert not (run / TRIGGER).exists()


def test_data_without_rates_are_counted_in_shares_of_the_background(
    trigger: Run, measured: dict, tmp_path: Path
) -> None:
    run = Run(tmp_path / "bare")
    shutil.copytree(trigger.path, run.path)
    for name in (TRIGGER, "manifest.json", "stability.json", "stability.svg"):
        (run / name).unlink()
    events = vectors.load(run / "vectors" / "validation.npz")
    kept = ~events.rows("minbias")
    np.savez_compressed(
        run / "vectors" / "validation.npz", x=events.x[kept], process=events.process[kept],
        weight=events.weight[kept], names=[p.name for p in events.processes],
        roles=[p.role for p in events.processes], cross_sections=[np.nan] * len(events.processes),
        overlaps=[1.0] * len(events.processes), features=list(events.features),
    )  # fmt: skip
    found = stability(run, (*FEW, "stability.lost=false"))
    assert found.content["unit"] == "share"
    assert found.content["points"][0]["name"] == "background"
    assert 0 < found.content["points"][0]["rate"] < 0.2
    assert "at a share" in found.content["points_from"]
    assert "pile-up" in {item["group"] for item in found.content["left_out"]}
    with pytest.raises(UserError, match="no minimum-bias crossings"):
        stability(run, FEW, RATE, force=True)


def test_an_encoder_alone_has_no_score() -> None:
    config = configuration.load(MODELS / "l1-vae" / "config.yaml", ["trigger.score=mse"])
    whole = read(MODELS / "l1-vae" / NETWORK)
    names = [op.name for op in whole.operations]
    encoder = replace(whole, operations=whole.operations[: names.index("encoder_2_quant") + 1])
    with pytest.raises(
        UserError, match=r"net.onnx gives 8 numbers for 19 inputs.* alone has no score"
    ):
        with_score(encoder, config, "net.onnx")
    assert with_score(whole, config, "net.onnx").trigger is not None


def test_the_report_shows_what_was_measured(
    trigger: Run, measured: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aetrig.report import stability as shown
    from aetrig.report.picture import from_json

    picture = shown.picture(measured)
    titles = [panel.title for panel in picture.panels]
    assert titles[:4] == [
        "energy scale, all energies", "energy scale, one kind at a time", "pile-up", "soft jets",
    ]  # fmt: skip
    assert [curve.label for curve in picture.panels[0].curves] == ["rate", *measured["signals"]]
    assert from_json(json.loads(json.dumps(picture.to_json()))) == picture
    (sectors, *_) = (p for p in picture.panels if p.title.startswith("dead regions: one of"))
    assert sectors.ticks == tuple(f"phi sector {i}" for i in range(1, len(sectors.ticks) + 1))
    signal = sectors.curves[1]
    nominal = measured["points"][len(measured["points"]) // 2]
    item = next(i for i in measured["conditions"] if i["name"] == f"dead {sectors.ticks[0]}")
    found = item["points"][nominal["name"]]
    assert sectors.curves[0].error[0] == found["factor_error"]
    moved, before = found["efficiency"][signal.label], nominal["efficiency"][signal.label]
    assert sectors.curves[1].y[0] * before == pytest.approx(moved["value"])
    assert sectors.curves[1].error[0] * before == pytest.approx(moved["error"])
    monkeypatch.setattr(shown, "MOST_BARS", 2)
    worst = next(p for p in shown.picture(measured).panels if p.title == sectors.title)
    assert worst.curves[0].y == tuple(sorted(sectors.curves[0].y, reverse=True)[:2])
    table = shown.table({"stability": measured})
    assert table is not None
    assert [row.cells[0] for row in table.rows][:2] == ["scale", "region"]
    assert "stuck (switched off" in table.note
    assert shown.table({"stability": None}) is None


def test_a_cut_in_front_of_the_network_gets_thresholds_of_its_own(
    trigger: Run, measured: dict, tmp_path: Path
) -> None:
    run = Run(tmp_path / "cut")
    shutil.copytree(trigger.path, run.path)
    found = stability(run, (*FEW, "stability.drop_below.j=30"), RATE, force=True).content
    soft = {
        item["name"]: item["points"]["nominal"]["factor"]
        for item in found["conditions"]
        if item["group"] == "jets"
    }
    before = {item["name"]: item["points"]["nominal"]["factor"] for item in measured["conditions"]}
    assert abs(soft["1 more soft j an event"] - 1) < abs(before["1 more soft j an event"] - 1)
    assert found["points"][0]["threshold"] != measured["points"][0]["threshold"]


@pytest.mark.slow
def test_emulator_and_program_score_alike_with_and_without_a_trigger(
    trigger: Run, tmp_path: Path
) -> None:
    from aetrig.emulator.stage import emulator
    from aetrig.program import contract
    from aetrig.stability.engine import engine

    config = configuration.load(trigger / "config.yaml")
    x = vectors.load(trigger / "vectors" / "validation.npz").x
    for name in (TRIGGER, None):
        run = Run(tmp_path / str(name))
        shutil.copytree(trigger.path, run.path)
        (run / "manifest.json").unlink(missing_ok=True)
        if name is None:
            (run / TRIGGER).unlink()
        program = with_score(contract.load(run), config, "net")
        slow = engine(run, program)
        emulator(run)
        fast = engine(run, program)
        assert (slow.name, fast.name) == ("Program", "emulator")
        assert np.array_equal(slow.scores(x), fast.scores(x))
