"""The page, made from a run and opened in a real headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aetrig.config.load import load as load_config
from aetrig.errors import UserError
from aetrig.export.stage import export_onnx
from aetrig.report.stage import compare, report
from aetrig.run import Run, new_run
from aetrig.train.qat import qat
from aetrig.trigger.stage import threshold
from aetrig.verify.stage import verify

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NAMES = {"roc", "scores", "loss", "widths", "residuals", "overlay"}
SETTINGS = (
    "data.max_events=40000", "data.features=['*_pt']", "net.encoder=[8,3]", "scaling.extra_shift={}",
    "train.float_phase.epochs=2", "train.qat_phase.epochs=2",
    "trigger.working_points={loose: 1000000.0}", "verify.adversarial_events=100",
)  # fmt: skip
# what a browser sees: every picture's size, whether the page is wider than the window
PROBE = """<script>
window.addEventListener("load", () => {
  const sizes = [...document.querySelectorAll("figure svg")].map(
    (svg) => [svg.getBoundingClientRect().width, svg.getBoundingClientRect().height]);
  const page = document.documentElement;
  document.title = JSON.stringify({sizes, wider: page.scrollWidth - page.clientWidth,
    requests: performance.getEntriesByType("resource").length});
});
</script></body>"""


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
    assert not re.findall(r"(?:src|href)=[\"'](?!#)", text)
    assert "url(http" not in text
    assert "<script" not in text


def test_two_runs_side_by_side(run: Run, tmp_path: Path) -> None:
    compare([run, run], tmp_path / "both.html")
    text = (tmp_path / "both.html").read_text()
    assert text.count("small: a_4l") == 2
    assert "differing integers" in text
    with pytest.raises(UserError, match="two runs or more"):
        compare([run], tmp_path / "one.html")


def test_an_untrained_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="export-onnx"):
        report(Run(tmp_path))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")
@pytest.mark.parametrize("width", [1200, 360])
def test_in_a_browser_every_picture_shows_and_nothing_is_asked_for(
    run: Run, tmp_path: Path, width: int
) -> None:
    page = tmp_path / "probe.html"
    page.write_text((run / "report.html").read_text().replace("</body>", PROBE))
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900",
            "--virtual-time-budget=5000", "--dump-dom", page.as_uri(),
        ],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    seen = json.loads(title[1])
    assert len(seen["sizes"]) > 20
    assert all(w > 100 and h > 50 for w, h in seen["sizes"])
    assert seen["requests"] == 0
    assert seen["wider"] <= 0
