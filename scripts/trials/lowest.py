"""The tests with the lowest versions that pyproject.toml allows, in an environment of their own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from trials._supply.places import REPOSITORY, canonical
from trials.pins import direct


def main(words: list[str]) -> int:
    """Make the environment with uv and run the tests there; return their exit code."""
    parser = argparse.ArgumentParser(prog="scripts/trust lowest", description=__doc__)
    parser.add_argument("--list", action="store_true", help="only say which versions those are")
    parser.add_argument("--folder", type=Path, help="for the environment; default: a new one")
    parser.add_argument("--python", default="3.11", help="of the environment; default: 3.11")
    parser.add_argument("tests", nargs="*", help="arguments of pytest; default: the default tests")
    given = parser.parse_args(words)
    with TemporaryDirectory() as scratch:
        versions = Path(scratch) / "lowest.txt"
        resolve(versions, given.python)
        print("\n".join(_table(versions)), flush=True)
        if given.list:
            return 0
        folder = given.folder or Path(scratch) / "environment"
        _uv("venv", "--quiet", "--seed", "--allow-existing", "--python", given.python, str(folder))
        python = folder / "bin" / "python"
        # torch's lowest version has its CPU build on an index that not every machine reaches
        _uv("pip", "install", "--quiet", "--python", str(python), "--requirement", str(versions))
        _uv("pip", "install", "--quiet", "--python", str(python), "--no-deps", "--editable", ".")
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *given.tests]
        return subprocess.run(command, cwd=REPOSITORY, check=False).returncode


def resolve(out: Path, python: str) -> None:
    """Write the lowest versions of what we ask for, and the newest of what those ask for."""
    words = ("--extra", "test", "--resolution", "lowest-direct", "--python-version", python)
    _uv("pip", "compile", "--quiet", "--no-header", "pyproject.toml", *words, "--output-file",
        str(out))  # fmt: skip


def _table(versions: Path) -> list[str]:
    """Return the direct dependencies with the version that is tested."""
    lines = versions.read_text(encoding="utf-8").splitlines()
    pins = dict(line.split()[0].split("==") for line in lines if line and line[0].isalnum())
    stated = {canonical(line.name): str(line.specifier) for line in direct()}
    rows = [
        f"| {name} | {stated[name]} | {pins[name]} |"
        for name in sorted(stated.keys() & pins.keys())
    ]
    return ["| package | allowed | lowest tested |", "|---|---|---|", *rows]


def _uv(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *words], cwd=REPOSITORY, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)
