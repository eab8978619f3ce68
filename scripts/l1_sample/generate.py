"""From Pythia events to energy deposits in calorimeter towers and lists of leptons.

Nothing random happens here beyond the generator itself: smearing, thresholds and pile-up belong to
`detector`, so that the (slow) generation need not be repeated when the detector changes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEAMS = ("Beams:idA = 2212", "Beams:idB = 2212", "Beams:eCM = 13000.")
BATCH = 500  # events asked of Pythia at once: bounds the memory of its particle record

# Tower grid: 0.087 in eta by 2 pi / 72 in phi, as in the CMS barrel, kept to the forward edge.
ETA_WIDTH = 0.087
ETA_TOWERS = 114  # |eta| < 57 * 0.087 = 4.96
PHI_TOWERS = 72
PHI_WIDTH = 2.0 * np.pi / PHI_TOWERS
TOWERS = ETA_TOWERS * PHI_TOWERS

# Solenoid and calorimeter face, for the bending of charged particles.
FIELD_T = 3.8
BARREL_RADIUS_M = 1.29
ENDCAP_Z_M = 3.17

LEPTON_MIN_PT = {11: 3.0, 13: 2.0}  # GeV, below the object thresholds, to leave room for smearing
LEPTON_MAX_ETA = 2.6


@dataclass(frozen=True)
class Process:
    """One generated process: its name and role in the sample, its events, how Pythia makes it."""

    name: str
    role: str
    events: int
    settings: tuple[str, ...]


_W = ("24:onMode = off", "24:onIfAny = 11 13 15")
_Z = ("23:onMode = off", "23:onIfAny = 11 13 15")

SOFT = Process("soft", "pool", 500_000, ("SoftQCD:inelastic = on",))
MINBIAS = Process("minbias", "minbias", 100_000, ())  # made of pool events alone
HARD = (
    Process("w", "background", 59_200, ("WeakSingleBoson:ffbar2W = on", *_W)),
    Process("qcd", "background", 33_800, ("HardQCD:all = on", "PhaseSpace:pTHatMin = 30.")),
    Process(
        "z",
        "background",
        6_700,
        ("WeakSingleBoson:ffbar2gmZ = on", *_Z, "PhaseSpace:mHatMin = 60."),
    ),
    Process("top", "background", 300, ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")),
    Process(
        "a_4l",
        "signal",
        5_000,
        (
            "Higgs:useBSM = on",
            "HiggsBSM:gg2A3 = on",
            "36:m0 = 50.",
            "36:mMin = 40.",
            "HiggsA3:coup2Z = 1.",
            "36:onMode = off",
            "36:onIfMatch = 23 23",
            "23:onMode = off",
            "23:onIfAny = 11 13",
            "23:mMin = 1.",
        ),
    ),
    Process(
        "lq_btau",
        "signal",
        5_000,
        (
            "LeptoQuark:gg2LQLQbar = on",
            "LeptoQuark:qqbar2LQLQbar = on",
            "42:m0 = 80.",
            "42:mMin = 60.",
            "42:0:products = 5 -15",
        ),
    ),
    Process(
        "h0_tautau",
        "signal",
        5_000,
        (
            "HiggsSM:gg2H = on",
            "25:m0 = 60.",
            "25:mMin = 50.",
            "25:onMode = off",
            "25:onIfMatch = 15 -15",
        ),
    ),
    Process(
        "hplus_taunu",
        "signal",
        5_000,
        (
            "Higgs:useBSM = on",
            "HiggsBSM:ffbar2H+H- = on",
            "37:m0 = 60.",
            "37:mMin = 50.",
            "37:onMode = off",
            "37:onIfAny = 15",
        ),
    ),
)


@dataclass(frozen=True)
class Events:
    """Events as flat arrays; event i owns the slices start[i]:start[i + 1].

    Energies are transverse, in GeV, before smearing. Electrons point at their impact on the
    calorimeter, muons carry their direction at the vertex.
    """

    tower_start: NDArray[np.int64]
    tower: NDArray[np.int16]  # eta index * PHI_TOWERS + phi index
    em: NDArray[np.float32]
    had: NDArray[np.float32]
    lepton_start: NDArray[np.int64]
    lepton_kind: NDArray[np.int16]  # 11 or 13
    lepton_pt: NDArray[np.float32]
    lepton_eta: NDArray[np.float32]
    lepton_phi: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.tower_start) - 1

    def part(self, first: int, last: int) -> Events:
        """Events first to last - 1."""
        t0, t1 = self.tower_start[first], self.tower_start[last]
        l0, l1 = self.lepton_start[first], self.lepton_start[last]
        arrays = {}
        for field in fields(self):
            array = getattr(self, field.name)
            if field.name.endswith("_start"):
                arrays[field.name] = array[first : last + 1] - array[first]
            else:
                arrays[field.name] = (
                    array[l0:l1] if field.name.startswith("lepton") else array[t0:t1]
                )
        return Events(**arrays)


@dataclass(frozen=True)
class CrossSection:
    """Pythia's estimate for one chunk, in millibarn, and the number of phase-space points tried."""

    sigma_mb: float
    error_mb: float
    accepted: int
    tried: int


