"""The run directory: nothing half-written, nothing overwritten, every change noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aetrig.errors import UserError
from aetrig.run import (
    MANIFEST,
    Run,
    new_run,
    open_run,
    replacing,
    sha256,
    write_json,
    write_text,
)
from aetrig.versions import made_with


def stage(run: Run, text: str, *, force: bool = False) -> bool:
    """A stage that copies `source` to `made`, as the real ones do."""
    if not run.begin("copy", ["made"], ["source"], {"text": text}, force=force):
        return False
    with replacing(run / "made") as temporary:
        temporary.write_text((run / "source").read_text() + text)
    run.record("copy", ["made"], ["source"], {"text": text})
    return True


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = new_run(tmp_path, "one", force=False)
    write_text(run / "config.yaml", "name: one\n")
    (run / "source").write_text("source")
    run.record("begin", ["source"], [])
    return run


def test_unchanged_inputs_are_skipped_and_changed_ones_need_force(run: Run) -> None:
    assert stage(run, "a")
    assert not stage(run, "a")
    with pytest.raises(UserError, match="--force"):
        stage(run, "b")
    assert stage(run, "b", force=True)
    assert (run / "made").read_text() == "sourceb"


def test_altered_input_stops_the_stage(run: Run) -> None:
    (run / "source").write_text("tampered")
    assert run.altered() == ["source"]
    with pytest.raises(UserError, match="not what its stage wrote"):
        stage(run, "a")


def test_altered_output_is_not_taken_for_fresh(run: Run) -> None:
    stage(run, "a")
    (run / "made").write_text("tampered")
    assert run.altered() == ["made"]
    with pytest.raises(UserError, match="--force"):
        stage(run, "a")


def test_artefact_made_from_an_older_input_is_outdated(run: Run) -> None:
    stage(run, "a")
    assert run.outdated() == []
    (run / "source").write_text("new")
    run.record("begin", ["source"], [])
    assert run.outdated() == ["made"]


def test_failure_while_writing_leaves_the_old_artefact(tmp_path: Path) -> None:
    path = tmp_path / "artefact"
    path.write_text("old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["artefact"]


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("first", "second"):
        with replacing(path) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert [item.name for item in path.iterdir()] == ["second"]


def test_digest_of_a_folder_sees_names_and_contents_but_not_build_products(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("1")
    first = sha256(tmp_path)
    (tmp_path / "lib.so").write_text("binary")
    assert sha256(tmp_path) == first
    (tmp_path / "a.h").rename(tmp_path / "b.h")
    assert sha256(tmp_path) != first


def test_run_is_not_overwritten_and_the_replaced_one_is_kept(run: Run) -> None:
    with pytest.raises(UserError, match=r"--resume.*--force.*--name"):
        new_run(run.path.parent, "one", force=False)
    new_run(run.path.parent, "one", force=True)
    assert not (run / "source").exists()
    assert (run.path.parent / "one~" / "source").read_text() == "source"


def test_latest_run_is_the_default(run: Run, tmp_path: Path) -> None:
    second = new_run(tmp_path, "two", force=False)
    write_text(second / "config.yaml", "name: two\n")
    assert open_run(None, tmp_path) == second
    assert open_run(Path("one"), tmp_path).path == tmp_path / "one"


def test_unknown_run_names_those_that_exist(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a run directory.*one"):
        open_run(Path("three"), tmp_path)
    with pytest.raises(UserError, match="train one first"):
        open_run(None, tmp_path / "empty")


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 1, "artefacts": 3}'])
def test_damaged_manifest_is_one_line(run: Run, text: str) -> None:
    (run / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=r"manifest|version"):
        run.manifest()


def test_run_of_another_version_is_refused(run: Run) -> None:
    write_json(run / MANIFEST, {"version": 99, "artefacts": {}})
    with pytest.raises(UserError, match="has version 99, this program reads versions 1 to 2"):
        run.begin("copy", ["made"], ["source"])


def test_manifest_names_stage_inputs_and_options(run: Run) -> None:
    stage(run, "a")
    entry = json.loads((run / MANIFEST).read_text())["artefacts"]["made"]
    assert entry["stage"] == "copy"
    assert entry["inputs"] == {"source": sha256(run / "source")}
    assert entry["options"] == {"text": "a"}


def test_what_a_killed_stage_left_unrecorded_is_made_again(run: Run) -> None:
    (run / "made").write_text("whole, but its stage was killed before it recorded it")
    assert stage(run, "a")
    assert not stage(run, "a")


def test_scratch_folders_are_no_part_of_a_folders_digest(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("1")
    first = sha256(tmp_path)
    (tmp_path / ".csim-1.so.abcdefgh.part").mkdir()
    (tmp_path / ".csim-1.so.abcdefgh.part/csim.cpp").write_text("half")
    assert sha256(tmp_path) == first


@pytest.fixture
def compiled(run: Run) -> Run:
    """A run with a folder of sources, a library that is handed over and one that is a cache."""
    (run / "made").mkdir()
    for name in ("source.cpp", "libmade.so", "csim-1.so"):
        (run / "made" / name).write_text(name)
    run.record("make", ["made"], [])
    return run


def test_a_swapped_library_is_noticed_and_a_missing_one_is_not(compiled: Run) -> None:
    assert compiled.swapped("made") == []
    for name in ("libmade.so", "csim-1.so"):
        kept = (compiled / "made" / name).read_text()
        (compiled / "made" / name).write_text("other code")
        assert compiled.swapped("made") == [name]
        assert compiled.altered() == ["made"]
        (compiled / "made" / name).unlink()  # compiled again where it is missing
        assert compiled.altered() == []
        (compiled / "made" / name).write_text(kept)
    (compiled / "made" / "libmore.so").write_text("planted")
    assert compiled.swapped("made") == ["libmore.so"]


def test_a_cached_library_that_nobody_recorded_is_discarded(compiled: Run) -> None:
    (compiled / "made" / "csim-2.so").write_text(
        "compiled by a process that was killed, or planted"
    )
    assert compiled.altered() == []
    compiled.discard_unrecorded("made")
    assert sorted(path.name for path in (compiled / "made").glob("*.so")) == [
        "csim-1.so",
        "libmade.so",
    ]
    (compiled / "made" / "csim-2.so").write_text("compiled anew")
    compiled.record_libraries(["made"])
    compiled.discard_unrecorded("made")
    assert (compiled / "made" / "csim-2.so").exists()


def test_each_entry_names_the_code_that_made_it(run: Run) -> None:
    stage(run, "a")
    content = run.manifest()
    (key,) = {entry["code"] for entry in content["artefacts"].values()}
    assert content["code"] == {key: made_with()}


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret").write_text("1")
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "secret")
    before = sha256(tmp_path / "folder")
    (tmp_path / "secret").write_text("2")
    assert sha256(tmp_path / "folder") == before
