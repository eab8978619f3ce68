"""Run one trial by its name, or list them."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules


def names() -> list[str]:
    """Return the trials: the modules and packages of this folder."""
    found = (module.name for module in iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if not name.startswith("_"))


def main(words: list[str]) -> int:
    """Run the trial that the first word names; return its exit code."""
    if not words or words[0] not in names():
        print("scripts/trust TRIAL [ARGUMENTS]; a trial's own options: --help\n")
        for name in names():
            what = (import_module(f"trials.{name}").__doc__ or "").splitlines()[0]
            print(f"  {name:<12} {what}")
        return 0 if not words else 2
    return int(import_module(f"trials.{words[0]}").main(words[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
