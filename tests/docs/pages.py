"""The pages of the site: their fenced blocks, headings and links, read without mkdocs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```\s*$",
    re.MULTILINE | re.DOTALL,
)
TITLE = re.compile(r'title="([^"]+)"')
LINK = re.compile(r"(?<!\\)\]\((?P<target>[^)\s]+)\)|<img[^>]* src=\"(?P<image>[^\"]+)\"")
HEADING = re.compile(r"^#{1,6} (.+?)(?: *\{ *#(?P<name>[\w-]+) *\})?$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block. ``words``: of its info string, language first; ``line``: of its fence."""

    words: tuple[str, ...]
    title: str | None
    text: str
    line: int

    @property
    def language(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def runs(self) -> bool:
        """Whether it is a command, a program, or a file to write."""
        if "norun" in self.words:
            return False
        return self.language in {"bash", "python"} or self.title is not None


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def blocks(page: Path) -> Iterator[Block]:
    """Yield a page's fenced blocks in order, those inside of lists and notes without their indent."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        indent = len(match["indent"])
        body = "".join(
            line[indent:] if line.strip() else line
            for line in match["text"].splitlines(keepends=True)
        )
        title = TITLE.search(match["info"])
        # ```bash, or ```{ .bash .norun }: the site takes further words as classes alone
        words = [word.lstrip(".") for word in TITLE.sub("", match["info"]).strip("{} ").split()]
        yield Block(tuple(words), title and title[1], body, text[: match.start()].count("\n") + 1)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks and code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))


def links(page: Path) -> list[str]:
    found = LINK.finditer(prose(page))
    return [match["target"] or match["image"] for match in found]


def anchors(page: Path) -> set[str]:
    """Return the addresses of a page's headings, as the site makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {match["name"] or slug(match[1]) for match in HEADING.finditer(text)}


def slug(heading: str) -> str:
    kept = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"[-\s]+", "-", kept)
