"""Licences are read, classed and held to the policy; the page has what is installed."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
pytest.importorskip("license_expression", reason="the extra 'test' is not installed")


@pytest.fixture(scope="module")
def trial() -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    from trials import licences

    return licences


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MIT", "permissive"),
        ("Apache-2.0 WITH LLVM-exception AND BSD-2-Clause", "permissive"),
        ("MIT OR GPL-3.0-only", "permissive"),
        ("MPL-2.0 AND MIT", "weak copyleft"),
        ("Apache-2.0 AND (LGPL-3.0-only OR Artistic-2.0)", "weak copyleft"),
        ("BSD-3-Clause AND GPL-2.0-or-later", "strong copyleft"),
        ("AGPL-3.0-only", "strong copyleft"),
        ("LicenseRef-NVIDIA-Proprietary", "proprietary"),
        ("LicenseRef-of-whom", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_class_of_an_expression(trial: ModuleType, expression: str, kind: str) -> None:
    from trials._supply.licences import kind as kind_of

    assert str(kind_of(expression)) == kind


def _other_than_locked() -> list[str]:
    """Return what is installed in another version than requirements/ say."""
    from trials._supply.lock import path, read
    from trials._supply.places import canonical

    there = {canonical(item.metadata["Name"]): item.version for item in distributions()}
    pins = [pin for name in ("core", "test") for pin in read(path(name)) if not pin.marker]
    found = [(pin, there.get(pin.name, "none").partition("+")[0]) for pin in pins]
    return [f"{pin.name} {version}" for pin, version in found if version != pin.version]


def test_what_is_installed_keeps_the_policy_and_is_on_the_page(trial: ModuleType) -> None:
    other = _other_than_locked()
    if other:
        pytest.skip(f"the page is of the locked versions; here: {', '.join(other[:3])}")
    found = trial.licences([])
    assert len(found) > 50
    assert list(trial.policy(found)) == []
    page = trial.PAGE.read_text(encoding="utf-8")
    for item in found:
        cells = f"| {item.name} | {item.version} | {item.expression} | {item.kind} |"
        assert cells in page, "run: scripts/trust licences --write"


@pytest.mark.parametrize(
    ("expression", "needed_by"),
    [("GPL-3.0-only", ("core",)), ("GPL-3.0-only", ("sample", "test")), ("", ("test",))],
)
def test_what_breaks_the_policy(
    trial: ModuleType, expression: str, needed_by: tuple[str, ...]
) -> None:
    from trials._supply.licences import kind

    item = trial.licences([])[0]
    bad = replace(item, expression=expression, kind=kind(expression), needed_by=needed_by)
    assert len(list(trial.policy([bad]))) == 1
