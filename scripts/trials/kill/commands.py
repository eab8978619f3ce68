"""The commands that are killed, on a network of three layers that is trained in seconds."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from search.small import FEATURES, SPACE, config, write_events
from trials.kill.process import run

RUN = "runs/tiny"
SCRIPTS = Path(__file__).parents[2]
DATA_SET = "hls4ml_lhc_jets_hlf"
Phases = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Command:
    """A command. ``needs``: the snapshot that it starts from; ``makes``: what is there at its end.

    ``again``: words to add where that exists. ``grows``: artefacts that have more than one whole
    state meanwhile. ``phases``: names, each with what is on disk once it has begun.
    """

    name: str
    needs: str
    words: tuple[str, ...]
    makes: str
    phases: Phases
    again: tuple[str, ...] = ()
    grows: tuple[str, ...] = ()

    def repeated(self, work: Path) -> list[str]:
        """Return the words that go on after a kill."""
        if self.name == "qat":
            begun = (work / RUN / "config.yaml").exists()
            return ["aetrig", "qat", "--resume", "--quiet"] if begun else list(self.words)
        return [*self.words, *(self.again if (work / self.makes).exists() else ())]

    def growing(self, name: str) -> bool:
        """Say whether an artefact has more than one whole state."""
        return any(name.endswith(part) or f"/{part}" in name for part in self.grows)

    def phase(self, work: Path) -> str:
        """Return the last phase of which there is something on disk."""
        begun = [name for name, sign in self.phases if next(work.glob(sign), None) is not None]
        return begun[-1] if begun else "before anything is written"


def _aetrig(*words: str) -> tuple[str, ...]:
    return ("aetrig", *words)


COMMANDS = (
    Command(
        "qat", "data", _aetrig("qat", "tiny.yaml", "--quiet"), f"{RUN}/manifest.json",
        (
            ("files of the data", f"{RUN}/config.yaml"),
            ("float training", f"{RUN}/metrics.jsonl"),
            ("quantized training", f"{RUN}/checkpoints/float.pt"),
            ("recording", f"{RUN}/checkpoints/qat.pt"),
        ),
        grows=("metrics.jsonl", "checkpoints/last.pt", "manifest.json"),
    ),
    Command(
        "search", "data",
        _aetrig(
            "search", "short.yaml", "--rate", "300kHz", "--trials", "2", "--workers", "1",
            "--space", "space.yaml",
        ),
        "runs/tiny-search/search.json",
        (
            ("first trial", "runs/tiny-search/trials/0000/asked.json"),
            ("later trials", "runs/tiny-search/trials/*/trial.json"),
            ("last files", "runs/tiny-search/search.json"),
        ),
        grows=("search.json", "search.svg", "front/"),
    ),
    Command(
        "hls", "network", _aetrig("hls"), f"{RUN}/hls.json",
        (
            ("writing the project", f"{RUN}/.hls.*.part"),
            ("compiling", f"{RUN}/.hls.*.part/hls/.csim*.part"),
            ("comparing", f"{RUN}/.hls.*.part/hls/csim*.so"),
            ("recording", f"{RUN}/hls"),
        ),
        grows=("manifest.json",),
    ),
    Command(
        "rtl", "network", _aetrig("rtl"), f"{RUN}/rtl.json",
        (
            ("writing the project", f"{RUN}/.rtl.*.part"),
            ("compiling", f"{RUN}/.rtl.*.part/rtl/.rtl-*.part"),
            ("simulating", f"{RUN}/.rtl.*.part/rtl/rtl-*.so"),
            ("recording", f"{RUN}/rtl"),
        ),
        grows=("manifest.json",),
    ),
    Command(
        "emulator", "network", _aetrig("emulator"), f"{RUN}/emulator.json",
        (
            ("writing and compiling", f"{RUN}/.emulator.*.part"),
            ("comparing", f"{RUN}/.emulator.*.part/emulator/lib*.so"),
            ("recording", f"{RUN}/emulator"),
        ),
        grows=("manifest.json",),
    ),
    Command(
        "compress", "network",
        _aetrig("compress", "big.parquet", "--max-error", "2", "--workers", "1"),
        "big.parquet.aez",
        (("writing", ".big.parquet.aez.*.part"), ("ending", "big.parquet.aez")),
        again=("--force",),
    ),
    Command(
        "decompress", "compressed", _aetrig("decompress", "big.parquet.aez", "--workers", "1"),
        "big.parquet.aez.parquet",
        (("writing", ".big.parquet.aez.parquet.*.part"), ("ending", "big.parquet.aez.parquet")),
        again=("--force",),
    ),
    Command(
        "score", "emulated",
        _aetrig(
            "score", "events.parquet", "--minbias", "--workers", "1", "--chunk", "3000", "--quiet",
        ),
        f"{RUN}/scores/score.json",
        (
            ("starting workers", f"{RUN}/scores/partitions"),
            ("scoring", f"{RUN}/scores/partitions/*"),
            ("ending", f"{RUN}/scores/score.json"),
        ),
    ),
    Command(
        "package", "verified", _aetrig("package"), f"{RUN}/tiny-firmware.zip",
        (
            ("writing", f"{RUN}/.tiny-firmware.zip.*.part"),
            ("ending", f"{RUN}/tiny-firmware.zip"),
        ),
        again=("--force",),
    ),
    Command(
        "data fetch", "address", _aetrig("data", "fetch", DATA_SET, "--out", "sets"),
        f"sets/{DATA_SET}.arff",
        (("downloading", f"sets/.{DATA_SET}.arff.*.part"), ("ending", f"sets/{DATA_SET}.arff")),
    ),
    Command(
        "l1_sample", "nothing",
        (
            str(SCRIPTS / "l1_sample" / "make.py"), "--out", "l1.parquet", "--work", "chunks",
            "--jobs", "1", "--events-scale", "0.0004",
        ),
        "l1.parquet",
        (
            ("generating", "chunks/generated-*"),
            ("detecting", "chunks/detected-*"),
            ("ending", "l1.parquet"),
        ),
    ),
    Command(
        "jets_sample", "nothing",
        (
            str(SCRIPTS / "jets_sample" / "make.py"), "--out", "jets.parquet", "--work", "chunks",
            "--jets", "50", "--chunk", "50",
        ),
        "jets.parquet",
        (
            ("first class", "chunks"),
            ("other classes", "chunks/g-*"),
            ("ending", "jets.parquet"),
        ),
    ),
)  # fmt: skip


def available() -> list[Command]:
    """Return the commands that this machine has the packages for, and say which it has not."""
    found = list(COMMANDS)
    generators = ("pythia8mc", "fastjet")
    needs = {"l1_sample": generators, "jets_sample": generators, "data fetch": ("pooch",)}
    for name, packages in needs.items():
        missing = [package for package in packages if util.find_spec(package) is None]
        if missing:
            print(f"{name}: left out, {', '.join(missing)} is not installed", flush=True)
            found = [command for command in found if command.name != name]
    return found


def warm() -> None:
    """Import what the commands import, so that the forked ones need not."""
    import aetrig.api
    import aetrig.cli.main
    import aetrig.train.board

    for name in ("optuna", "alkaid", "pooch", "distributed"):
        if util.find_spec(name) is not None:
            __import__(name)
    if util.find_spec("alkaid") is not None:
        import aetrig.rtl.pipeline
        import aetrig.rtl.project  # noqa: F401


class Snapshots:
    """Folders that commands start from, each made by those before; made when first asked for."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def get(self, name: str) -> Path:
        """Return a snapshot's folder."""
        folder = self._place / name
        if not folder.exists():
            making = self._place / f"{name}.making"
            shutil.rmtree(making, ignore_errors=True)
            _MAKERS[name](self, making)
            making.rename(folder)
        return folder

    def after(self, name: str, making: Path, *commands: tuple[str, ...]) -> None:
        """Copy a snapshot and run commands in it."""
        shutil.copytree(self.get(name), making)
        for words in commands:
            done = run(["aetrig", *words], making, self._place / "snapshot.log")
            if done.code:
                raise SystemExit(f"kill: {' '.join(words)} failed: {done.brief}")


