"""Where the files of the supply chain lie, and how names of packages are compared."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
CONSTRAINTS = REPOSITORY / "constraints.txt"
REQUIREMENTS = REPOSITORY / "requirements"
BUILD, CORE, CUDA, TORCH = "build", "core", "cuda", "torch-cpu"
EXTRAS = ("test", "sample", "fuzz")  # what scripts/setup installs beside the core


def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it: `PyYAML` and `pyyaml` are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def import_path() -> list[str]:
    """Return where packages are looked for, without copies that a package keeps for itself."""
    # setuptools puts its own copies on the path of whoever imports it
    return [place for place in sys.path if Path(place).name != "_vendor"]
