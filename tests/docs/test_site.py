"""The site: links resolve, the navigation names every page, the reference is as the schema is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.pages import DOCS, REPOSITORY, anchors, links, pages

CONFIG = REPOSITORY / "mkdocs.yml"
ELSEWHERE = re.compile(r"https?://|mailto:")


def navigation(items: Any) -> Iterator[str]:
    for item in items:
        for entry in item.values():
            if isinstance(entry, str):
                yield entry
            else:
                yield from navigation(entry)


def settings() -> dict[str, Any]:
    return dict(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_internal_links_resolve(page: Path) -> None:
    for link in links(page):
        if ELSEWHERE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (DOCS / name).resolve() if name else page
        assert target.is_file(), f"{page.name}: {link}"
        # what lies outside of docs is no part of the site
        assert DOCS in target.parents, f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_navigation_names_every_page_once() -> None:
    named = list(navigation(settings()["nav"]))
    assert sorted(named) == [page.name for page in pages()]


def test_pages_ask_no_other_host_for_anything() -> None:
    config = settings()
    assert config["theme"]["font"] is False
    assert not config.get("extra_javascript")
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"!\[[^\]]*\]\(https?:|<script|<img[^>]*https?:", text), page.name


def test_the_configuration_page_is_what_the_schema_says() -> None:
    script = REPOSITORY / "scripts" / "make_config_reference.py"
    made = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, encoding="utf-8", check=True
    )
    here = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert here == made.stdout, (
        "run: python scripts/make_config_reference.py > docs/configuration.md"
    )


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "```" not in text, f"{page.name}: a fence that is not read as one"
        remote = re.findall(r"<(?:script|img|iframe)[^>]*src=\"https?:[^\"]*\"", text)
        remote += re.findall(
            r"<link[^>]*rel=\"(?:stylesheet|preconnect)\"[^>]*href=\"https?:[^>]*", text
        )
        assert not remote, page.name
