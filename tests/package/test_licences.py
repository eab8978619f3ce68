"""The notices of a hand-over name what is in it, and each text they need is there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from aetrig.package.licences import ALKAID_LIBRARY, licences

REPOSITORY = Path(__file__).resolve().parents[2]


def test_own_files_need_the_own_licence_alone() -> None:
    made = licences(["README.md", "emulator/emulator.hpp", "config.yaml"])
    assert made.keys() == {"NOTICE.md", "LICENSES/Apache-2.0.txt"}
    assert "hls4ml" not in made["NOTICE.md"]
    assert made["LICENSES/Apache-2.0.txt"] == (REPOSITORY / "LICENSE").read_text("utf-8")


def test_hls_names_hls4ml_and_xilinx() -> None:
    notice = licences(["hls/firmware/ap_types/ap_fixed.h"])["NOTICE.md"]
    assert "Xilinx" in notice
    assert "alkaid" not in notice


@pytest.mark.parametrize("suffix", ["v", "vhd"])
def test_modules_of_alkaids_library_bring_their_licence(suffix: str) -> None:
    made = licences([f"rtl/src/mux.{suffix}", f"rtl/src/logic0.{suffix}", "rtl/src/trigger.v"])
    assert f"(`mux.{suffix}`): LGPL-3.0-or-later" in made["NOTICE.md"]
    assert made["LICENSES/LGPL-3.0.txt"].lstrip().startswith("GNU LESSER GENERAL PUBLIC LICENSE")
    assert made["LICENSES/GPL-3.0.txt"].lstrip().startswith("GNU GENERAL PUBLIC LICENSE")


def test_a_file_of_that_name_elsewhere_is_not_alkaids() -> None:
    assert licences(["vectors/mux.v"]).keys() == {"NOTICE.md", "LICENSES/Apache-2.0.txt"}


def test_the_library_is_the_one_of_the_installed_alkaid() -> None:
    found = find_spec("alkaid")
    if found is None or found.origin is None:
        pytest.skip("alkaid is not installed")
    sources = Path(found.origin).parent / "codegen" / "rtl"
    modules = {path.stem for path in sources.glob("verilog/source/*.v")}
    assert modules | {path.stem for path in sources.glob("vhdl/source/*.vhd")} == ALKAID_LIBRARY
