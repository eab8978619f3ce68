"""Two runs of one small network, of different seeds, with every artefact that a run can have."""

from __future__ import annotations

import shutil
from pathlib import Path

from aetrig import api
from aetrig.config.model import TriggerOptions
from aetrig.errors import CheckFailedError
from aetrig.run import Run
from conftest import small_config

POINTS = TriggerOptions(thresholds={"loose": 500, "tight": 5000})


def runs(folder: Path, *, hls: bool = True) -> tuple[Run, Run, Run]:
    """Return a whole run, one of another seed, and the first as it was before it had RTL.

    ``hls``: with hls4ml projects, whose emulation takes the longest to compile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = small_config(folder)
    first, second = (_trained(folder, config, seed) for seed in (1, 2))
    for run in (first, second):
        api.emulator(run, name="small")
        if hls:
            api.hls(run, api.load_config(run / "config.yaml").hls)
    api.verify(first)
    earlier = Run(Path(shutil.copytree(first.path, folder / "earlier")))
    for run in (first, second):
        api.rtl(run, api.load_config(run / "config.yaml").rtl)
        found = api.verify(run)
        if not found.passed:
            raise CheckFailedError(found.failures()[0])
        api.report(run)
    api.package(first)
    return first, second, earlier


def _trained(folder: Path, config: Path, seed: int) -> Run:
    settings = api.load_config(config, [f"name=seed{seed}", f"seed={seed}"])
    run = api.new_run(folder / "runs", settings.name, force=False)
    api.qat(settings, run, base=folder, resume=False, progress=False)
    api.export_onnx(run)
    api.threshold(run, POINTS)
    return run
