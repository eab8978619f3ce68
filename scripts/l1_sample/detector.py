"""From tower deposits to the trigger objects of one bunch crossing, in integer hardware units.

Each function is one step of the documented parametrization; `trigger_rows` is their chain. All
energies and momenta are in GeV and transverse unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from generate import ETA_TOWERS, ETA_WIDTH, PHI_TOWERS, PHI_WIDTH, TOWERS, Events
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Wholes = NDArray[np.int64]

PT_STEP = 0.5  # GeV
ETA_STEP = 0.0435  # half a tower
PHI_STEP = 2.0 * np.pi / 144.0  # rad, half a tower
PHI_CODES = 144
PT_BITS = {"met": 12, "e": 9, "mu": 9, "j": 11}  # unsigned
ANGLE_BITS = 8  # signed, eta and phi
OBJECTS = {"met": 1, "e": 4, "mu": 4, "j": 10}  # in the order of the rows
MUON_BARREL_ETA = 0.8
BLOCK = 250  # crossings treated at once: bounds the memory of the dense tower grid

TOWER_ETA = (np.arange(ETA_TOWERS) - ETA_TOWERS // 2 + 0.5) * ETA_WIDTH
TOWER_PHI = (np.arange(PHI_TOWERS) + 0.5) * PHI_WIDTH


@dataclass(frozen=True)
class Detector:
    """The parametrization. Resolutions: (stochastic in sqrt(GeV), constant), in quadrature."""

    pile_up: float = 50.0  # mean inelastic interactions a crossing, Poisson
    em_resolution: tuple[float, float] = (0.10, 0.01)  # central towers
    had_resolution: tuple[float, float] = (0.85, 0.07)
    forward_eta: float = 3.0
    forward_em_resolution: tuple[float, float] = (1.98, 0.09)
    forward_had_resolution: tuple[float, float] = (2.8, 0.11)
    ring_cap: float = 2.0  # GeV: a tower counts at most this in the mean of its ring
    tower_threshold: float = 2.0  # GeV, after subtraction of the ring's mean
    electron_min_pt: float = 5.0
    electron_max_eta: float = 2.5
    electron_efficiency: float = 0.95
    electron_resolution: tuple[float, float] = (0.20, 0.03)
    muon_min_pt: float = 3.0
    muon_max_eta: float = 2.4
    muon_efficiency: float = 0.92
    muon_resolution: tuple[float, float] = (0.12, 0.20)  # of 1/pT: barrel, and beyond
    lepton_angle: float = 0.02  # Gaussian width in eta and in phi, rad
    jet_radius: float = 0.4
    jet_min_pt: float = 20.0
    met_max_eta: float = 3.0  # towers in the sum; muons always count


DEFAULT = Detector()


@dataclass(frozen=True)
class Leptons:
    """Leptons of a block of crossings, flat; `event` numbers the crossing within the block."""

    event: Wholes
    kind: Wholes
    pt: Reals
    eta: Reals
    phi: Reals


def column_names() -> list[str]:
    """The 57 columns, in order: met_pt, met_eta, met_phi, e1_pt, ... j10_phi."""
    names = []
    for kind, count in OBJECTS.items():
        for number in range(1, count + 1):
            prefix = kind if kind == "met" else f"{kind}{number}"
            names += [f"{prefix}_{axis}" for axis in ("pt", "eta", "phi")]
    return names


def slices(start: Wholes, pick: Wholes) -> tuple[Wholes, Wholes]:
    """Flat positions of the slices of events `pick`, and for each the number of its pick."""
    length = start[pick + 1] - start[pick]
    owner = np.repeat(np.arange(len(pick)), length)
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return start[pick][owner] + within, owner


def turned(tower: Wholes, turn: Wholes, mirror: NDArray[np.bool_]) -> Wholes:
    """Towers rotated by `turn` towers in phi and, where `mirror`, reflected in eta."""
    eta, phi = np.divmod(tower, PHI_TOWERS)
    eta = np.where(mirror, ETA_TOWERS - 1 - eta, eta)
    return eta * PHI_TOWERS + (phi + turn) % PHI_TOWERS


def overlay(
    hard: Events, pool: Events, mean: float, rng: np.random.Generator
) -> tuple[Reals, Reals, Leptons]:
    """Add Poisson(mean) pool events to each hard event: EM and hadronic grids, and the leptons.

    Each drawn event is turned by a random whole number of towers and mirrored in eta half of the
    time: both are symmetries of the collision and of the grid, and make one event stand for 144.
    """
    count = len(hard)
    drawn = rng.poisson(mean, count)
    pick = rng.integers(len(pool), size=drawn.sum())
    turn = rng.integers(PHI_TOWERS, size=len(pick))
    mirror = rng.integers(2, size=len(pick)).astype(bool)
    crossing = np.repeat(np.arange(count), drawn)

    at, owner = slices(pool.tower_start, pick)
    soft_tower = turned(pool.tower[at].astype(np.int64), turn[owner], mirror[owner])
    hard_crossing = np.repeat(np.arange(count), np.diff(hard.tower_start))
    cell = np.concatenate(
        [hard_crossing * TOWERS + hard.tower, crossing[owner] * TOWERS + soft_tower]
    )
    size = count * TOWERS
    em = np.bincount(cell, np.concatenate([hard.em, pool.em[at]]), size)
    had = np.bincount(cell, np.concatenate([hard.had, pool.had[at]]), size)
    grid = (count, TOWERS)

    at, owner = slices(pool.lepton_start, pick)
    sign = np.where(mirror[owner], -1.0, 1.0)
    leptons = Leptons(
        event=np.concatenate(
            [np.repeat(np.arange(count), np.diff(hard.lepton_start)), crossing[owner]]
        ),
        kind=np.concatenate([hard.lepton_kind, pool.lepton_kind[at]]).astype(np.int64),
        pt=np.concatenate([hard.lepton_pt, pool.lepton_pt[at]]).astype(np.float64),
        eta=np.concatenate([hard.lepton_eta, sign * pool.lepton_eta[at]]),
        phi=np.concatenate([hard.lepton_phi, pool.lepton_phi[at] + turn[owner] * PHI_WIDTH]),
    )
    return em.reshape(grid).astype(float), had.reshape(grid).astype(float), leptons


def resolution(energy: Reals, terms: tuple[float, float]) -> Reals:
    """Relative width at an energy (not transverse): stochastic and constant terms in quadrature."""
    stochastic, constant = terms
    return np.sqrt(stochastic**2 / energy + constant**2)


def smeared(value: Reals, width: Reals, rng: np.random.Generator) -> Reals:
    """Multiply by a log-normal of mean 1 and relative width `width`: never negative, unbiased."""
    spread = np.log1p(width**2)
    return value * np.exp(np.sqrt(spread) * rng.standard_normal(value.shape) - 0.5 * spread)


def measured_towers(em: Reals, had: Reals, d: Detector, rng: np.random.Generator) -> Reals:
    """Tower transverse energies (crossings x TOWERS) after smearing both parts."""
    lift = np.repeat(np.cosh(TOWER_ETA), PHI_TOWERS)
    forward = np.repeat(np.abs(TOWER_ETA) > d.forward_eta, PHI_TOWERS)
    total = np.zeros_like(em)
    for part, central_terms, forward_terms in (
        (em, d.em_resolution, d.forward_em_resolution),
        (had, d.had_resolution, d.forward_had_resolution),
    ):
        row, tower = np.nonzero(part)
        et = part[row, tower]
        energy = et * lift[tower]
        width = np.where(
            forward[tower],
            resolution(energy, forward_terms),
            resolution(energy, central_terms),
        )
        total[row, tower] += smeared(et, width, rng)
    return total


def subtracted(towers: Reals, cap: float, threshold: float) -> Reals:
    """Take the mean of each eta ring off its towers, then drop those below threshold.

    A tower counts at most `cap` in the mean, so that a hard jet does not subtract itself.
    """
    rings = towers.reshape(len(towers), ETA_TOWERS, PHI_TOWERS)
    mean = np.minimum(rings, cap).mean(axis=2, keepdims=True)
    clean = rings - mean
    return np.where(clean >= threshold, clean, 0.0).reshape(towers.shape)


def jets(towers: Reals, d: Detector) -> tuple[Wholes, Reals, Reals, Reals]:
    """Anti-kt jets of massless towers: crossing, pT, eta, phi of those above the threshold."""
    import awkward as ak  # here, so that the other steps need no FastJet
    import fastjet
    import vector

    vector.register_awkward()
    row, tower = np.nonzero(towers)
    pt = towers[row, tower]
    eta_index, phi_index = np.divmod(tower, PHI_TOWERS)
    eta, phi = TOWER_ETA[eta_index], TOWER_PHI[phi_index]
    parts = {
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "E": pt * np.cosh(eta),
    }
    counts = np.bincount(row, minlength=len(towers))
    particles = ak.unflatten(ak.zip(parts, with_name="Momentum4D"), counts)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, d.jet_radius)
    found = fastjet.ClusterSequence(particles, definition).inclusive_jets(d.jet_min_pt)
    crossing = np.repeat(np.arange(len(towers)), ak.num(found).to_numpy())
    flat = ak.flatten(found)
    px, py, pz = (flat[axis].to_numpy() for axis in ("px", "py", "pz"))
    jet_pt = np.hypot(px, py)
    return crossing, jet_pt, np.arcsinh(pz / jet_pt), np.arctan2(py, px)


def electrons(leptons: Leptons, d: Detector, rng: np.random.Generator) -> Leptons:
    """Found electrons: calorimeter-like momentum resolution, flat efficiency, no isolation."""
    mine = chosen(leptons, leptons.kind == 11)
    energy = mine.pt * np.cosh(mine.eta)
    width = resolution(energy, d.electron_resolution)
    pt = mine.pt * np.maximum(1.0 + width * rng.standard_normal(len(mine.pt)), 0.0)
    return found(mine, pt, d.electron_efficiency, d.electron_min_pt, d.electron_max_eta, d, rng)


def muons(leptons: Leptons, d: Detector, rng: np.random.Generator) -> Leptons:
    """Found muons: Gaussian in the curvature 1/pT, hence a tail to high pT, and flat efficiency."""
    mine = chosen(leptons, leptons.kind == 13)
    width = np.where(np.abs(mine.eta) < MUON_BARREL_ETA, *d.muon_resolution)
    curvature = 1.0 + width * rng.standard_normal(len(mine.pt))
    pt = mine.pt / np.maximum(curvature, 1e-2)
    return found(mine, pt, d.muon_efficiency, d.muon_min_pt, d.muon_max_eta, d, rng)


def chosen(leptons: Leptons, keep: NDArray[np.bool_]) -> Leptons:
    """The leptons where `keep`."""
    return Leptons(
        event=leptons.event[keep],
        kind=leptons.kind[keep],
        pt=leptons.pt[keep],
        eta=leptons.eta[keep],
        phi=leptons.phi[keep],
    )


def found(
    mine: Leptons,
    pt: Reals,
    efficiency: float,
    min_pt: float,
    max_eta: float,
    d: Detector,
    rng: np.random.Generator,
) -> Leptons:
    """Replace pT by the measured one, smear the direction, apply acceptance and efficiency."""
    eta = mine.eta + d.lepton_angle * rng.standard_normal(len(pt))
    phi = mine.phi + d.lepton_angle * rng.standard_normal(len(pt))
    seen = rng.random(len(pt)) < efficiency
    keep = seen & (pt >= min_pt) & (np.abs(eta) <= max_eta)
    return chosen(Leptons(mine.event, mine.kind, pt, eta, phi), keep)


def missing(towers: Reals, muon: Leptons, max_eta: float) -> Reals:
    """Missing transverse momentum (crossings x 3: pt, eta = 0, phi) of cleaned towers and muons."""
    count = len(towers)
    rings = towers.reshape(count, ETA_TOWERS, PHI_TOWERS)
    wedges = rings[:, np.abs(TOWER_ETA) < max_eta].sum(axis=1)
    px = -(wedges @ np.cos(TOWER_PHI)) - np.bincount(muon.event, muon.pt * np.cos(muon.phi), count)
    py = -(wedges @ np.sin(TOWER_PHI)) - np.bincount(muon.event, muon.pt * np.sin(muon.phi), count)
    return np.stack([np.hypot(px, py), np.zeros(count), np.arctan2(py, px)], axis=1)


def leading(
    event: Wholes, pt: Reals, eta: Reals, phi: Reals, count: int, keep: int
) -> NDArray[np.float64]:
    """The `keep` hardest objects of each of `count` crossings: (count, keep, 3), zero padded."""
    order = np.lexsort((-pt, event))
    event = event[order]
    rank = np.arange(len(event)) - np.searchsorted(event, event)
    table = np.zeros((count, keep, 3))
    inside = rank < keep
    values = np.stack([pt, eta, phi], axis=1)[order]
    table[event[inside], rank[inside]] = values[inside]
    return table


def digitised(objects: Reals, pt_bits: int) -> NDArray[np.int16]:
    """Hardware integers of objects (..., 3): pt truncated and saturated, angles rounded.

    phi wraps to [-72, 71]. An object whose pt truncates to zero is no object: all three are zero.
    """
    codes = np.empty(objects.shape, np.int64)
    codes[..., 0] = np.minimum(np.floor(objects[..., 0] / PT_STEP), 2**pt_bits - 1)
    codes[..., 1] = np.rint(objects[..., 1] / ETA_STEP)
    half = PHI_CODES // 2
    codes[..., 2] = (np.rint(objects[..., 2] / PHI_STEP) + half) % PHI_CODES - half
    codes[codes[..., 0] == 0] = 0
    return codes.astype(np.int16)


def block_rows(
    hard: Events, pool: Events, rng: np.random.Generator, d: Detector
) -> NDArray[np.int16]:
    """Rows (crossings x 57) of one block."""
    count = len(hard)
    em, had, leptons = overlay(hard, pool, d.pile_up, rng)
    towers = subtracted(measured_towers(em, had, d, rng), d.ring_cap, d.tower_threshold)
    electron, muon = electrons(leptons, d, rng), muons(leptons, d, rng)
    tables = [digitised(missing(towers, muon, d.met_max_eta)[:, None, :], PT_BITS["met"])]
    for kind, lepton in (("e", electron), ("mu", muon)):
        top = leading(lepton.event, lepton.pt, lepton.eta, lepton.phi, count, OBJECTS[kind])
        tables.append(digitised(top, PT_BITS[kind]))
    tables.append(digitised(leading(*jets(towers, d), count, OBJECTS["j"]), PT_BITS["j"]))
    return np.concatenate(tables, axis=1).reshape(count, -1)


def blocks(events: Events) -> Iterator[Events]:
    """Cut a chunk into blocks of BLOCK crossings."""
    for first in range(0, len(events), BLOCK):
        yield events.part(first, min(first + BLOCK, len(events)))


def trigger_rows(
    events: Events, pool: Events, rng: np.random.Generator, d: Detector = DEFAULT
) -> NDArray[np.int16]:
    """Rows (crossings x 57) of a chunk, in `column_names` order."""
    return np.concatenate([block_rows(block, pool, rng, d) for block in blocks(events)])
