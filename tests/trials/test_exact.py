"""The trial of `scripts/trust exact`, small: its vectors are distinct, and a wrong bit is found."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aetrig.errors import UserError
from aetrig.program.evaluate import results
from aetrig.program.model import Affine, Format, Program
from aetrig.program.read import read
from fuzz.architectures import SMALL, architecture

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "l1-encoder"


@pytest.fixture(scope="module")
def exact() -> Any:
    """The trial's modules."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import trials.exact
        from trials.exact import compare, engines, vectors
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return {"main": trials.exact.main, "engines": engines, "compare": compare, "vectors": vectors}


@dataclass
class Wrong:
    """An engine that computes another Program."""

    program: Program
    name: str = "wrong"
    cycles: int = 0
    bubbles: int = 0

    def run(self, x: np.ndarray, number: int) -> dict[str, np.ndarray]:
        del number
        return results(self.program, x)


def drawn(exact: Any, program: Program) -> Any:
    vectors = exact["vectors"]
    golden = vectors.adversarial(program, 50, 2).x
    return vectors.Source(program, vectors._bounds(program), golden, golden)


def test_no_vector_comes_twice_and_a_seed_gives_one_stream(exact: Any) -> None:
    program = architecture(5, SMALL)
    given, stream = drawn(exact, program), exact["vectors"].stream
    chunks = list(stream(given, 5000, 700, 1))
    x = np.concatenate([chunk.x for chunk in chunks])
    assert x.shape == (5000, program.features)
    assert len(np.unique(x, axis=0)) == 5000
    assert set().union(*(chunk.families for chunk in chunks)) == set(exact["vectors"].FAMILIES)
    low, high = (np.array([getattr(f, end) for f in program.input_formats])
                 for end in ("low", "high"))  # fmt: skip
    assert ((x >= low) & (x <= high)).all()
    again = np.concatenate([chunk.x for chunk in stream(given, 5000, 700, 1)])
    other = np.concatenate([chunk.x for chunk in stream(given, 5000, 700, 2)])
    np.testing.assert_array_equal(x, again)
    assert (x != other).any()


def test_an_input_with_fewer_vectors_is_refused(exact: Any) -> None:
    program = architecture(5, SMALL)
    few = replace(program, input_formats=(Format(1, False, 0),) * program.features)
    with pytest.raises(UserError, match="the input has no"):
        for _ in exact["vectors"].stream(drawn(exact, few), 1 << program.features + 1, 500, 1):
            pass


def test_one_weight_that_is_wrong_is_counted(exact: Any) -> None:
    compare = exact["compare"]
    program = read(MODEL / "trigger.qonnx.onnx")
    affine = next(op for op in reversed(program.operations) if isinstance(op, Affine))
    weight = affine.weight.copy()
    weight[0, 0] += 1
    wrong = replace(program, operations=tuple(
        replace(op, weight=weight) if op is affine else op for op in program.operations
    ))  # fmt: skip
    outcome = compare.Outcome("network", "", 500)
    chunk = next(exact["vectors"].stream(drawn(exact, program), 500, 500, 1))
    reference = results(program, chunk.x)
    compare._engine(Wrong(program), chunk, 0, reference, outcome)
    assert outcome.differing == 0
    compare._engine(Wrong(wrong), chunk, 1, reference, outcome)
    assert outcome.differing > 0
    assert "chunk 1: first difference" in outcome.engines["wrong"].first


@pytest.mark.slow
def test_a_network_through_all_engines(
    exact: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(MODEL), "--vectors", "30000", "--chunk", "4000", "--record", str(tmp_path / "r")]
    assert exact["main"](words) == 0
    first = capsys.readouterr().out
    for engine in ("emulator", "RTL"):
        assert f"| l1-encoder | {engine} | 30,000 | 480,000 | 0 |" in first
    assert exact["main"](words) == 0  # from the record
    again = capsys.readouterr().out
    assert first[first.index("| network") :] == again[again.index("| network") :]
