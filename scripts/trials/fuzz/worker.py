"""One process under atheris: one target, some seconds, a folder of finds.

A find does not end the search: it is kept, the smallest input of each kind, and the search goes on.
What ends the process (a crash below Python, a hang, memory) is kept by libFuzzer itself.
"""

from __future__ import annotations

import hashlib
import resource
import sys
from pathlib import Path

import atheris

STRUCTURE = "+"  # ends the name of a target that changes a valid file's structure
MEMORY_MB = 4096
HANG_SECONDS = 300  # below Python, of a machine that has other work too
ADDRESS_SPACE = 24 << 30


def main(target: str, seconds: int, folder: Path, scratch: Path) -> None:
    """Fuzz a target; libFuzzer prints the counts and ends the process."""
    name = target.removesuffix(STRUCTURE)
    structured = target.endswith(STRUCTURE)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    with atheris.instrument_imports(enable_loader_override=False, include=_modules(name)):
        from trials.fuzz.choices import Choices
        from trials.fuzz.reader import fails
        from trials.fuzz.readers import reader

        one = reader(name)
        seeds = list(one.seeds())
        for seed in seeds:  # what is imported inside functions is imported now
            _keep(fails(one, seed, scratch), seed, folder)
        if one.build is not None:
            one.build(Choices(bytes(range(99))))

    def test(content: bytes) -> None:
        made = one.build(Choices(content)) if structured and one.build else content
        _keep(fails(one, made, scratch), made, folder)

    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    starts = [bytes(n) for n in (8, 32)] if structured else seeds
    if structured:
        starts += [hashlib.shake_128(bytes([n])).digest(40) for n in range(40)]
    for seed in starts:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={200 if structured else max(one.longest, *map(len, starts))}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-malloc_limit_mb={MEMORY_MB // 2}",
        f"-timeout={HANG_SECONDS}",
        f"-artifact_prefix={folder}/ended-",
        "-print_final_stats=1",
        "-len_control=0",
        "-reload=0",
    ]
    if one.words and not structured:
        words = folder / "words.dict"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in one.words), encoding="utf-8")
        options.append(f"-dict={words}")
    atheris.Setup(["fuzz", *options, str(corpus)], test)
    atheris.Fuzz()


def _modules(name: str) -> list[str]:
    from trials.fuzz.readers import INSTRUMENTED

    return ["aetrig", *INSTRUMENTED.get(name, ())]


def _keep(failure: object, content: bytes, folder: Path) -> None:
    if failure is None:
        return
    kind = str(getattr(failure, "kind", failure))
    place = folder / "finds" / hashlib.sha1(kind.encode(), usedforsecurity=False).hexdigest()[:12]
    place.mkdir(parents=True, exist_ok=True)
    held = place / "input"
    if held.exists() and held.stat().st_size <= len(content):
        return
    held.write_bytes(content)
    (place / "kind").write_text(kind, encoding="utf-8", errors="replace")
    text = str(getattr(failure, "text", ""))
    (place / "text").write_text(text, encoding="utf-8", errors="replace")


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