def recipe() -> dict[str, object]:
    """The constants besides Pythia's settings that decide what a chunk holds."""
    return {
        "layout": 1,
        "grid": (ETA_WIDTH, ETA_TOWERS, PHI_TOWERS),
        "solenoid": (FIELD_T, BARREL_RADIUS_M, ENDCAP_Z_M),
        "leptons": (LEPTON_MIN_PT, LEPTON_MAX_ETA),
        "batch": BATCH,
    }


def nothing(count: int) -> Events:
    """`count` empty events: what a crossing without a hard collision has besides pile-up."""
    start = np.zeros(count + 1, np.int64)
    real = np.zeros(0, np.float32)
    whole = np.zeros(0, np.int16)
    return Events(start, whole, real, real, start, whole, real, real, real)


def concatenate(parts: list[Events]) -> Events:
    """All events of `parts`, in order."""
    arrays: dict[str, NDArray[Any]] = {}
    for field in fields(Events):
        pieces = [getattr(part, field.name) for part in parts]
        if field.name.endswith("_start"):
            ends = np.cumsum([0] + [piece[-1] for piece in pieces])
            shifted = [piece[1:] + end for piece, end in zip(pieces, ends, strict=False)]
            arrays[field.name] = np.concatenate([[0], *shifted]).astype(np.int64)
        else:
            arrays[field.name] = np.concatenate(pieces)
    return Events(**arrays)


def save(path: Path, events: Events, section: CrossSection) -> None:
    """Write a chunk; the rename makes a file either whole or absent."""
    arrays = {field.name: getattr(events, field.name) for field in fields(Events)}
    numbers = [section.sigma_mb, section.error_mb, section.accepted, section.tried]
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, cross_section=np.array(numbers), **arrays)
    partial.replace(path)


def load(path: Path) -> Events:
    """Read the events of a chunk."""
    with np.load(path) as file:
        return Events(**{field.name: file[field.name] for field in fields(Events)})


def load_cross_section(path: Path) -> CrossSection:
    """Read the cross section of a chunk."""
    with np.load(path) as file:
        sigma, error, accepted, tried = file["cross_section"]
    return CrossSection(float(sigma), float(error), int(accepted), int(tried))


