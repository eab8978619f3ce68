"""Golden vectors: what is written, what passes, and what each kind of damage is called."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from aetrig.errors import CheckFailedError, UserError
from aetrig.export.session import LEVELS
from aetrig.program import evaluate, read
from aetrig.run import Run, sha256, write_json
from aetrig.verify.golden import FILES, SUMMARY, VECTORS, renew, write
from aetrig.verify.golden_check import check
from aetrig.verify.stage import verify
from verify.test_latency import STUB_REPORT

pytestmark = pytest.mark.slow

Network = tuple[Path, int]


@pytest.fixture(scope="module")
def verified(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the finished run that has passed verification."""
    run = Run(shutil.copytree(finished.path, tmp_path_factory.mktemp("golden") / "run"))
    assert verify(run).passed
    return run


@pytest.fixture(scope="module")
def written(verified: Run) -> Network:
    folder = verified.path.parent / "network"
    return folder, write(verified, folder)


@pytest.fixture
def network(written: Network, tmp_path: Path) -> Path:
    """A copy of the written network, for a test to damage."""
    return Path(shutil.copytree(written[0], tmp_path / "network"))


def limited(network: Path, latency_ns: float, interval: int) -> None:
    """Put limits into the network's config, with its new digest."""
    path = network / "config.yaml"
    text = path.read_text(encoding="utf-8")
    for key, value in {"latency_ns": latency_ns, "interval_cycles": interval}.items():
        text, count = re.subn(rf"{key}:.*", f"{key}: {value}", text)
        assert count == 1
    path.write_text(text, encoding="utf-8")
    summary = json.loads((network / SUMMARY).read_text(encoding="utf-8"))
    summary["sha256"]["config.yaml"] = sha256(path)
    write_json(network / SUMMARY, summary)


