"""The hand-over: complete, reproducible, and its own test bench runs where it is unpacked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aetrig.config.model import Rtl, TriggerOptions
from aetrig.errors import CheckFailedError, UserError
from aetrig.package.check import check_package
from aetrig.package.stage import package
from aetrig.package.vectors import vector_files
from aetrig.program import contract
from aetrig.program.evaluate import trace
from aetrig.rtl.ports import input_port
from aetrig.rtl.stage import rtl
from aetrig.rtl.verilate import OPTIMIZATION, require_compilers
from aetrig.run import Run, write_json
from aetrig.trigger.stage import threshold
from aetrig.verify.chain import check_chain
from aetrig.verify.stage import verify
from aetrig.versions import made_with


@pytest.fixture(scope="module")
def verified(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with a trigger and RTL that has passed verification; its hls project is left out."""
    run = Run(Path(shutil.copytree(finished.path, tmp_path_factory.mktemp("package") / "run")))
    shutil.rmtree(run / "hls")
    (run / "hls.json").unlink()
    manifest = run.manifest()
    for name in ("hls", "hls.json"):
        del manifest["artefacts"][name]
    write_json(run / "manifest.json", manifest)
    threshold(run, TriggerOptions(thresholds={"loose": 500, "tight": 5000}))
    rtl(run, Rtl(clock_ns=4))
    assert verify(run).failures() == []
    return run


