"""Jets near 1 TeV from Pythia and FastJet: one chunk of one class, as the 16 features a jet.

Hard processes at 13 TeV with two like partons or bosons, all decaying to hadrons; visible particles
clustered with anti-kt, R = 0.8; the jets that match one of the two, groomed with the modified mass
drop tagger (soft drop with beta = 0, zcut = 0.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import awkward as ak
import fastjet
import numpy as np
import pythia8mc
from features import features
from numpy.typing import NDArray

RADIUS, MATCH = 0.8, 0.6
PT_LOW, PT_HIGH = 800.0, 1600.0
Z_CUT = 0.1
BATCH = 200
BEAMS = (
    "Beams:eCM = 13000.", "PhaseSpace:pTHatMin = 950.", "PhaseSpace:pTHatMax = 1100.",
)  # fmt: skip
HADRONS = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5", "23:onMode = off", "23:onIfAny = 1 2 3 4 5")
NEUTRINOS = (12, 14, 16)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JetClass:
    """What makes a class. ``partons``: absolute PDG codes that a jet is matched to."""

    name: str
    settings: tuple[str, ...]
    partons: tuple[int, ...]


CLASSES = (
    JetClass("g", ("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"), (21,)),
    JetClass(
        "q", ("HardQCD:qq2qq = on", "HardQCD:gg2qqbar = on", "HardQCD:qqbar2qqbarNew = on"),
        (1, 2, 3),
    ),
    JetClass("t", ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", *HADRONS), (6,)),
    JetClass("w", ("WeakDoubleBoson:ffbar2WW = on", *HADRONS), (24,)),
    JetClass("z", ("WeakDoubleBoson:ffbar2gmZgmZ = on", "WeakZ0:gmZmode = 2", *HADRONS), (23,)),
)  # fmt: skip


def jets(kind: JetClass, count: int, seed: int) -> Floats:
    """Return ``count`` jets of a class, shape (count, features), in the order of `FEATURES`."""
    pythia = pythia8mc.Pythia(xmlDir="", printBanner=False)
    seeding = ("Random:setSeed = on", f"Random:seed = {seed}")
    for line in ("Print:quiet = on", *BEAMS, *seeding, *kind.settings):
        if not pythia.readString(line):
            raise ValueError(f"Pythia refuses the setting {line!r}")
    if not pythia.init():
        raise RuntimeError(f"Pythia failed to initialize with {kind.settings}")
    rows: list[Floats] = []
    while len(rows) < count:
        rows += _batch(pythia.nextBatch(BATCH).prt, kind)
    return np.stack(rows[:count])


def _batch(record: Any, kind: JetClass) -> list[Floats]:
    flavour = abs(record.id)
    hard = record[(abs(record.status) >= 22) & (abs(record.status) <= 23)]
    hard = hard[_any(abs(hard.id), kind.partons)]
    seen = record[(record.status > 0) & ~_any(flavour, NEUTRINOS)]
    clusters = fastjet.ClusterSequence(
        _momenta(seen.p.px, seen.p.py, seen.p.pz, seen.p.e),
        fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS),
    )
    found, inside = clusters.inclusive_jets(PT_LOW), clusters.constituents(PT_LOW)
    wanted = _matched(found, hard)
    chosen = ak.flatten(inside[wanted], axis=1)
    momenta = ak.to_numpy(ak.flatten(np.hypot(found.px, found.py)[wanted]))
    if not len(chosen):
        return []
    groomed = _groomed(chosen)
    return list(_rows(groomed, ak.to_numpy(ak.num(chosen)), momenta))


def _any(values: Any, wanted: tuple[int, ...]) -> Any:
    found = values == wanted[0]
    for item in wanted[1:]:
        found = found | (values == item)
    return found


def _momenta(px: Any, py: Any, pz: Any, energy: Any) -> Any:
    return ak.zip({"px": px, "py": py, "pz": pz, "E": energy}, with_name="Momentum4D")


def _matched(found: Any, hard: Any) -> Any:
    """Mark the jets below the highest pT whose axis lies near a hard parton or boson."""
    pt = np.hypot(found.px, found.py)
    eta, phi = np.arcsinh(found.pz / pt), np.arctan2(found.py, found.px)
    hard_pt = np.hypot(hard.p.px, hard.p.py)
    hard_eta, hard_phi = np.arcsinh(hard.p.pz / hard_pt), np.arctan2(hard.p.py, hard.p.px)
    d_eta = eta[:, :, np.newaxis] - hard_eta[:, np.newaxis, :]
    d_phi = phi[:, :, np.newaxis] - hard_phi[:, np.newaxis, :]
    d_phi = (d_phi + np.pi) % (2 * np.pi) - np.pi
    near = ak.any(np.hypot(d_eta, d_phi) < MATCH, axis=2)
    return near & (pt < PT_HIGH)


def _groomed(chosen: Any) -> Any:
    clusters = fastjet.ClusterSequence(
        _momenta(chosen.px, chosen.py, chosen.pz, chosen.E),
        fastjet.JetDefinition(fastjet.cambridge_algorithm, 1000.0),
    )
    return clusters.exclusive_jets_softdrop_grooming(
        njets=1, beta=0.0, symmetry_cut=Z_CUT, R0=RADIUS
    )


def _rows(groomed: Any, multiplicity: NDArray[np.int64], momenta: Floats) -> Iterator[Floats]:
    inside = groomed.constituents
    start = np.concatenate(([0], np.cumsum(ak.to_numpy(ak.num(inside)))))
    px, py, pz = (ak.to_numpy(ak.flatten(inside[axis])) for axis in ("px", "py", "pz"))
    mass = ak.to_numpy(groomed.msoftdrop)
    for i in range(len(momenta)):
        part = slice(start[i], start[i + 1])
        row = features(px[part], py[part], pz[part], momenta[i], mass[i], multiplicity[i])
        if np.isfinite(row).all():
            yield row