def refused(network: Path, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        check(network)
    assert "\n" not in str(caught.value)


def test_written_network_holds_the_runs_files_and_the_programs_integers(
    verified: Run, written: Network
) -> None:
    folder, events = written
    assert {path.name for path in folder.iterdir()} == {*FILES, SUMMARY, "README.md"}
    for name in FILES[:3]:
        assert (folder / name).read_bytes() == (verified / name).read_bytes()
    with np.load(folder / VECTORS) as archive:
        x, y = archive["x"], archive["y"]
    assert (len(x), x.dtype, y.dtype) == (events, np.int32, np.int32)
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    kinds = summary["vectors"]
    assert (kinds["events"], kinds["adversarial"]) == (1000, 500)
    assert events == 1500 + kinds["chosen"]
    faults = kinds["faults"]
    assert faults["changed"] > 0.5 * faults["tried"] > 100
    assert faults["detected"] > 0.99 * faults["changed"]
    np.testing.assert_array_equal(y, evaluate(read(verified / "model.qonnx.onnx"), x))
    assert len(np.unique(y, axis=0)) > 100
    assert summary["sha256"] == {name: sha256(folder / name) for name in FILES}


def test_without_events_the_vectors_hold_no_data(verified: Run, tmp_path: Path) -> None:
    count = write(verified, tmp_path / "network", events=False)
    summary = json.loads((tmp_path / "network" / SUMMARY).read_text(encoding="utf-8"))
    assert count == 500 + summary["vectors"]["chosen"]
    assert "events" not in summary["vectors"]
    with (
        np.load(tmp_path / "network" / VECTORS) as archive,
        np.load(verified / "vectors/adversarial.npz") as adversarial,
    ):
        np.testing.assert_array_equal(archive["x"][:500], adversarial["x"])


def test_card_names_the_contract_and_leaves_nothing_open(verified: Run, written: Network) -> None:
    text = (written[0] / "README.md").read_text(encoding="utf-8")
    assert f"SHA-256 `{sha256(verified / 'model.qonnx.onnx')}`" in text
    assert "autoencoder 6-8-2-8-6" in text
    assert f"`golden.npz` holds {written[1]:,} inputs" in text
    assert "1,000 validation events, 500 adversarial, " in text
    assert "Flipping one bit of a weight, bias, table or threshold" in text
    assert "| AUC odd |" in text
    assert "Not measured: neither RTL nor a vendor's report was there" in text
    assert not re.search(r"\b(None|nan|inf)\b", text)


def test_a_card_for_every_table_has_as_many_cells_as_columns(written: Network) -> None:
    text = (written[0] / "README.md").read_text(encoding="utf-8")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_a_full_folder_is_not_overwritten_without_force(verified: Run, network: Path) -> None:
    (network / "mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(UserError, match=r"not empty.*--force"):
        write(verified, network)
    assert (network / "mine.txt").exists()
    write(verified, network, force=True)
    assert not (network / "mine.txt").exists()


def test_renewed_vectors_are_the_same_and_pass_without_their_history(
    written: Network, network: Path
) -> None:
    before = {path.name: path.read_bytes() for path in network.iterdir()}
    first = renew(network)
    second = renew(network)
    assert first == second
    text = (network / "README.md").read_text(encoding="utf-8")
    assert text.count("## Golden vectors") == 1
    assert text.count("`golden.npz` holds") == 1
    with np.load(network / VECTORS) as archive, np.load(written[0] / VECTORS) as old:
        np.testing.assert_array_equal(archive["x"][:1500], old["x"][:1500])
        assert len(archive["x"]) == 1500 + first["chosen"]
    assert (network / "config.yaml").read_bytes() == before["config.yaml"]
    assert check(network).passed
    # a folder of before there were chosen vectors: all of its vectors stay
    summary = json.loads((network / SUMMARY).read_text(encoding="utf-8"))
    del summary["vectors"]
    write_json(network / SUMMARY, summary)
    assert renew(network)["given"] == 1500 + first["chosen"]


def test_renew_refuses_what_golden_write_did_not_write(network: Path) -> None:
    path = network / VECTORS
    with np.load(path) as archive:
        content = {name: archive[name] for name in archive.files}
    content["y"] = content["y"] + 1
    np.savez_compressed(path, **content)
    with pytest.raises(UserError, match=r"golden\.npz: its SHA-256 is not the one in golden\.json"):
        renew(network)
    summary = json.loads((network / SUMMARY).read_text(encoding="utf-8"))
    summary["sha256"][VECTORS] = sha256(path)
    write_json(network / SUMMARY, summary)
    with pytest.raises(CheckFailedError, match="does not give its golden integers"):
        renew(network)
    assert json.loads((network / SUMMARY).read_text(encoding="utf-8")) == summary


def test_untouched_network_passes_with_limits_not_measured(network: Path) -> None:
    limited(network, 100.0, 2)
    result = check(network)
    assert result.failures() == []
    assert result.passed
    others = [row.other for row in result.comparisons]
    levels = [f"onnxruntime ({level})" for level in LEVELS]
    assert others == ["Program", *levels, "csim", "emulator"]
    # each stage: the output's six integers of every golden vector
    with np.load(network / VECTORS) as archive:
        values = archive["y"].size
    assert {(row.values, row.differing) for row in result.comparisons} == {(values, 0)}
    rows = list(result.rows())
    assert all(len(row) == 4 for row in rows)
    assert [row[3] for row in rows[-2:]] == ["not measured", "not measured"]


def test_latency_of_a_stub_report_is_held_to_the_limits(network: Path, tmp_path: Path) -> None:
    report = tmp_path / "myproject_csynth.xml"
    report.write_text(STUB_REPORT.format(worst=13, clock="3.9"), encoding="utf-8")
    limited(network, 65.0, 1)  # 13 cycles of 5 ns, interval 2
    result = check(network, report)
    latency, interval = result.checks
    assert (latency.value, latency.passed, interval.passed) == (65.0, True, False)
    missed = "initiation interval in cycles 2, limit at most 1: missed by 1"
    assert result.failures() == [missed]
    assert not result.passed
    assert {row.differing for row in result.comparisons} == {0}


def test_a_missing_or_broken_stub_report_is_one_line(network: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory"):
        check(network, tmp_path / "none.xml")
    (tmp_path / "half.xml").write_text("<profile>", encoding="utf-8")
    with pytest.raises(UserError, match="not a readable synthesis report"):
        check(network, tmp_path / "half.xml")


def test_one_weight_changed_is_told_by_its_digest_and_by_every_stage(network: Path) -> None:
    path = network / "model.qonnx.onnx"
    model = onnx.load(path)
    tensors = {item.name: item for item in model.graph.initializer}
    scale = float(numpy_helper.to_array(tensors["decoder_1_weight_quant_scale"]).reshape(()))
    weight = numpy_helper.to_array(tensors["decoder_1_weight"]).copy()
    alive = int(np.abs(weight).max(axis=1).argmax())
    weight[alive] += np.where(weight[alive] <= 0, 4 * scale, -4 * scale)
    tensors["decoder_1_weight"].CopyFrom(numpy_helper.from_array(weight, "decoder_1_weight"))
    onnx.save(model, path)
    result = check(network)
    assert not result.passed
    assert [finding.where for finding in result.findings] == ["model.qonnx.onnx"]
    assert result.failures()[0].startswith("model.qonnx.onnx: its SHA-256 is not the one in")
    differing = {row.other: row.differing for row in result.comparisons}
    assert differing["Program"] > 0
    assert differing["csim"] == differing["Program"]  # both were made from the changed file
    levels = [count for other, count in differing.items() if other.startswith("onnxruntime")]
    assert levels == [0] * len(LEVELS)
    assert "golden vectors and Program first differ at layer 'decoder_1_quant'" in str(
        result.failures()
    )


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_truncated_vectors_are_one_line(network: Path, part: float) -> None:
    path = network / VECTORS
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(network, r"golden\.npz: not a readable \.npz")


def test_vectors_of_another_kind_are_one_line(network: Path) -> None:
    path = network / VECTORS
    path.write_bytes(b"no archive at all")
    refused(network, r"golden\.npz: not a readable \.npz")
    np.savez_compressed(path, x=np.zeros((3, 6), np.int32))
    refused(network, r"golden\.npz: no array 'y' of vectors")
    np.savez_compressed(path, x=np.zeros((3, 6), np.int32), y=np.zeros((3, 5), np.int32))
    refused(network, r"golden\.npz: 'y' has shape \(3, 5\), expected \(3, 6\)")
    np.savez_compressed(path, x=np.array([{}]), y=np.zeros((1, 6), np.int32))
    refused(network, r"golden\.npz: 'x\.npy' holds Python objects")


def test_another_version_is_refused(network: Path) -> None:
    summary = json.loads((network / SUMMARY).read_text(encoding="utf-8"))
    write_json(network / SUMMARY, {**summary, "version": 99})
    refused(network, r"golden\.json has version 99, this program reads version 1")


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"version": 1}', '{"version": 1, "sha256": 3}'])
def test_damaged_summary_is_one_line(network: Path, text: str) -> None:
    (network / SUMMARY).write_text(text, encoding="utf-8")
    refused(network, r"golden\.json: .*make it again: aetrig golden write")


@pytest.mark.parametrize("name", [*FILES, SUMMARY])
def test_a_missing_file_is_named(network: Path, name: str) -> None:
    (network / name).unlink()
    refused(network, rf"{re.escape(name)} is missing\); aetrig golden write")


def test_unverified_run_is_refused(finished: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(finished.path, tmp_path / "run"))
    (run / "verify.json").unlink(missing_ok=True)
    with pytest.raises(UserError, match="make it with: aetrig verify"):
        write(run, tmp_path / "network")
    assert not (tmp_path / "network").exists()


def test_run_changed_since_it_was_verified_is_refused(verified: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(verified.path, tmp_path / "run"))
    with (run / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(UserError, match=r"model\.onnx has changed since; run aetrig verify again"):
        write(run, tmp_path / "network")
    assert not (tmp_path / "network").exists()


def test_failed_run_is_refused_with_its_first_failure(verified: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(verified.path, tmp_path / "run"))
    shutil.rmtree(run / "hls")
    verdict = verify(run)
    assert not verdict.passed
    shutil.copytree(verified / "hls", run / "hls")  # all is in place again; the verdict stands
    assert run.altered() == []
    with pytest.raises(CheckFailedError, match=re.escape(verdict.failures()[0])):
        write(run, tmp_path / "network")
    assert not (tmp_path / "network").exists()
