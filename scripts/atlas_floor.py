"""How well any smooth map of four numbers to three can do on ATLAS jets: `atlas_floor.py PICKLE`.

The energy follows from pT and eta but for the mass. A smooth surface of three dimensions can follow
that mean and no more: what is left is the variance of the energy at given pT and eta, seen across
the surface. Printed in the loss of configs/atlas-4to3-tanh.yaml.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from aetrig.data.table_files import read_columns

CELLS = 40  # of pT, and of eta: quantiles
SCALE, ETA_SCALE = 1.2, 5.0  # of the config: log10(E) / 1.2, eta / 5


def main(path: Path) -> None:
    """Print the mean squared distance from the surface."""
    found = read_columns(path, ["m", "pt", "eta"], None, None)
    mass, pt, eta = (found[name].astype(np.float64) for name in ("m", "pt", "eta"))
    massless = pt * np.cosh(eta)
    energy = np.sqrt(massless**2 + mass * abs(mass))
    shift = (np.log10(energy) - np.log10(massless)) / SCALE
    cell = _cells(np.log10(pt)) * CELLS + _cells(eta)
    mean = np.bincount(cell, shift, CELLS**2) / np.maximum(np.bincount(cell, minlength=CELLS**2), 1)
    slope = ETA_SCALE / (SCALE * np.log(10)) * np.tanh(eta)
    across = (shift - mean[cell]) ** 2 / (2 + slope**2)  # the surface's normal is (1, -1, -slope)
    print(f"{len(pt):,} jets: {across.mean() / 4:.3g}, from {CELLS} x {CELLS} cells of pT and eta")


def _cells(values: np.ndarray) -> np.ndarray:
    edges = np.quantile(values, np.linspace(0, 1, CELLS + 1)[1:-1])
    return np.searchsorted(edges, values)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
