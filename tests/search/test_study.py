"""Searches on a small table, over a real Dask cluster: found, resumed, reproduced."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from aetrig import config as configuration
from aetrig.cli.main import app
from aetrig.errors import UserError
from aetrig.export.stage import export_onnx
from aetrig.program.contract import TRIGGER
from aetrig.program.read import read
from aetrig.rtl.estimate import estimate
from aetrig.run import Run
from aetrig.search import study, trial
from aetrig.search.budget import Goal
from aetrig.search.study import SearchResult
from aetrig.search.trial import Record
from aetrig.train.qat import qat
from aetrig.trigger.stage import threshold
from search.small import RATE, cluster, config, found, write_events

TRIALS = 3


def timeless(result: SearchResult) -> list[Record]:
    return [replace(record, begun=0.0, seconds=0.0) for record in result.records]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """A search of one worker that was interrupted twice, once with a trial under way."""
    folder = tmp_path_factory.mktemp("search")
    write_events(folder)
    with cluster() as scheduler:
        found(folder, scheduler, 1)
        interrupted = found(folder, scheduler, 2)
        (interrupted.folder / "trials/0001" / trial.RECORD).unlink()
        return found(folder, scheduler, TRIALS)


@pytest.mark.slow
def test_an_interrupted_search_finds_what_an_uninterrupted_one_does(
    done: SearchResult, tmp_path: Path
) -> None:
    write_events(tmp_path)
    with cluster() as scheduler:
        again = found(tmp_path, scheduler, TRIALS)
    assert timeless(again) == timeless(done)
    assert [record.number for record in again.records] == list(range(TRIALS))


def test_everything_is_written(done: SearchResult) -> None:
    content = json.loads((done.folder / "search.json").read_text())
    assert len(content["trials"]) == TRIALS
    assert len(content["front"]) == len(done.front) > 0
    assert (done.folder / "search.svg").read_text().startswith("<svg")
    names = sorted(path.name for path in (done.folder / "front").iterdir())
    assert names == sorted(f"{i}.yaml" for i in range(1, len(done.front) + 1))
    assert done.count("finished") >= len({point.record.number for point in done.front})


def test_a_config_of_the_front_gives_its_point_bit_for_bit(
    done: SearchResult, tmp_path: Path
) -> None:
    point = done.front[-1]
    path = done.folder / "front" / f"{len(done.front)}.yaml"
    chosen = configuration.load(path)
    run = Run(tmp_path / chosen.name)
    qat(chosen, run, base=tmp_path, resume=False, progress=False)
    export_onnx(run)
    result = threshold(run, chosen.trigger)
    assert result.program.trigger is not None
    assert result.program.trigger.network == point.record.network
    efficiency = [by_point["nominal"].value for by_point in result.efficiency.values()]
    signals = [result.efficiency[name]["nominal"].value for name in ("odd", "rare")]
    assert len(efficiency) > len(signals)
    assert sum(signals) / 2 == point.quality
    cost = estimate(read(run / TRIGGER), chosen.rtl)
    assert (cost.lut, cost.stages) == (point.cost.luts, point.cost.cycles)


def test_other_settings_are_refused(done: SearchResult) -> None:
    folder = done.folder.parents[1]
    with pytest.raises(UserError, match=r"begun with search.seed=1 and this is search.seed=2"):
        found(folder, "tcp://127.0.0.1:1", 20, seed=2)
    with pytest.raises(UserError, match=r"begun with goal.luts=None and this is goal.luts=50"):
        found(folder, "tcp://127.0.0.1:1", 20, goal=replace(RATE, luts=50.0))


def test_a_damaged_record_is_named(done: SearchResult) -> None:
    path = done.folder / "trials/0001" / trial.RECORD
    kept = path.read_text()
    path.write_text(kept[:100])
    try:
        with pytest.raises(UserError, match=r"0001/trial\.json: "):
            found(done.folder.parents[1], "tcp://127.0.0.1:1", 20)
    finally:
        path.write_text(kept)


def test_samplers_and_stops(tmp_path: Path) -> None:
    """Beyond the population of NSGA-II, with a bound that some trials miss by far."""
    write_events(tmp_path)
    with cluster(2) as scheduler:
        tight = found(tmp_path, scheduler, 3, goal=Goal(luts=40.0, cycles=30))
    assert tight.count("refused") > 0
    assert all(record.reason for record in tight.records if record.status == "refused")
    assert tight.front == ()


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_samplers_ask_the_same_again_and_learn(sampler: str) -> None:
    from aetrig.config.search import SearchSpace
    from aetrig.search.study import Options, proposed
    from aetrig.search.trial import Cost

    base, goal, options = config(), Goal(luts=500.0), Options(sampler=sampler)  # type: ignore[arg-type]
    asked: dict[int, dict[str, object]] = {}
    records = {}
    for number in range(40):
        given = (number, asked, records, [], goal, SearchSpace(), base, options)
        parameters, attributes = proposed(*given)  # type: ignore[arg-type]
        assert proposed(*given) == (parameters, attributes)  # type: ignore[arg-type]
        asked[number] = {"parameters": parameters, "sampler": attributes}
        json.dumps(asked[number])
        cost = Cost(10.0 * parameters["latent"] * parameters["weight_bits_first"] ** 2, 5)
        if number % 7 != 3:  # one in seven is still under way
            records[number] = Record(
                number, "finished", parameters, quality=0.5, sketch=cost, pipelines=(cost,)
            )
    late = [records[n].pipelines[0].luts for n in sorted(records)[-10:]]
    early = [records[n].pipelines[0].luts for n in sorted(records)[:10]]
    if sampler != "random":
        assert sum(late) < sum(early)


def test_a_rate_out_of_reach_gives_way_to_the_auc(tmp_path: Path) -> None:
    from aetrig.search.aim import aimed
    from aetrig.search.sample import absolute

    write_events(tmp_path)
    base = config()
    base = base.model_copy(update={"data": absolute(base.data, tmp_path)})
    goal, aimed_config, said = aimed(base, Goal(rate_hz=1e3))
    assert goal.rate_hz is None
    assert aimed_config.trigger.shares is not None
    assert "below this sample's reach" in said[0]
    assert said[0].endswith("Networks are judged by their AUC instead")
    with pytest.raises(UserError, match="not below that of all events"):
        aimed(base, Goal(rate_hz=1e9))
    signals = base.data.model_copy(update={"background": ("qcd", "odd", "rare")})
    with pytest.raises(UserError, match="have no signal"):
        aimed(base.model_copy(update={"data": signals}), Goal())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--luts", "1x"], "--luts 1x: expected"),
        (["--latency", "2ns"], "less than one clock cycle"),
        (["--rate", "fast"], "--rate fast: expected a rate"),
        (["--part", "xcvu9"], "unknown FPGA part"),
        (["--space", "nothing.yaml"], "cannot be read"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "--workers is for a cluster"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    write_events(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(config().model_dump(mode="json")))
    done = CliRunner().invoke(
        app, ["search", str(path), *arguments, "--trials", "1", "--runs", str(tmp_path / "runs")]
    )
    assert isinstance(done.exception, UserError)
    assert message in str(done.exception)


def test_the_time_counts_over_all_calls(tmp_path: Path, done: SearchResult) -> None:
    """A search whose time is used up adds nothing, whatever the number of calls."""
    folder = done.folder.parents[1]
    with cluster() as scheduler:
        again = found(folder, scheduler, 100, seconds=done.seconds / 2)
    assert len(again.records) == TRIALS
    assert study.LAST > 0
