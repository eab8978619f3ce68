"""A trigger that deploys the encoder alone: its firmware is held to the cut, not to the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from aetrig.config.model import Hls, TriggerOptions
from aetrig.export.stage import export_onnx
from aetrig.hls.stage import hls
from aetrig.run import Run
from aetrig.train.qat import qat
from aetrig.trigger.stage import threshold
from aetrig.verify.stage import verify
from train.samples import config, write_table


@pytest.mark.slow
def test_csim_of_a_variational_encoder_passes(tmp_path: Path) -> None:
    write_table(tmp_path)
    options = TriggerOptions.model_validate(
        {"score": "latent", "shares": {"nominal": {"of": "background", "share": 0.1}}}
    )
    tiny = config()
    settings = tiny.model_copy(
        update={"net": tiny.net.model_copy(update={"variational": True}), "trigger": options}
    )
    run = Run(tmp_path / "run")
    qat(settings, run, base=tmp_path, resume=False, progress=False)
    export_onnx(run)
    threshold(run, options)
    hls(run, Hls())
    found = verify(run)
    assert not [item for item in found.findings if item.where == "hls"]
    assert any(row.other == "csim" and row.differing == 0 for row in found.ladder)
