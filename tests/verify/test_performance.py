import numpy as np
import pytest

from aetrig.config.model import Limits, Verification
from aetrig.data.dataset import Process
from aetrig.data.vectors import Vectors
from aetrig.errors import UserError
from aetrig.verify.limits import checks
from aetrig.verify.performance import Grid, Reconstruction, performance
from aetrig.verify.verdict import Latency, Physics, Verdict

NOT_MEASURED = Latency(None, None, None, None)
GRID = Grid((0.5, 0.25), ("GeV", "1"), np.array([2, 0]))
BACKGROUND, SIGNAL, MINBIAS = 4000, 600, 1000


def vectors(*, signal: bool = True, minbias: bool = True) -> Vectors:
    counts = [BACKGROUND, SIGNAL if signal else 0, MINBIAS if minbias else 0]
    process = np.repeat(np.arange(3, dtype=np.int16), counts)
    return Vectors(
        np.zeros((process.size, 2), dtype=np.int32),
        process,
        np.ones(process.size),
        (Process("qcd", "background"), Process("a_4l", "signal"), Process("soft", "minbias")),
        ("pt", "eta"),
    )


def stages(events: Vectors, noise: float, shift: float = 0.0) -> list[Reconstruction]:
    generator = np.random.default_rng(1)
    signal = events.process == 1
    score = generator.normal(size=events.process.size) + 3.0 * signal
    residual = generator.normal(size=(events.process.size, 2)) * [4.0, 1.0]
    other = score + noise * generator.normal(size=score.size) - shift * signal
    return [
        Reconstruction("float", score, residual),
        Reconstruction("QAT", other, residual * (1 + noise)),
        Reconstruction("csim", other, residual * (1 + noise)),
    ]


def measure(noise: float, shift: float = 0.0, **options: float) -> Physics:
    events = vectors()
    return performance(events, stages(events, noise, shift), GRID, Verification(**options))


def test_identical_stages_agree_in_everything() -> None:
    found = measure(0.0)
    assert found.background_events == BACKGROUND
    assert (found.agreement, found.rank_correlation) == (1.0, 1.0)
    first, _, last = found.stages
    assert (first.loss, first.point, first.minbias) == (last.loss, last.point, last.minbias)
    # 10 of 4000 is what the sample supports, 1e-5 was asked for
    assert (first.point.requested, first.point.accepted) == (1e-5, 10)
    # residuals of 4 at shift 2 and of 1 at shift 0: both 1 in units of the network
    assert first.loss == pytest.approx(1.0, rel=0.05)
    (signal,) = found.signals
    assert (signal.name, signal.events) == ("a_4l", SIGNAL)
    assert set(signal.auc) == set(signal.efficiency) == {"float", "QAT", "csim"}
    # normal scores 3 apart: AUC = Phi(3 / sqrt 2)
    assert signal.auc["float"].value == pytest.approx(0.98305, abs=4 * signal.auc["float"].error)
    assert signal.fall.value == 0
    assert found.residuals["float"][0].sigma68.value == pytest.approx(4.0, rel=0.1)
    assert all(check.passed for check in checks(Limits(), found, NOT_MEASURED))


def test_a_threshold_from_the_config_is_used_by_every_stage() -> None:
    found = measure(0.3, threshold=2.5)
    assert {stage.point.threshold for stage in found.stages} == {2.5}
    assert found.stages[0].point.requested is None


def test_agreement_counts_decisions_of_float_and_firmware() -> None:
    found = measure(0.5)
    assert 0.5 < found.signals[0].agreement < 1
    assert found.agreement > 0.99  # hardly any background is accepted
    assert found.rank_correlation < 1


def test_missed_limits_say_by_how_much() -> None:
    found = measure(1.0, shift=2.0)
    named = {check.name: check for check in checks(Limits(), found, NOT_MEASURED)}
    loss = named["loss over float loss"]
    assert loss.passed is False
    assert loss.value == pytest.approx(4.0)
    assert loss.text == "missed by 2"
    fall = named["relative fall of AUC, a_4l"]
    assert fall.passed is False
    assert fall.value is not None
    assert fall.text == f"missed by {fall.value - 0.02:.3g}"
    assert named["relative fall of efficiency beyond 2 sigma, a_4l"].passed is False
    assert named["equal decisions, background"].passed is True
    verdict = Verdict("run", (), (), (), (), found, NOT_MEASURED, tuple(named.values()))
    assert not verdict.passed
    assert any("missed by 2" in line for line in verdict.failures())


def test_limits_are_reached_exactly_without_being_missed() -> None:
    found = measure(0.0)
    exact = Limits(auc_drop=0, efficiency_drop=0, agreement=1, loss_ratio=1)
    assert all(check.passed for check in checks(exact, found, NOT_MEASURED))


def test_latency_is_judged_where_measured_and_said_to_be_missing_where_not() -> None:
    limits = Limits(latency_ns=100, interval_cycles=1)
    latency, interval = checks(limits, None, NOT_MEASURED)
    assert (latency.passed, latency.text, interval.passed) == (None, "not measured", None)
    latency, interval = checks(limits, None, Latency("csynth", 21, 2, 5.0))
    assert (latency.value, latency.passed, latency.text) == (105, False, "missed by 5")
    assert (interval.passed, interval.text) == (False, "missed by 1")
    latency, _ = checks(limits, None, Latency("csynth", 20, 1, 5.0))
    assert latency.passed is True
    assert checks(Limits(), None, NOT_MEASURED) == ()


def test_data_without_labels_has_no_signals_but_losses_widths_and_agreement() -> None:
    events = vectors(signal=False, minbias=False)
    found = performance(events, stages(events, 0.1), GRID, Verification())
    assert found.signals == ()
    assert found.stages[0].minbias is None
    assert [row.feature for row in found.residuals["csim"]] == ["pt", "eta"]
    names = [check.name for check in checks(Limits(), found, NOT_MEASURED)]
    assert names == ["loss over float loss", "equal decisions, background"]


def test_a_background_too_small_for_a_working_point_is_refused() -> None:
    events = vectors()
    few = np.concatenate((np.arange(15), np.flatnonzero(events.process)))
    small = Vectors(
        events.x[few], events.process[few], events.weight[few], events.processes, events.features
    )
    with pytest.raises(UserError, match="15 background events"):
        performance(small, stages(small, 0.0), GRID, Verification())
