"""The data card: `card_template.md` filled with the scripts' constants and counts of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from detector import (
    ANGLE_BITS,
    DEFAULT,
    ETA_STEP,
    MUON_BARREL_ETA,
    OBJECTS,
    PHI_CODES,
    PT_BITS,
    PT_STEP,
    column_names,
)
from generate import (
    BARREL_RADIUS_M,
    ENDCAP_Z_M,
    ETA_TOWERS,
    ETA_WIDTH,
    FIELD_T,
    LEPTON_MIN_PT,
    PHI_TOWERS,
)
from numpy.typing import NDArray

Rows = NDArray[np.int16]
TEMPLATE = Path(__file__).with_name("card_template.md")
ADC_SHARES = {"w": 0.592, "qcd": 0.338, "z": 0.067, "top": 0.003}
SINGLE_THRESHOLDS_GEV = {"j1": (60, 100), "met": (80, 120), "e1": (10, 20), "mu1": (10, 20)}


def render(about: dict[str, Any], rows: dict[str, Rows], size: int) -> str:
    """Fill the template. `about` is the file's metadata, `size` its bytes."""
    values = {
        "size": f"{size:,}",
        "events": f"{sum(len(part) for part in rows.values()):,}",
        "contents": contents(about),
        "settings": all_settings(about),
        "measured": measured(rows),
        "rates": rates(about, rows["minbias"]),
        "met_alone": f"{(rows['minbias'][:, 3:] == 0).all(axis=1).mean():.0%}",
        **sample_values(about),
        **detector_values(),
        **layout_values(),
    }
    return TEMPLATE.read_text(encoding="utf-8").format_map(values)


def sample_values(about: dict[str, Any]) -> dict[str, object]:
    """Generation, pile-up and its limits."""
    pool, crossings = about["pool"]["events"], about["processes"]["minbias"]["kept"]
    khz, mean = about["crossing_rate_hz"] / 1e3, about["pile_up_mean"]
    return {
        "adc_shares": ", ".join(f"{name} {share:.1%}" for name, share in ADC_SHARES.items()),
        "versions": ", ".join(f"{name} {number}" for name, number in about["versions"].items()),
        "seed": about["seed"],
        "beams": code(about["beams"]),
        "pile_up": f"{mean:g}",
        "pool_events": f"{pool:,}",
        "pool_sigma": f"{about['pool']['sigma_mb']:.4g}",
        "bunches": about["filled_bunches"],
        "revolution": f"{about['revolution_hz']:g}",
        "crossing_mhz": f"{khz / 1e3:.2f}",
        "row_order": about["row_order"],
        "layout_version": about["layout_version"],
        "metadata_key": about["metadata_key"],
        "minbias": f"{crossings:,}",
        "crossing_khz": f"{khz / crossings:.2f}",
        "reuse": f"{crossings * mean / pool:.1f}",
        "pool_khz": f"{khz * mean / pool:.1f}",
        "top": about["processes"]["top"]["kept"],
    }


def detector_values() -> dict[str, object]:
    """Constants of the parametrization."""
    d = DEFAULT
    return {
        "field": FIELD_T,
        "barrel": BARREL_RADIUS_M,
        "endcap": ENDCAP_Z_M,
        "eta_towers": ETA_TOWERS,
        "phi_towers": PHI_TOWERS,
        "eta_width": ETA_WIDTH,
        "eta_edge": f"{ETA_TOWERS / 2 * ETA_WIDTH:.2f}",
        "em": terms(d.em_resolution),
        "had": terms(d.had_resolution),
        "forward_eta": f"{d.forward_eta:g}",
        "forward_em": terms(d.forward_em_resolution),
        "forward_had": terms(d.forward_had_resolution),
        "ring_cap": f"{d.ring_cap:g}",
        "tower_threshold": f"{d.tower_threshold:g}",
        "jet_radius": d.jet_radius,
        "jet_min_pt": f"{d.jet_min_pt:g}",
        "electron": terms(d.electron_resolution),
        "electron_efficiency": f"{d.electron_efficiency:.0%}",
        "electron_min_pt": f"{d.electron_min_pt:g}",
        "electron_max_eta": d.electron_max_eta,
        "electron_floor": f"{LEPTON_MIN_PT[11]:g}",
        "muon_central": f"{d.muon_resolution[0]:.0%}",
        "muon_outer": f"{d.muon_resolution[1]:.0%}",
        "muon_barrel_eta": MUON_BARREL_ETA,
        "muon_efficiency": f"{d.muon_efficiency:.0%}",
        "muon_min_pt": f"{d.muon_min_pt:g}",
        "muon_max_eta": d.muon_max_eta,
        "muon_floor": f"{LEPTON_MIN_PT[13]:g}",
        "lepton_angle": d.lepton_angle,
        "met_max_eta": f"{d.met_max_eta:g}",
    }