@pytest.fixture(scope="module")
def unpacked(verified: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    result = package(verified, folder / "small.zip")
    with zipfile.ZipFile(result.path) as archive:
        archive.extractall(folder)
    return folder / "small-firmware"


def test_the_same_run_gives_the_same_bytes(verified: Run, tmp_path: Path) -> None:
    first, second = (package(verified, tmp_path / f"{i}.zip").path for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(UserError, match=r"1\.zip exists; replace it with --force"):
        package(verified, first)


def test_the_manifest_has_the_digest_of_every_file(unpacked: Path) -> None:
    lines = (unpacked / "MANIFEST").read_text(encoding="utf-8").splitlines()
    named = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {str(p.relative_to(unpacked)) for p in unpacked.rglob("*") if p.is_file()}
    assert set(named) == files - {"MANIFEST"}
    for name, digest in named.items():
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest
    command = ["sha256sum", "--quiet", "-c", "MANIFEST"]
    subprocess.run(command, cwd=unpacked, check=True)
    assert {
        "provenance.json",
        "verify.json",
        "trigger.qonnx.onnx",
        "out_of_context.tcl",
        "layout.csv",
        "NOTICE.md",
        "LICENSES/LGPL-3.0.txt",
    } <= set(named)
    assert not [name for name in named if name.endswith((".so", ".o"))]


def test_what_was_packed_passes_its_check(verified: Run, tmp_path: Path) -> None:
    found = check_package(package(verified, tmp_path / "small.zip").path)
    assert found.faults == ()
    assert found.network_digest == contract.load(verified).digest


def test_the_statement_has_the_whole_chain(verified: Run, unpacked: Path) -> None:
    said = json.loads((unpacked / "provenance.json").read_text(encoding="utf-8"))
    artefacts = said["artefacts"]
    recorded = verified.manifest()["artefacts"]
    assert {name: entry["sha256"] for name, entry in artefacts.items()} == {
        name: entry["sha256"] for name, entry in recorded.items()
    }
    chain = ["rtl", "trigger.qonnx.onnx", "model.qonnx.onnx", "checkpoints/qat.pt", "config.yaml"]
    for made, source in pairwise(chain):
        assert artefacts[made]["made_from"][source] == recorded[source]["sha256"]
    assert said["code"][artefacts["rtl"]["code"]] == made_with()
    (file,) = said["data"]["files"]
    assert (file["name"], len(file["sha256"])) == ("events.csv", 64)
    assert said["network_digest"] == recorded["trigger.qonnx.onnx"]["sha256"]
    assert said["verdict"]["passed"]
    assert said["verdict"]["differing_values"] == 0 < said["verdict"]["compared_values"]
    assert {row["kind"] for row in said["figures"]} == {"simulated", "estimated"}
    assert "synthesis of the RTL by yosys" in said["not_run"]
    assert not said["signed"]


def test_the_zip_of_a_run_is_part_of_its_chain(verified: Run, tmp_path: Path) -> None:
    run = Run(Path(shutil.copytree(verified.path, tmp_path / "run")))
    path = package(run).path
    first = path.read_bytes()
    assert check_chain(run).faults == ()
    assert package(run, force=True).path.read_bytes() == first
    path.write_bytes(first + b"x")
    assert [fault.artefact for fault in check_chain(run).faults] == [path.name]
    path.unlink()  # carried away
    assert check_chain(run).faults == ()
    assert package(run).path.read_bytes() == first


def test_nothing_is_left_to_fill_in_and_no_path_of_this_machine_is_inside(unpacked: Path) -> None:
    here = str(unpacked.parent.parent)
    for path in unpacked.rglob("*"):
        # not config.yaml, which names the data files as the user gave them
        if path.suffix in (".md", ".v", ".tcl", ".xdc", ".json", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert here not in text, path
    for name in ("README.md", "replay.v", "trigger.xdc", "out_of_context.tcl"):
        words = [
            w for w in (unpacked / name).read_text(encoding="utf-8").split("@")[1::2] if w.isupper()
        ]
        assert words == [], name
    assert "create_clock -period 4 " in (unpacked / "trigger.xdc").read_text(encoding="utf-8")


def test_vectors_are_the_programs_in_every_form(verified: Run) -> None:
    program = contract.load(verified)
    x = np.arange(36).reshape(6, 6) - 18
    files, values = vector_files(program, x), trace(program, x)
    assert files["x.txt"].splitlines()[2] == " ".join(map(str, x[2]))
    assert [int(line) for line in files["score.txt"].split()] == values["score"][:, 0].tolist()
    port = input_port(program)
    words = [int(line, 16) for line in files["x.hex"].split()]
    packed = port.pack(x)
    assert words == [sum(int(w) << (32 * i) for i, w in enumerate(row)) for row in packed]
    expected = np.concatenate([values["score"], values["accept"]], axis=1)
    rows = files["tb_output_predictions.dat"].splitlines()
    assert [list(map(int, row.split())) for row in rows] == expected.tolist()


def simulator(folder: Path) -> Path:
    """Compile the replay with Verilator, as its README says, without its makefiles."""
    root, compiler = require_compilers()
    made = folder / "obj_dir"
    sources = sorted(str(path) for path in (folder / "rtl" / "src").glob("*.v"))
    command = [str(root / "bin" / "verilator_bin"), "--cc", "--exe", "--main", "--timing", "-Wno-fatal",
               "-Irtl/src", "--top-module", "replay", "--Mdir", str(made), "replay.v", *sources]  # fmt: skip
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        env=os.environ | {"VERILATOR_ROOT": str(root)},
        capture_output=True,
    )
    include = root / "include"
    runtime = [
        str(include / f"{name}.cpp")
        for name in ("verilated", "verilated_threads", "verilated_timing")
    ]
    flags = [
        *OPTIMIZATION,
        "-std=c++20",
        "-fcoroutines",
        f"-I{made}",
        f"-I{include}",
        f"-I{include}/vltstd",
    ]
    units = sorted(map(str, made.glob("*.cpp")))
    subprocess.run(
        [compiler, *flags, *units, *runtime, "-o", str(made / "replay"), "-lpthread"], check=True
    )
    return made / "replay"


@pytest.mark.slow
def test_the_replay_passes_and_fails_on_a_changed_vector(unpacked: Path) -> None:
    program = simulator(unpacked)

    def said() -> str:
        done = subprocess.run(
            [str(program)], cwd=unpacked, capture_output=True, text=True, check=True
        )
        return next(line for line in done.stdout.splitlines() if line.startswith(("PASS", "FAIL")))

    path = unpacked / "vectors" / "score.hex"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 1000  # 500 of each kind, and those chosen for faults
    assert said() == f"PASS: {len(lines)} events"
    lines[41] = f"{int(lines[41], 16) ^ 1:0{len(lines[41])}x}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert said() == f"FAIL: {len(lines)} events, 1 differing"
    (unpacked / "vectors" / "network_digest.hex").write_text("1" * 64 + "\n", encoding="utf-8")
    assert said().startswith("FAIL: the RTL is of network ")


@pytest.mark.slow
def test_what_was_not_verified_is_not_handed_over(verified: Run, tmp_path: Path) -> None:
    run = Run(Path(shutil.copytree(verified.path, tmp_path / "run")))
    source = run / "rtl" / "src" / "trigger.v"
    source.write_text(source.read_text(encoding="utf-8") + "// edited\n", encoding="utf-8")
    with pytest.raises(UserError, match="has changed since; run aetrig verify again"):
        package(run)
    assert not verify(run).passed
    with pytest.raises((UserError, CheckFailedError), match=r"has changed since|has not passed"):
        package(run)
    (run / "verify.json").unlink()
    with pytest.raises(UserError, match="aetrig verify"):
        package(run)
