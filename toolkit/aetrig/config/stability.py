"""The drifting conditions of `aetrig stability`: which, how large, and what fails."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator

from aetrig.config.base import Model, Name

Group = Literal[
    "scale", "region", "lost", "hot", "noise", "jets", "pile-up", "saturated", "stuck"
]  # fmt: skip
Share = Annotated[float, Field(gt=0, le=1)]


def _usual() -> dict[Group, float]:
    """Return what is asked of every trigger: not to triple its rate by what happens in a run."""
    return {"scale": 3.0, "region": 3.0, "noise": 3.0}


class StabilityLimits(Model):
    """What fails, by group of conditions; a group that is not named has no limit."""

    rate_factor: dict[Group, Annotated[float, Field(gt=0)]] = Field(
        default_factory=_usual,
        description="largest rate over the nominal one, under any condition of the group",
    )
    efficiency: dict[Group, Share] = Field(
        default_factory=dict,
        description="smallest efficiency over the nominal one, of any signal",
    )


class Stability(Model):
    """Conditions that drift, applied to the trigger's integer inputs; an empty list leaves out.

    Energies are in the unit of the features.
    """

    energies: tuple[str, ...] | None = Field(
        None,
        description="features that are energies, by name or pattern; default: those in eV, and "
        "those named as energies are (pt, et, e, m)",
    )
    scales: tuple[Annotated[float, Field(gt=-100, le=100)], ...] = Field(
        (-5.0, -2.0, -1.0, 1.0, 2.0, 5.0), max_length=64, description="of energies, in percent"
    )
    phi_sectors: int = Field(8, ge=0, le=144, description="dead one at a time")
    eta_edges: tuple[float, ...] = Field(
        (-5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0),
        max_length=64,
        description="of the bands, dead one at a time",
    )
    met_eta: float | None = Field(
        3.0, gt=0, description="objects beyond do not count in missing energy; null: all do"
    )
    in_other_lists: tuple[str, ...] = Field(
        ("e",),
        description="lists whose objects are in another list too, as an electron is also a jet: "
        "they do not move missing energy again",
    )
    hot_probabilities: tuple[Share, ...] = Field(
        (1e-4, 1e-3, 1e-2), max_length=64, description="of a fake object in an event"
    )
    hot_energy: float = Field(50.0, gt=0, description="of the fake object")
    hot_eta: float = Field(0.5, description="its place")
    hot_phi: float = Field(0.5, description="its place, in rad")
    noise_steps: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (1, 2),
        max_length=64,
        description="largest change of an integer, either way; of inputs that vary at all",
    )
    extra_jets: tuple[Annotated[float, Field(gt=0, le=16)], ...] = Field(
        (0.25, 0.5, 1.0, 2.0), max_length=64, description="mean number in an event, Poisson"
    )
    soft_share: Share = Field(
        0.5, description="the softest share of the sample's jets, which extra jets are drawn from"
    )
    pile_up: tuple[Share, ...] = Field(
        (0.1, 0.2, 0.5, 1.0),
        max_length=64,
        description="share of another crossing that lies over each event",
    )
    saturated: bool = Field(True, description="inputs at the top of their range")
    lost: bool = Field(True, description="whole lists, and features, that do not arrive")
    stuck_bits: bool = Field(True, description="each input bit at 0 and at 1; rate only")
    drop_below: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="try a cut in front of the network: objects of a list below this energy are "
        "dropped, nominally too, and thresholds are chosen anew",
    )
    max_signal_events: int = Field(20_000, ge=1, description="events of each signal, at most")
    limits: StabilityLimits = Field(StabilityLimits(), description="what fails")

    @field_validator("eta_edges")
    @classmethod
    def _rising(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in pairwise(edges)):
            raise ValueError("edges must rise")
        return edges