def _data(snapshots: Snapshots, making: Path) -> None:
    del snapshots
    making.mkdir(parents=True)
    write_events(making)
    phase = {"epochs": 20, "learning_rate": 5e-3}
    train = {"batch_size": 64, "device": "cpu", "threads": 1, "float_phase": phase,
             "qat_phase": {"epochs": 15}}  # fmt: skip
    limits = {"agreement": 0, "auc_drop": 1, "efficiency_drop": 1, "loss_ratio": 1000}
    verify = {"adversarial_events": 500, "background_rate": 0.05, "limits": limits}
    made = config(train=train, net={"encoder": [8, 3]}, verify=verify).model_dump(mode="json")
    (making / "tiny.yaml").write_text(yaml.safe_dump(made))
    (making / "short.yaml").write_text(yaml.safe_dump(config().model_dump(mode="json")))
    (making / "space.yaml").write_text(yaml.safe_dump(SPACE.model_dump(mode="json")))
    rng = np.random.default_rng(3)
    for name, rows, group in (("events.parquet", 30_000, 3_000), ("big.parquet", 400_000, 65_536)):
        x = np.rint(40 * rng.normal(size=(rows, FEATURES))).clip(-512, 511)
        columns = {f"f{i}": x[:, i] for i in range(FEATURES)}
        columns["label"] = np.array(["soft"] * rows)
        pq.write_table(pa.table(columns), making / name, row_group_size=group)


def _nothing(snapshots: Snapshots, making: Path) -> None:
    del snapshots
    making.mkdir(parents=True)


_CHAIN = (("qat", "tiny.yaml", "--quiet"), ("export-onnx",), ("threshold", "--rate", "300kHz"))
_MAKERS: dict[str, Callable[[Snapshots, Path], None]] = {
    "nothing": _nothing,
    "address": _nothing,
    "data": _data,
    "network": lambda s, m: s.after("data", m, *_CHAIN),
    "emulated": lambda s, m: s.after("network", m, ("emulator",)),
    "verified": lambda s, m: s.after("network", m, ("rtl",), ("verify",)),
    "compressed": lambda s, m: s.after(
        "network", m, ("compress", "big.parquet", "--max-error", "2", "--workers", "1")
    ),
}


@contextmanager
def archive() -> Iterator[str]:
    """Serve a data set on loopback as OpenML does; give the address of its descriptions."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # no TemporaryDirectory: a forked command would take it away at its end
    folder = tempfile.mkdtemp(prefix="aetrig-archive-")
    content = np.random.default_rng(5).bytes(60_000_000)
    Path(folder, "set.arff").write_bytes(content)
    facts = {
        "url": f"http://127.0.0.1:{port}/set.arff",
        "md5_checksum": hashlib.md5(content).hexdigest(),  # noqa: S324 - OpenML's
    }
    described = Path(folder, "data", "42468")
    described.parent.mkdir()
    described.write_text(json.dumps({"data_set_description": facts}))
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answers(port)
        yield f"http://127.0.0.1:{port}/data"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _answers(port: int) -> None:
    for _ in range(200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("kill: the archive's server does not answer")
