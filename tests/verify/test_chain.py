"""The manifest's chain: every broken link is named, and what follows from it; nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from aetrig.cli.main import app
from aetrig.config.load import load as load_config
from aetrig.data.origin import origin
from aetrig.errors import UserError
from aetrig.run import MANIFEST, Run, sha256, write_json, write_text
from aetrig.verify.chain import Chain, check_chain, unlinked
from aetrig.verify.golden import passed_verdict

DATA = "0" * 64


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run whose files hold little, recorded in the order and from the inputs of the stages."""
    (tmp_path / "events.csv").write_text("a\n1\n2\n", encoding="utf-8")
    column = {"name": "a", "step": 1.0, "bits": 8}
    source = {"source": "table", "files": ["events.csv"], "columns": [column]}
    run = Run(tmp_path / "run")
    write_text(run / "config.yaml", yaml.safe_dump({"name": "run", "data": source}))
    files = origin(load_config(run / "config.yaml").data, tmp_path)
    write_json(run / "environment.json", {"data": {"sha256": DATA, "files": files}})
    run.record("qat", ["config.yaml"], [])
    write_text(run / "checkpoints/qat.pt", "weights")
    run.record("qat", ["environment.json", "checkpoints/qat.pt"], ["config.yaml"], {"data": DATA})
    write_text(run / "model.qonnx.onnx", "network")
    run.record("export-onnx", ["model.qonnx.onnx"], ["config.yaml", "checkpoints/qat.pt"])
    write_text(run / "trigger.qonnx.onnx", "trigger")
    run.record("threshold", ["trigger.qonnx.onnx"], ["model.qonnx.onnx"])
    firmware(run)
    write_json(run / "verify.json", {"passed": True, "failures": []})
    everything = [n for n in run.manifest()["artefacts"] if not n.endswith(".json")]
    run.record("verify", ["verify.json"], everything)
    return run


def firmware(run: Run) -> None:
    digest = sha256(run / "trigger.qonnx.onnx")
    write_text(run / "rtl/src/trigger.v", "module trigger; endmodule\n")
    write_text(run / "rtl/src/trigger_config.vh", f"`define NETWORK_DIGEST 256'h{digest}\n")
    write_text(run / "rtl/rtl-1.so", "compiled")
    write_json(run / "rtl.json", {"contract_sha256": digest})
    run.record("rtl", ["rtl", "rtl.json"], ["trigger.qonnx.onnx"])
    write_text(run / "emulator/x.h", f"/* Contract SHA-256 {digest}.\n")
    write_text(run / "emulator/libx.so", "library")
    library = {"library": "libx.so", "library_sha256": sha256(run / "emulator/libx.so")}
    write_json(run / "emulator.json", {"qonnx_sha256": digest, **library})
    run.record("emulator", ["emulator", "emulator.json"], ["trigger.qonnx.onnx"])


def said(chain: Chain) -> list[str]:
    return [str(fault) for fault in chain.faults]


def edit(run: Run, change: Callable[[dict], object]) -> None:
    content = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    change(content)
    write_json(run / MANIFEST, content)


def test_an_untouched_run_holds(run: Run) -> None:
    chain = check_chain(run)
    assert (chain.faults, chain.notes) == ((), ())
    assert "the chain holds: 10 artefacts of 13 files" in chain.summary()
    assert chain.manifest_sha256 == sha256(run / MANIFEST)


def test_a_changed_artefact_is_named_with_what_was_made_from_it(run: Run) -> None:
    write_text(run / "model.qonnx.onnx", "other")
    (line,) = said(check_chain(run))
    assert line == (
        "model.qonnx.onnx: not what aetrig export-onnx wrote (its SHA-256 differs); "
        "trigger.qonnx.onnx, rtl, emulator, verify.json were made from the one recorded"
    )


