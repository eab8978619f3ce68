"""The trial of `scripts/trust architectures`, small; and the architectures that differed once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fuzz.architectures import SMALL, Size

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trial() -> Any:
    """The trial's modules."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import trials.architectures
        from trials.architectures import networks, rungs
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return {"main": trials.architectures.main, "networks": networks, "rungs": rungs}


def test_a_seed_gives_one_network(trial: Any) -> None:
    draw = trial["networks"].draw
    one, same, other = (draw(seed, SMALL) for seed in (4, 4, 5))
    assert one.kinds == same.kinds
    assert one.network == same.network
    assert (one.network, one.features) != (other.network, other.features)
    weights = [net.net.layer("encoder_0").weight for net in (one, same)]
    assert (weights[0] == weights[1]).all()


@pytest.mark.slow
def test_a_few_of_each_and_the_rest_from_the_record(
    trial: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["8", "2", "--programs", "4", "--record", str(tmp_path / "record")]
    assert trial["main"](words) == 0
    first = capsys.readouterr().out
    lines = (tmp_path / "record").read_text().splitlines()
    assert {"csim", "RTL"} <= {
        name.split(" ")[0] for line in lines for name in json.loads(line)["compared"]
    }
    (tmp_path / "record").write_text("\n".join(lines[:-1]) + "\n")  # killed before the last
    assert trial["main"](words) == 0
    again = capsys.readouterr().out
    assert first[first.index("Drawn") :] == again[again.index("Drawn") :]


@pytest.mark.slow
def test_a_hundred_through_the_fast_engines_are_of_all_kinds(trial: Any) -> None:
    rungs = trial["rungs"]
    records = [
        record
        for source, count in ((rungs.CONFIG, 80), (rungs.DIRECT, 20))
        for start in range(1000, 1000 + count, 20)
        for record in rungs.fast(source, range(start, start + 20), Size())
    ]
    assert not [text for record in records for text in record.differs]
    kinds = {kind for record in records if record.compared for kind in record.kinds}
    assert kinds >= {
        "activation relu", "activation leaky_relu", "activation tanh", "activation sigmoid",
        "residual", "batch norm", "variational", "embedding", "encoder alone", "pruned",
        "per-layer precision", "1-bit weights", "ROUND", "FLOOR",
        "score mse", "score mae", "score latent", "score embedding",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7024, 7034, 7043, 7046, 7100, 7143])
def test_what_differed_once(trial: Any, seed: int) -> None:
    rungs = trial["rungs"]
    record = rungs.slow(rungs.DIRECT, seed, SMALL)
    assert not record.differs
    assert len(record.compared) + len(record.refused) == 3  # QONNX, csim, RTL
