"""Wheel and source archive built twice, from two copies of the checkout: the same bytes."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from trials._supply import built
from trials._supply.places import REPOSITORY


def main(words: list[str]) -> int:
    """Build twice and compare; 1 where a byte differs."""
    parser = argparse.ArgumentParser(prog="scripts/trust rebuild", description=__doc__)
    parser.parse_args(words)
    print("| archive | bytes | SHA-256, first copy | SHA-256, second copy |\n|---|---:|---|---|")
    with TemporaryDirectory() as folder:
        one = _snapshot(Path(folder) / "first")
        other = Path(shutil.copytree(one, Path(folder) / "second", copy_function=shutil.copy))
        first, second = (built.build(Path(f"{copy}-dist"), copy) for copy in (one, other))
        same = True
        for pair in zip(first, second, strict=True):
            digests = [built.digest(path) for path in pair]
            size = pair[0].stat().st_size
            print(f"| {pair[0].name} | {size:,} | `{digests[0]}` | `{digests[1]}` |")
            same &= digests[0] == digests[1]
    print("\nthe same bytes" if same else "\nFAULT: the bytes differ")
    return 0 if same else 1


def _snapshot(target: Path) -> Path:
    """Copy the checkout, with today's times: what is built must not depend on them."""
    for file in built.tracked():
        if (REPOSITORY / file).is_file():
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / file, target / file)
    return target
