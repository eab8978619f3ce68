"""Runs with a trigger and its emulator, and a cluster of processes that all tests here share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import yaml

from aetrig.data.dataset import Dataset, Feature, Grid, Process
from aetrig.data.vectors import save
from aetrig.emulator import build
from aetrig.emulator.stage import emulator
from aetrig.program.evaluate import trace
from aetrig.program.model import SCORE, Score, Trigger, WorkingPoint
from aetrig.run import Run, sha256
from hls.programs import small_program
from program.qonnx_files import write_qonnx
from program.strategies import vectors
from score.cluster import Cluster

NAMES = tuple(f"f{i}" for i in range(6))


@pytest.fixture(scope="session")
def hardware(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that reads integers in hardware units, named f0 to f5."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    made = Run(tmp_path_factory.mktemp("score") / "hardware")
    (made / "vectors").mkdir(parents=True)
    (made / "config.yaml").write_text("name: hardware\n")
    program = small_program()
    network = made / "model.qonnx.onnx"
    write_qonnx(program, network)
    score, x = Score("absolute", "input_quant"), vectors(program, 300)
    scores = trace(replace(program, trigger=Trigger(score, (), "")), x)[SCORE][:, 0]
    loose, tight = (int(np.quantile(scores, share)) for share in (0.5, 0.9))
    points = (WorkingPoint("loose", loose), WorkingPoint("tight", tight))
    trigger = Trigger(score, points, sha256(network))
    write_qonnx(replace(program, trigger=trigger), made / "trigger.qonnx.onnx")
    features = tuple(Feature(name, Grid(1.0, 12, signed=True, unit="")) for name in NAMES)
    processes = (Process("qcd", "background"), Process("zero", "minbias"))
    process = np.zeros(len(x), np.int16)
    dataset = Dataset(x, features, processes, process, np.ones(len(x)), process.astype(np.int8))
    save(made / "vectors/validation.npz", dataset)
    with pytest.MonkeyPatch.context() as patch:  # what is tested here needs no fast library
        flags = [flag.replace("-O3", "-O1") for flag in build.LIBRARY_FLAGS]
        patch.setattr(build, "LIBRARY_FLAGS", tuple(flags))
        emulator(made)
    return made


@pytest.fixture(scope="session")
def table(hardware: Run) -> Run:
    """The same trigger behind a table's columns: scaled, made by an expression, selected."""
    made = Run(hardware.path.with_name("table"))
    shutil.copytree(hardware.path, made.path)
    signed = [i % 2 == 0 for i in range(len(NAMES))]
    columns = [
        {"name": name, "step": 0.5, "bits": 12, "signed": signed[i]} for i, name in enumerate(NAMES)
    ]
    columns[1] |= {"expression": "sqrt(px**2 + py**2)"}
    columns[2] |= {"scale": 0.001, "step": 0.25}
    data = {
        "source": "table",
        "files": ["unused.parquet"],
        "columns": columns,
        "select": "f0 > -200 and quality == 1",
        "label": "kind",
        "background": ["qcd"],
        "minbias": ["zero"],
    }
    (made / "config.yaml").write_text(yaml.safe_dump({"name": "table", "data": data}))
    return made


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start(2)
        yield made
    finally:
        made.stop()