def test_faults_come_from_data_to_firmware(run: Run, tmp_path: Path) -> None:
    write_text(run / "rtl/src/trigger.v", "")
    write_text(run / "checkpoints/qat.pt", "other")
    (tmp_path / "events.csv").write_text("a\n1\n3\n", encoding="utf-8")
    names = [fault.artefact for fault in check_chain(run).faults]
    assert names == ["data file events.csv", "checkpoints/qat.pt", "rtl/src/trigger.v"]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("rtl/src/trigger.v", "x", "not what aetrig rtl wrote"),
        ("rtl/src/more.v", "x", "no stage wrote it"),
        ("emulator/libx.so", "x", "not what aetrig emulator or aetrig verify compiled"),
        ("rtl/rtl-1.so", "x", "not what aetrig rtl or aetrig verify compiled"),
        ("rtl/rtl-2.so", "x", "no stage wrote it"),
        ("verify.json", "{}", "not what aetrig verify wrote"),
        ("model.onnx", "x", f"no stage wrote it: it is not in {MANIFEST}"),
        ("vectors/test.npz", "x", f"no stage wrote it: it is not in {MANIFEST}"),
    ],
)
def test_exactly_the_file_is_named(run: Run, name: str, text: str, what: str) -> None:
    write_text(run / name, text)
    (fault,) = check_chain(run).faults
    assert fault.artefact == name
    assert fault.what.startswith(what)


@pytest.mark.parametrize("name", ["rtl", "rtl/src/trigger.v", "emulator/libx.so", "verify.json"])
def test_a_missing_file_is_named(run: Run, name: str) -> None:
    (run / name).rename(run.path / ".gone")
    (fault,) = check_chain(run).faults
    assert (fault.artefact, fault.kind) == (name, "missing")


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("checkpoints/qat.pt", "x", "restore it from a copy, or make it again: aetrig qat --force"),
        ("rtl/src/trigger.v", "x", "restore it from a copy, or make it again: aetrig rtl --force"),
        ("rtl/src/more.v", "x", f"remove it, or restore the {MANIFEST} that has it"),
        ("../events.csv", "a\n2\n", "restore the data, or train again"),
    ],
)
def test_what_to_do_is_said(run: Run, name: str, text: str, remedy: str) -> None:
    assert check_chain(run).remedy == ""
    (run / name).write_text(text, encoding="utf-8")
    chain = check_chain(run)
    assert chain.remedy == remedy
    assert "broken in 1 place:" in chain.summary()
    done = CliRunner().invoke(app, ["verify", "--manifest", "--run", str(run.path)])
    assert str(done.exception).endswith(f"; {remedy}")


def test_the_manifest_of_another_run_is_told(run: Run) -> None:
    for name in run.manifest()["artefacts"]:
        if (run / name).is_file():
            write_text(run / name, (run / name).read_text(encoding="utf-8") + " ")
    assert "seems to be that of another run" in check_chain(run).remedy


def test_a_cached_library_may_be_missing(run: Run) -> None:
    (run / "rtl/rtl-1.so").unlink()
    assert check_chain(run).faults == ()


def test_the_first_cause_of_what_is_stale_is_told(run: Run) -> None:
    write_text(run / "model.qonnx.onnx", "trained again")
    run.record("export-onnx", ["model.qonnx.onnx"], ["config.yaml", "checkpoints/qat.pt"])
    first, second = check_chain(run).faults
    assert str(first).startswith("trigger.qonnx.onnx: made from another model.qonnx.onnx; make it ")
    assert first.follows == ("rtl", "rtl.json", "emulator", "emulator.json", "verify.json")
    assert second.artefact == "verify.json"
    assert str(second).endswith("(follows from trigger.qonnx.onnx)")


def test_firmware_names_the_network_by_itself(run: Run) -> None:
    """The contract, its entry and every input edited to match: the firmware still says another."""
    write_text(run / "trigger.qonnx.onnx", "another threshold")
    digest = sha256(run / "trigger.qonnx.onnx")

    def match(content: dict) -> None:
        content["artefacts"]["trigger.qonnx.onnx"]["sha256"] = digest
        for entry in content["artefacts"].values():
            if "trigger.qonnx.onnx" in entry["inputs"]:
                entry["inputs"]["trigger.qonnx.onnx"] = digest

    edit(run, match)
    assert {fault.artefact for fault in check_chain(run).faults} == {
        "rtl.json", "rtl/src/trigger_config.vh", "emulator.json", "emulator/x.h",
    }  # fmt: skip


