"""The page, made from a run and opened in a real headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aetrig.config.load import load as load_config
from aetrig.errors import UserError
from aetrig.export.stage import export_onnx
from aetrig.report import explore
from aetrig.report.draw import svg
from aetrig.report.events import Events
from aetrig.report.picture import Picture, from_json
from aetrig.report.scores import curves
from aetrig.report.stage import compare, report
from aetrig.run import Run, new_run
from aetrig.train.qat import qat
from aetrig.trigger.stage import threshold
from aetrig.verify.stage import verify

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NAMES = {
    "roc", "scores", "ladder", "loss", "latent", "widths", "residuals", "corner", "overlay",
}  # fmt: skip
SETTINGS = (
    "data.max_events=12000", "data.features=['*_pt']", "net.encoder=[8,3]", "scaling.extra_shift={}",
    "train.float_phase.epochs=2", "train.qat_phase.epochs=2",
    "trigger.working_points={loose: 2000000.0}", "verify.adversarial_events=100",
)  # fmt: skip
# what a browser sees: every picture's size, whether the page is wider than its frame, brightness
PROBE = """<script>
window.addEventListener("load", () => {
  const sizes = [...document.querySelectorAll("figure svg")].map(
    (svg) => [svg.getBoundingClientRect().width, svg.getBoundingClientRect().height]);
  const page = document.documentElement, style = getComputedStyle(document.body);
  const bright = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
  parent.postMessage(JSON.stringify({sizes, wider: page.scrollWidth - page.clientWidth,
    width: window.innerWidth, ink: bright(style.color), paper: bright(style.backgroundColor),
    requests: performance.getEntriesByType("resource").length}), "*");
});
</script></body>"""
ASK = (
    """<script>window.addEventListener("message", (e) => { document.title = e.data; });</script>"""
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    config = load_config(None, list(SETTINGS))
    made = new_run(folder, "small", force=False)
    qat(config, made, base=folder, resume=False, progress=False)
    export_onnx(made)
    threshold(made, config.trigger)
    verify(made)
    report(made)
    return made


def test_pictures_are_files_of_data_and_svg(run: Run) -> None:
    found = {path.stem for path in (run / "pictures").glob("*.json")}
    assert found == NAMES == {path.stem for path in (run / "pictures").glob("*.svg")}
    roc = json.loads((run / "pictures/roc.json").read_text())
    assert {panel["title"] for panel in roc["panels"]} >= {"a_4l"}
    assert all("AUC" in curve["label"] for panel in roc["panels"] for curve in panel["curves"])


def test_the_page_stands_alone_with_its_verdict_first(run: Run) -> None:
    text = (run / "report.html").read_text()
    assert text.index("compared integers differ") < text.index("<figure") < text.index("<table")
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:image/png)", text)
    assert "url(http" not in text
    assert "<script" not in text


def test_two_runs_are_overlaid(run: Run, tmp_path: Path) -> None:
    other = Run(Path(shutil.copytree(run.path, tmp_path / "other")))
    compare([run, other], tmp_path / "both.html")
    text = (tmp_path / "both.html").read_text()
    for name in ("small", "other"):
        assert text.count(f"{name}: quantized, AUC") == text.count('aria-label="ROC curves"') > 0
    assert "small: validation" in text
    assert "differing integers" in text
    with pytest.raises(UserError, match="two runs or more"):
        compare([run, run], tmp_path / "one.html")


def test_tensorboard_has_the_areas_of_all_signals(run: Run) -> None:
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    for signal in load_config(None, list(SETTINGS)).data.signals:  # type: ignore[union-attr]
        assert 0 < events.Scalars(f"qat/auc/{signal}")[-1].value < 1


def test_firmware_has_a_curve_only_where_it_was_compared_and_equals(run: Run) -> None:
    events = Events(run)
    equal = {"other": "csim", "vectors": "validation", "events": 7, "differing": 0}
    assert "csim on 7 events" in _caption(curves(events, {"ladder": [equal]}))
    for other in ({"vectors": "adversarial"}, {"differing": 1}, {"other": "Program"}):
        assert "No firmware was compared" in _caption(curves(events, {"ladder": [equal | other]}))


def _caption(picture: Picture | None) -> str:
    assert picture is not None
    return picture.caption


def test_an_untrained_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="export-onnx"):
        report(Run(tmp_path))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_in_a_browser_every_picture_shows_and_nothing_is_asked_for(
    run: Run, tmp_path: Path, width: int, colours: str
) -> None:
    page = tmp_path / "page.html"
    page.write_text((run / "report.html").read_text().replace("</body>", PROBE))
    # a window has a least width, a frame in it has not
    (tmp_path / "frame.html").write_text(
        f'<iframe src="page.html" style="width:{width}px;height:800px;border:0"></iframe>{ASK}'
    )
    done = chromium(
        tmp_path, "--virtual-time-budget=5000", "--dump-dom",
        f"--blink-settings=preferredColorScheme={['dark', 'light'].index(colours)}",
        (tmp_path / "frame.html").as_uri(),
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    seen = json.loads(title[1])
    assert seen["width"] == width
    assert len(seen["sizes"]) > 20
    assert all(w > 100 and h > 50 for w, h in seen["sizes"])
    assert seen["requests"] == 0
    assert seen["wider"] <= 0
    assert (seen["ink"] > seen["paper"]) == (colours == "dark")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
def test_on_paper_it_has_several_pages(run: Run, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    chromium(tmp_path, f"--print-to-pdf={paper}", (run / "report.html").as_uri())
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 2 <= pages <= 60


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            "--disable-background-networking", "--allow-file-access-from-files",
            f"--user-data-dir={folder / 'profile'}", "--window-size=1300,900", *arguments,
        ],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_clusters_are_pictures_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("minisom", reason="the extra 'clusters' is not installed")
    monkeypatch.setattr(explore, "MOST", 400)
    found = explore.explore(run)
    assert [row[0] for row in found.rows()] == ["k-means", "Gaussian mixture"]
    bars, chart = explore.bars(found.content), explore.chart(found.content)
    assert bars is not None
    assert chart is not None
    shares = np.array([curve.y for curve in bars.panels[0].curves])
    assert set(shares.sum(axis=0).round(9)) <= {0.0, 1.0}  # of 400 events a class may have none
    assert [panel.title for panel in chart.panels[1:]] == found.content["classes"]
    assert sum(np.sum(panel.image.counts) for panel in chart.panels if panel.image) == 400
    assert from_json(json.loads(json.dumps(chart.to_json()))) == chart
    assert svg(chart).count("<image") >= len(found.content["classes"])