def at_calorimeter(
    pt: NDArray[np.float64],
    eta: NDArray[np.float64],
    phi: NDArray[np.float64],
    charge: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eta and phi where a particle from the origin meets the calorimeter face.

    pt in GeV, charge in units of e. A charged particle too soft to reach the barrel curls on to the
    endcap; this is what keeps much of the pile-up out of the barrel.
    """
    half_curvature = np.maximum(0.15 * FIELD_T * np.abs(charge) / np.maximum(pt, 1e-3), 1e-9)  # 1/m
    slope = np.sinh(np.abs(eta))  # |pz| / pt
    reach = BARREL_RADIUS_M * half_curvature
    to_barrel = np.where(reach < 1.0, np.arcsin(np.minimum(reach, 1.0)) / half_curvature, np.inf)
    to_endcap = ENDCAP_Z_M / np.maximum(slope, 1e-9)
    arc = np.minimum(to_barrel, to_endcap)  # transverse path length, m
    radius = np.abs(np.sin(arc * half_curvature)) / half_curvature
    eta_hit = np.sign(eta) * np.arcsinh(arc * slope / np.maximum(radius, 1e-3))
    return eta_hit, phi - np.sign(charge) * arc * half_curvature


def tower_of(eta: NDArray[np.float64], phi: NDArray[np.float64]) -> NDArray[np.int64]:
    """Tower number; -1 outside the grid in eta."""
    eta_index = np.floor(eta / ETA_WIDTH).astype(np.int64) + ETA_TOWERS // 2
    phi_index = np.floor(phi / PHI_WIDTH).astype(np.int64) % PHI_TOWERS
    inside = (eta_index >= 0) & (eta_index < ETA_TOWERS)
    return np.where(inside, eta_index * PHI_TOWERS + phi_index, -1)


def deposit(
    event: NDArray[np.int64],
    count: int,
    pdg: NDArray[np.int64],
    charge: NDArray[np.float64],
    momentum: NDArray[np.float64],
) -> Events:
    """Turn final-state particles into `count` events of tower deposits and leptons.

    `momentum` has columns px, py, pz, E in GeV; `event` is sorted. Electrons and photons go to the
    electromagnetic part, hadrons to the hadronic one; muons and neutrinos leave nothing.
    """
    px, py, pz, energy = momentum.T
    pt = np.maximum(np.hypot(px, py), 1e-6)
    eta, phi = np.arcsinh(pz / pt), np.arctan2(py, px)
    eta_hit, phi_hit = at_calorimeter(pt, eta, phi, charge)
    kind = np.abs(pdg)
    visible = ~np.isin(kind, (12, 13, 14, 16))
    tower = tower_of(eta_hit, phi_hit)
    seen = visible & (tower >= 0)
    et = energy / np.cosh(eta_hit)
    is_em = (kind == 11) | (kind == 22)

    cell, place = np.unique(event[seen] * TOWERS + tower[seen], return_inverse=True)
    em = np.bincount(place, et[seen] * is_em[seen], len(cell))
    had = np.bincount(place, et[seen] * ~is_em[seen], len(cell))
    bounds = np.arange(count + 1)
    tower_start = np.searchsorted(cell, bounds * TOWERS)

    floor = np.where(kind == 11, LEPTON_MIN_PT[11], LEPTON_MIN_PT[13])
    lepton = ((kind == 11) | (kind == 13)) & (pt > floor) & (np.abs(eta) < LEPTON_MAX_ETA)
    electron = kind[lepton] == 11
    return Events(
        tower_start=tower_start,
        tower=(cell % TOWERS).astype(np.int16),
        em=em.astype(np.float32),
        had=had.astype(np.float32),
        lepton_start=np.searchsorted(event[lepton], bounds),
        lepton_kind=kind[lepton].astype(np.int16),
        lepton_pt=pt[lepton].astype(np.float32),
        lepton_eta=np.where(electron, eta_hit[lepton], eta[lepton]).astype(np.float32),
        lepton_phi=np.where(electron, phi_hit[lepton], phi[lepton]).astype(np.float32),
    )


def run_pythia(settings: tuple[str, ...], events: int, seed: int) -> tuple[Events, CrossSection]:
    """Generate `events` events with Pythia and the given seed (1 to 900,000,000)."""
    import awkward as ak  # here, so that the pure functions above need no generator
    import pythia8mc

    pythia = pythia8mc.Pythia(xmlDir="", printBanner=False)
    seeding = ("Random:setSeed = on", f"Random:seed = {seed}")
    for line in ("Print:quiet = on", *BEAMS, *seeding, *settings):
        if not pythia.readString(line):
            raise ValueError(f"Pythia refuses the setting {line!r}")
    if not pythia.init():
        raise RuntimeError(f"Pythia failed to initialize with {settings}")

    parts, missing = [], events
    while missing > 0:
        record = pythia.nextBatch(min(BATCH, missing)).prt
        record = record[record.status > 0]
        counts = ak.num(record).to_numpy()
        flat = ak.flatten(record)
        pdg = flat.id.to_numpy().astype(np.int64)
        kinds, place = np.unique(pdg, return_inverse=True)
        charges = np.array([pythia.particleData.charge(int(kind)) for kind in kinds])
        momentum = np.stack([flat.p[axis].to_numpy() for axis in ("px", "py", "pz", "e")], axis=1)
        event = np.repeat(np.arange(len(counts)), counts)
        parts.append(deposit(event, len(counts), pdg, charges[place], momentum))
        missing -= len(counts)
    info = pythia.infoPython()
    section = CrossSection(info.sigmaGen(), info.sigmaErr(), info.nAccepted(), info.nTried())
    return concatenate(parts), section