def test_a_verdict_from_before_an_artefact_was_made_is_stale(run: Run) -> None:
    old = run.manifest()["artefacts"]["verify.json"]
    del old["inputs"]["rtl"]
    edit(run, lambda content: content["artefacts"].update({"verify.json": old}))
    assert said(check_chain(run)) == ["verify.json: made before rtl; verify again: aetrig verify"]


def test_a_link_is_not_followed(run: Run) -> None:
    for name in ("checkpoints/qat.pt", "rtl/src/trigger.v"):
        (run / name).unlink()
        (run / name).symlink_to("/etc/passwd")
    faults = check_chain(run).faults
    assert [(f.artefact, f.kind) for f in faults] == [
        ("checkpoints/qat.pt", "link"),
        ("rtl/src/trigger.v", "link"),
    ]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\x", ""])
def test_a_name_that_leads_out_is_refused(run: Run, name: str) -> None:
    one = run.manifest()["artefacts"]["rtl"]
    edit(run, lambda content: content["artefacts"].update({name: one}))
    with pytest.raises(UserError, match="leads out of the run"):
        check_chain(run)


def test_data_that_are_elsewhere_are_not_checked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.csv").rename(tmp_path / "moved.csv")
    chain = check_chain(run)
    assert chain.faults == ()
    assert [str(n) for n in chain.notes] == [
        "data file events.csv: not on this machine; give its folder with --data"
    ]
    (tmp_path / "there").mkdir()
    (tmp_path / "moved.csv").rename(tmp_path / "there" / "events.csv")
    assert check_chain(run, tmp_path / "there").notes == ()


def test_code_of_another_version_is_a_note(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"aetrig": "9.9", "source_sha256": "f" * 64, "python": "3", "packages": {"torch": "1"}}
    monkeypatch.setattr("aetrig.verify.chain.made_with", lambda: other)
    (note,) = check_chain(run).notes
    assert "made by another version of the code: aetrig 0.1.0 (here 9.9), source_sha256" in str(
        note
    )
    edit(run, lambda content: [made.update(aetrig="9.9") for made in content["code"].values()])
    (fault,) = check_chain(run).faults
    assert fault.kind == "gap"


def test_a_manifest_of_version_1_is_read_and_says_what_is_unknown(run: Run) -> None:
    def older(content: dict) -> None:
        del content["code"]
        content["version"] = 1
        for entry in content["artefacts"].values():
            for key in ("code", "files", "libraries"):
                entry.pop(key, None)

    edit(run, older)
    chain = check_chain(run)
    assert chain.faults == ()
    assert "recorded by version 1" in str(chain.notes[0])
    write_text(run / "emulator/libx.so", "swapped")  # which emulator.json has named ever since
    (fault,) = check_chain(run).faults
    assert fault.artefact == "emulator/libx.so"
    write_text(run / "rtl/src/trigger.v", "x")
    assert "rtl" in [fault.artefact for fault in check_chain(run).faults]


def test_what_no_stage_wrote_is_not_handed_over(run: Run) -> None:
    assert unlinked(run) == []
    write_text(run / "trigger.onnx", "planted")
    with pytest.raises(UserError, match=r"trigger\.onnx has changed since"):
        passed_verdict(run)


def test_the_command_exits_1_and_prints_json(run: Run) -> None:
    called = CliRunner().invoke
    words = ["verify", "--manifest", "--run", str(run.path)]
    assert called(app, words).exit_code == 0
    write_text(run / "rtl/src/trigger.v", "x")
    done = called(app, [*words, "--json"])
    assert done.exit_code == 1
    content = json.loads(done.stdout[: done.stdout.rindex("}") + 1])
    assert not content["holds"]
    assert content["faults"][0]["artefact"] == "rtl/src/trigger.v"
