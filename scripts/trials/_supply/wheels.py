"""Which files of a release one of our Pythons on one of our machines could install."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

PYTHONS = ((3, 11), (3, 12), (3, 13))
MACHINES = ("x86_64", "aarch64")
NEWEST_GLIBC = 40  # of 2.x: wheels that ask for a newer one are for no system of today


@dataclass(frozen=True)
class Target:
    """A Python (major, minor) on Linux on a kind of machine."""

    python: tuple[int, int]
    machine: str

    def __str__(self) -> str:
        return f"Python {self.python[0]}.{self.python[1]} on {self.machine}"

    def meets(self, marker: str) -> bool:
        """Return whether an environment marker holds here; an empty one always does."""
        version = f"{self.python[0]}.{self.python[1]}"
        here = {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{version}.9",
            "python_version": version,
            "sys_platform": "linux",
        }
        return not marker or Marker(marker).evaluate(here)

    def takes(self, wheel: str) -> bool:
        """Return whether the file of this name installs here."""
        return bool(parse_wheel_filename(wheel)[3] & _tags(self))


TARGETS = tuple(Target(python, machine) for machine in MACHINES for python in PYTHONS)


@cache
def _tags(target: Target) -> frozenset[Tag]:
    old = ("manylinux2014", "manylinux2010", "manylinux1", "linux")
    platforms = [f"manylinux_2_{minor}_{target.machine}" for minor in range(NEWEST_GLIBC, 4, -1)]
    platforms += [f"{name}_{target.machine}" for name in old]
    return frozenset(
        [
            *cpython_tags(target.python, platforms=platforms),
            *compatible_tags(target.python, f"cp{target.python[0]}{target.python[1]}", platforms),
        ]
    )
