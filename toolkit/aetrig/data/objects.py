"""The level-1-like event: 19 objects of three integers, laid out as in the ADC2021 challenge."""

from __future__ import annotations

import math

from aetrig.data.dataset import Feature, Grid

PT_STEP = 0.5  # GeV
ETA_STEP = 0.0435
PHI_CODES = 144  # of the full circle
PHI_STEP = 2 * math.pi / PHI_CODES  # rad

# row 0 MET, 1-4 electrons, 5-8 muons, 9-18 jets; bits of the unsigned pT
OBJECTS = (
    ("met", 12),
    *((f"e{i}", 9) for i in range(1, 5)),
    *((f"mu{i}", 9) for i in range(1, 5)),
    *((f"j{i}", 11) for i in range(1, 11)),
)
COORDINATES = ("pt", "eta", "phi")
NAMES = tuple(f"{name}_{part}" for name, _ in OBJECTS for part in COORDINATES)


def features() -> tuple[Feature, ...]:
    """Return the 57 features met_pt, met_eta, met_phi, e1_pt ... j10_phi with their grids."""
    found: list[Feature] = []
    for number, (name, pt_bits) in enumerate(OBJECTS):
        presence = presence_of(name, 3 * number)
        grids = (
            Grid(PT_STEP, pt_bits, signed=False, unit="GeV"),
            Grid(ETA_STEP, 8, signed=True, unit="1"),
            Grid(PHI_STEP, 8, signed=True, unit="rad"),
        )
        found += [
            Feature(f"{name}_{part}", grid, presence)
            for part, grid in zip(COORDINATES, grids, strict=True)
        ]
    return tuple(found)


def presence_of(name: str, index: int) -> int | None:
    """Return the feature whose zero marks an object as padding; MET is never padding."""
    return None if name == "met" else index
