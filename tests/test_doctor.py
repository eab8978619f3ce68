"""The examination of the machine, on a PATH of the test's own."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

from aetrig.doctor import VENDOR_TOOLS, Finding, _disk, _packages, _pins, doctor

STUB = "#!/bin/sh\necho 'stub of a tool, version 9.8.7'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def add_stub(folder: Path, name: str, script: str = STUB) -> Path:
    path = folder / name
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


def found() -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor()}


def install(folder: Path, name: str, version: str) -> None:
    """Lay a package's metadata where Python looks first, as another installed version would."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")


def test_tools_that_are_not_on_path_are_missing_and_vendors_optional(folder: Path) -> None:
    findings = found()
    for name in ("g++", "make"):
        assert findings[name] == Finding(name, "not on PATH", "missing", f"apt-get install {name}")
    for name, remedy in VENDOR_TOOLS.items():
        assert findings[name] == Finding(name, "not on PATH", "optional", remedy)


def test_compiler_of_this_machine_is_found_with_its_version() -> None:
    finding = found()["g++"]
    assert finding.status == "ok"
    assert re.fullmatch(r"\d+\.\d+\S* at /.*g\+\+", finding.found)


def test_stub_tools_on_path_are_reported_where_they_lie(folder: Path) -> None:
    compiler, vendor = add_stub(folder, "g++"), add_stub(folder, "vitis_hls")
    findings = found()
    assert findings["g++"] == Finding("g++", f"9.8.7 at {compiler}", "ok")
    assert findings["vitis_hls"] == Finding("vitis_hls", str(vendor), "ok")
    assert findings["make"].status == "missing"
    assert findings["vitis-run"].status == "optional"


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "no program", "#!/nonexistent\n"])
def test_stub_that_tells_no_version_is_reported_without(folder: Path, script: str) -> None:
    path = add_stub(folder, "make", script)
    assert found()["make"] == Finding("make", f"version unknown at {path}", "ok")


def test_file_that_cannot_be_run_is_no_tool(folder: Path) -> None:
    add_stub(folder, "g++").chmod(0o644)
    assert found()["g++"].status == "missing"


def test_every_line_that_is_not_ok_has_a_remedy(folder: Path) -> None:
    for finding in doctor():
        assert finding.found
        assert bool(finding.remedy) == (finding.status != "ok"), finding


def test_pins_are_the_lines_of_the_constraints() -> None:
    path = Path(__file__).resolve().parents[1] / "constraints.txt"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "==" in line]
    pins = _pins()
    assert len(pins) == len(lines)
    assert [f"{name}=={version}" for name, version in pins.items()] == [
        line.split("==")[0].lower() + "==" + line.split("==")[1] for line in lines
    ]


def test_every_required_package_is_examined_and_has_a_pin() -> None:
    names = {finding.what.lower() for finding in _packages()}
    assert {"torch", "brevitas", "onnxruntime", "hls4ml", "pyyaml"} <= names
    assert names <= _pins().keys()
    assert not names & {"pytest", "mypy", "ruff"}  # of an extra


def test_wrong_version_is_missing_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "brevitas", "0.1.2")
    monkeypatch.syspath_prepend(tmp_path)
    assert metadata.version("brevitas") == "0.1.2"
    finding = next(finding for finding in _packages() if finding.what == "brevitas")
    assert finding.status == "missing"
    assert finding.found.startswith("0.1.2 (allowed ")
    assert finding.found.endswith(f", tested with {_pins()['brevitas']})")
    assert re.fullmatch(r"pip install 'brevitas[<>=.,\d]+'", finding.remedy)


def test_allowed_version_off_its_pin_is_ok_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "numpy", "2.999.0")
    monkeypatch.syspath_prepend(tmp_path)
    finding = next(finding for finding in _packages() if finding.what == "numpy")
    assert (finding.status, finding.remedy) == ("ok", "")
    assert finding.found == f"2.999.0 (allowed >=2.0, tested with {_pins()['numpy']})"


def test_disk_of_a_folder_that_can_be_written(tmp_path: Path) -> None:
    finding = _disk(tmp_path)
    assert finding.what == "disk"
    assert str(tmp_path) in finding.found
