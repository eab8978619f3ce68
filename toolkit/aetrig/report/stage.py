"""`aetrig report`: pictures as data and SVG, and one self-contained page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources as package
from pathlib import Path
from typing import Any

import jinja2

from aetrig.errors import UserError
from aetrig.parts import resolve
from aetrig.program import contract
from aetrig.records import read_record_if_there
from aetrig.report import (
    explore,
    firmware,
    ladder,
    latent,
    scores,
    stability,
    tables,
    training,
    variables,
    widths,
)
from aetrig.report.draw import panels, svg
from aetrig.report.events import Events
from aetrig.report.picture import Panel, Picture, read_picture
from aetrig.report.tables import Files
from aetrig.run import Run, alone, replacing, write_json, write_text
from aetrig.train import metrics
from aetrig.verify.rungs import CSIM, EMULATOR, RTL

FOLDER, PAGE = "pictures", "report.html"
BACK_ENDS = (CSIM, RTL, EMULATOR)
JSON = ("verify", "rtl", "hls", "emulator", "trigger", "environment", "clusters", "stability")
ORDER = (
    "roc", "scores", "stability", "ladder", "firmware", "loss", "latent", "clusters", "map",
    "widths", "residuals", "corner", "overlay",
)  # fmt: skip
SIDE_BY_SIDE = {"roc": "quantized", "loss": "validation"}  # the curves of a run that are overlaid
OVERLAID = {
    "roc": "Each run's quantized network on its own validation events.",
    "loss": "Validation loss of each run, in the units of its own scaling.",
}


@dataclass(frozen=True)
class ReportResult:
    """The page, and the pictures on it."""

    path: Path
    pictures: tuple[str, ...]

    def summary(self) -> str:
        """Return one line."""
        return f"{self.path}: {len(self.pictures)} pictures ({', '.join(self.pictures)})"


@alone
def report(run: Run, *, force: bool = False) -> ReportResult:
    """Write pictures/NAME.json and NAME.svg, and report.html from the run's JSON files.

    Raises UserError where the run is not trained and exported yet.
    """
    files = _files(run)
    inputs = [f"{name}.json" for name in JSON if files[name] is not None]
    inputs += ["config.yaml", metrics.FILE, contract.NETWORK, contract.VECTORS]
    run.need(contract.NETWORK, "export-onnx")
    if run.begin("report", (PAGE, FOLDER), inputs, force=force):
        with replacing(run / FOLDER) as folder:
            folder.mkdir()
            for picture in _pictures(run, files):
                write_json(folder / f"{picture.name}.json", picture.to_json())
                write_text(folder / f"{picture.name}.svg", svg(picture))
        drawn = _drawn(run)
        name = run.path.name
        write_text(run / PAGE, _page(f"{name}: report", [(name, files)], drawn, _tables(files)))
        run.record("report", (PAGE, FOLDER), inputs)
    return ReportResult(run / PAGE, tuple(picture.name for picture in _drawn(run)))


def compare(runs: Sequence[Run], out: Path) -> ReportResult:
    """Write one page with several runs side by side, from their JSON files and pictures.

    Raises UserError for fewer than two runs, and for a run without a report.
    """
    if len({run.path.resolve() for run in runs}) < 2:
        raise UserError("--compare takes two runs or more")
    for run in runs:
        run.need(PAGE, "report")
    names = [run.path.name for run in runs]
    files = [_files(run) for run in runs]
    pictures = [_joined(names, [_drawn(run) for run in runs], wanted) for wanted in SIDE_BY_SIDE]
    shown = [picture for picture in pictures if picture is not None]
    content = _page(
        " and ".join(names), list(zip(names, files, strict=True)), shown,
        [tables.comparison(names, files)],
    )  # fmt: skip
    write_text(out, content)
    return ReportResult(out, tuple(picture.name for picture in shown))


def _pictures(run: Run, files: Files) -> Iterator[Picture]:
    """Yield every picture that the run has the data for."""
    events = Events(run)
    part = None if files["rtl"] is None else asdict(resolve(files["rtl"]["part"]))
    limits = events.config.verify.limits
    budget = limits.latency_ns or (files["rtl"] or {}).get("latency_budget_ns")
    latency = (files["verify"] or {}).get("latency")
    makers: list[Callable[[], Picture | None]] = [
        lambda: training.losses(
            metrics.read(run / metrics.FILE), events.config.train.remove_latent
        ),
        lambda: scores.curves(events, files["verify"]),
        lambda: scores.distributions(events, files["trigger"]),
        lambda: stability.from_record(files["stability"]),
        lambda: ladder.rungs(files["verify"]),
        lambda: firmware.resources(files["rtl"], part, latency, budget),
        lambda: latent.space(events),
        lambda: explore.bars(files["clusters"]),
        lambda: explore.chart(files["clusters"]),
        lambda: widths.ranges(events),
        lambda: variables.differences(events),
        lambda: variables.corner(events),
        lambda: variables.overlays(events),
    ]
    yield from (picture for make in makers if (picture := make()) is not None)


def _drawn(run: Run) -> list[Picture]:
    """Return the run's pictures from their JSON files, in the page's order."""
    found = {path.stem: path for path in (run / FOLDER).glob("*.json")}
    return [read_picture(found[name]) for name in ORDER if name in found]


def _joined(names: list[str], runs: list[list[Picture]], wanted: str) -> Picture | None:
    """Return one picture in which panels of one title hold a curve of each run that has them."""
    found = [
        (name, picture)
        for name, pictures in zip(names, runs, strict=True)
        for picture in pictures
        if picture.name == wanted
    ]
    joined: dict[str, Panel] = {}
    for name, picture in found:
        for panel in picture.panels:
            own = tuple(
                replace(curve, label=f"{name}: {curve.label}")
                for curve in panel.curves
                if curve.label.startswith(SIDE_BY_SIDE[wanted])
            )
            before = joined.get(panel.title, replace(panel, curves=()))
            joined[panel.title] = replace(before, curves=before.curves + own)
    if not joined:
        return None
    first = found[0][1]
    return replace(first, panels=tuple(joined.values()), caption=OVERLAID[wanted])


def _tables(files: Files) -> list[tables.Table]:
    makers = (
        tables.working_points, tables.checks, stability.table, tables.ladder, tables.environment,
    )  # fmt: skip
    return [table for make in makers if (table := make(files)) is not None]


def _files(run: Run) -> Files:
    return {name: _read(run / f"{name}.json") for name in JSON}


def _read(path: Path) -> Any:
    return read_record_if_there(path)


def _page(
    title: str, runs: list[tuple[str, Files]], pictures: Sequence[Picture],
    shown: Sequence[tables.Table],
) -> str:  # fmt: skip
    text = package.files("aetrig").joinpath("report", "page.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        text
    )
    drawn = [
        {"name": p.name, "title": p.title, "caption": p.caption, "panels": panels(p)}
        for p in pictures
    ]
    verdicts = [_verdict(name, files) for name, files in runs]
    return template.render(title=title, verdicts=verdicts, pictures=drawn, tables=list(shown))


def _compared(verify: dict[str, Any]) -> set[str]:
    return {item["other"] for item in verify["ladder"]}


def _verdict(name: str, files: Files) -> dict[str, Any]:
    verify = files["verify"]
    if verify is None:
        text = "nothing was compared yet; aetrig verify does"
        return {"passed": False, "word": "NOT VERIFIED", "name": name, "text": text, "remarks": []}
    values = sum(item["values"] for item in verify["ladder"])
    differing = sum(item["differing"] for item in verify["ladder"])
    latency = verify["latency"] or {}
    text = f"{differing:,} of {values:,} compared integers differ"
    if latency.get("cycles") is not None:
        text += f"; latency {latency['cycles']} cycles = {latency['nanoseconds']:g} ns"
        text += f" ({latency['source']})"
    word = "PASSED" if verify["passed"] else "FAILED"
    remarks = [str(item) for item in verify["failures"]]
    absent = [stage for stage in BACK_ENDS if stage not in _compared(verify)]
    remarks += verify.get("notes", [])
    if absent:
        remarks.append(f"not compared: {', '.join(absent)}")
    return {
        "passed": verify["passed"], "word": word, "name": name, "text": text, "remarks": remarks,
    }  # fmt: skip
