"""The 16 features of a groomed jet: energy-correlation functions and their ratios.

With z_i = pT_i / sum of pT over the groomed constituents and theta the distance in rapidity (of
massless particles: eta) and phi, generalized correlators (Moult, Necib, Thaler, arXiv:1609.07483):

    e2(b)  = sum over pairs z_i z_j theta^b
    v_e3(b) = sum over triplets z_i z_j z_k times the v smallest of the three theta, each to the b

    C1 = e2                 C2 = 3e3 / e2^2          (arXiv:1305.0007)
    D2(b) = 3e3 / e2^3      D2(a, b) = 3e3(a) / e2(b)^(3 a / b)   (arXiv:1409.6298, 1609.07483)
    M2 = 1e3 / e2           N2 = 2e3 / 1e2^2 with 1e2 = e2

``zlogz`` is the sum of z log z, z = pT_i over the ungroomed jet's pT. ``d2_a1_b1`` and ``d2_b1``
are the same function, and both are kept, as the published table has both.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEATURES = (
    "zlogz", "c1_b0_mmdt", "c1_b1_mmdt", "c1_b2_mmdt", "c2_b1_mmdt", "c2_b2_mmdt", "d2_b1_mmdt",
    "d2_b2_mmdt", "d2_a1_b1_mmdt", "d2_a1_b2_mmdt", "m2_b1_mmdt", "m2_b2_mmdt", "n2_b1_mmdt",
    "n2_b2_mmdt", "mass_mmdt", "multiplicity",
)  # fmt: skip


@njit(cache=True)
def correlators(z: Floats, eta: Floats, phi: Floats) -> Floats:
    """Return e2 for b = 0, 1, 2, then 1e3, 2e3, 3e3 for b = 1, then for b = 2."""
    n = len(z)
    theta = np.zeros((n, n))
    found = np.zeros(9)
    for i in range(n):
        for j in range(i):
            d_phi = abs(phi[i] - phi[j])
            if d_phi > np.pi:
                d_phi = 2 * np.pi - d_phi
            theta[i, j] = np.sqrt((eta[i] - eta[j]) ** 2 + d_phi**2)
            pair = z[i] * z[j]
            found[0] += pair
            found[1] += pair * theta[i, j]
            found[2] += pair * theta[i, j] ** 2
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a, b, c = theta[i, j], theta[i, k], theta[j, k]
                least, most = min(a, b, c), max(a, b, c)
                middle = a + b + c - least - most
                weight = z[i] * z[j] * z[k]
                found[3] += weight * least
                found[4] += weight * least * middle
                found[5] += weight * a * b * c
                found[6] += weight * least**2
                found[7] += weight * (least * middle) ** 2
                found[8] += weight * (a * b * c) ** 2
    return found


def features(
    px: Floats, py: Floats, pz: Floats, jet_pt: float, mass: float, multiplicity: float
) -> Floats:
    """Return one jet's features, in the order of `FEATURES`; ratios of nothing are 0.

    ``px``, ``py``, ``pz``: groomed constituents, GeV. ``jet_pt``: ungroomed, GeV. ``mass``:
    groomed, GeV. ``multiplicity``: constituents before grooming.
    """
    pt = np.hypot(px, py)
    z = pt / pt.sum()
    zero, one, two, a1, b1, c1, a2, b2, c2 = correlators(z, np.arcsinh(pz / pt), np.arctan2(py, px))
    share = pt / jet_pt
    return np.array([
        (share * np.log(share)).sum(), zero, one, two,
        _over(c1, one**2), _over(c2, two**2), _over(c1, one**3), _over(c2, two**3),
        _over(c1, one**3), _over(c1, two**1.5),
        _over(a1, one), _over(a2, two), _over(b1, one**2), _over(b2, two**2),
        mass, multiplicity,
    ])  # fmt: skip


def _over(a: float, b: float) -> float:
    return a / b if b > 0 else 0.0