def layout_values() -> dict[str, object]:
    """Columns and hardware units."""
    most = {kind: (2**bits - 1) * PT_STEP for kind, bits in PT_BITS.items()}
    return {
        "objects": ", ".join(f"{count} {kind}" for kind, count in OBJECTS.items()),
        "columns": len(column_names()),
        "pt_step": PT_STEP,
        "pt_bits": ", ".join(f"{kind} {bits}" for kind, bits in PT_BITS.items()),
        "pt_most": ", ".join(f"{kind} {pt:g} GeV" for kind, pt in most.items()),
        "eta_step": ETA_STEP,
        "angle_bits": ANGLE_BITS,
        "phi_codes": PHI_CODES,
        "phi_low": -(PHI_CODES // 2),
        "phi_high": PHI_CODES // 2 - 1,
    }


def code(lines: list[str]) -> str:
    """Pythia settings as inline code."""
    return ", ".join(f"`{line}`" for line in lines)


def terms(pair: tuple[float, float]) -> str:
    """A resolution's stochastic and constant terms."""
    return f"{pair[0]:.0%}/sqrt(E/GeV) ⊕ {pair[1]:.0%}"


def row(cells: list[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def header(cells: list[str]) -> list[str]:
    """Head of a Markdown table, numbers to the right of the first column."""
    return [row(cells), row(["---"] + ["---:"] * (len(cells) - 1))]


def contents(about: dict[str, Any]) -> str:
    """Events, cross sections and weights of each process."""
    processes = about["processes"]
    background = sum(p["kept"] for p in processes.values() if p["role"] == "background")
    lines = header(
        ["process", "role", "generated", "kept", "of background", "sigma [pb]", "[mb]", "weight"]
    )
    for name, p in processes.items():
        share = f"{p['kept'] / background:.1%}" if p["role"] == "background" else ""
        pb = mb = "crossings"
        if "sigma_pb" in p:
            pb = f"{p['sigma_pb']:.4g} ± {p['sigma_error_pb']:.2g}"
            mb = f"{p['sigma_mb']:.4g} ± {p['sigma_error_mb']:.2g}"
        counts = [f"{p['generated']:,}", f"{p['kept']:,}"]
        lines.append(row([name, p["role"], *counts, share, pb, mb, f"{p['weight']:.4g}"]))
    return "\n".join(lines)


def all_settings(about: dict[str, Any]) -> str:
    """Pythia's settings of each process."""
    lines = [f"- soft (pile-up pool): {code(about['pool']['settings'])}"]
    for name, p in about["processes"].items():
        if p["settings"]:
            lines.append(f"- {name}: {code(p['settings'])}")
    return "\n".join(lines)


def multiplicity(rows: Rows, kind: str, least_gev: float = 0.0) -> float:
    """Mean number of objects of a class above a pT."""
    names = column_names()
    columns = [names.index(f"{kind}{i}_pt") for i in range(1, OBJECTS[kind] + 1)]
    return float((rows[:, columns] > least_gev / PT_STEP).sum(axis=1).mean())


def measured(rows: dict[str, Rows]) -> str:
    """Means of what is in the file."""
    names = column_names()
    objects = ["electrons", "muons", "jets", "jets > 40 GeV"]
    lines = header(["process", *objects, "leading jet [GeV]", "MET [GeV]", "MET component [GeV]"])
    for name, part in rows.items():
        met = part[:, names.index("met_pt")] * PT_STEP
        angle = part[:, names.index("met_phi")] * (2.0 * np.pi / PHI_CODES)
        component = np.std(np.concatenate([met * np.cos(angle), met * np.sin(angle)]))
        counts = [multiplicity(part, kind) for kind in ("e", "mu", "j")]
        counts.append(multiplicity(part, "j", 40.0))
        energies = [part[:, names.index("j1_pt")].mean() * PT_STEP, met.mean(), component]
        cells = [f"{count:.2f}" for count in counts] + [f"{energy:.1f}" for energy in energies]
        lines.append(row([name, *cells]))
    return "\n".join(lines)


def rates(about: dict[str, Any], minbias: Rows) -> str:
    """Rates of single-object thresholds in minimum bias."""
    names = column_names()
    lines = header(["at least", "crossings", "rate [kHz]"])
    khz = about["crossing_rate_hz"] / 1e3 / len(minbias)
    for kind, thresholds in SINGLE_THRESHOLDS_GEV.items():
        for threshold in thresholds:
            passed = int((minbias[:, names.index(f"{kind}_pt")] >= threshold / PT_STEP).sum())
            rate = f"{passed * khz:.1f} ± {np.sqrt(passed) * khz:.1f}"
            lines.append(row([f"{kind} {threshold} GeV", f"{passed:,}", rate]))
    return "\n".join(lines)
