"""Feature scaling: per feature an integer offset and a power-of-two shift, fitted on training data.

The network's input is ``(x - offset) * 2**-shift``, which firmware does with one subtraction and
one choice of wires. The spread behind the shift is the distance from the offset within which
68.27 percent of the entries lie that are not padding (one standard deviation of a Gaussian around
its center, and blind to tails). It is measured from the offset, so that present objects are numbers
near one also where padding keeps the offset at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt

from aetrig.config.model import Scaling
from aetrig.data.dataset import Dataset, Feature
from aetrig.errors import UserError, did_you_mean

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

CENTRAL = 0.682689492137086
LOWEST_SHIFT = -16
HIGHEST_SHIFT = 31


@dataclass(frozen=True)
class InputScaling:
    """How integers in hardware units become the network's numbers; all arrays have shape (F,).

    ``offset``, ``shift``: int64; firmware and quantized network use (x - offset) * 2**-shift.
    ``center``, ``factor``: float64; float training uses (x - center) * factor. Of kind shift these
    are offset and 2**-shift exactly.
    ``constant``: features without information. Their offset is their only value, their shift 0 and
    their factor 1, so that every training event has zero there.
    ``rounding_loss``: mean squared difference between the two scalings over the present training
    entries, in units of the network's numbers; 0 for kind shift.
    """

    kind: str
    names: tuple[str, ...]
    offset: Integers
    shift: Integers
    center: Reals
    factor: Reals
    constant: npt.NDArray[np.bool_]
    rounding_loss: Reals
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers; floats survive exactly."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "offset": self.offset.tolist(),
            "shift": self.shift.tolist(),
            "center": self.center.tolist(),
            "factor": self.factor.tolist(),
            "constant": self.constant.tolist(),
            "rounding_loss": self.rounding_loss.tolist(),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> InputScaling:
        """Rebuild what `to_json` returned; raise UserError where it is something else."""
        arrays: dict[str, Any] = {
            "offset": np.int64,
            "shift": np.int64,
            "center": np.float64,
            "factor": np.float64,
            "constant": np.bool_,
            "rounding_loss": np.float64,
        }
        try:
            names = tuple(str(name) for name in content["names"])
            made: dict[str, npt.NDArray[Any]] = {
                key: np.array(content[key], dtype=item) for key, item in arrays.items()
            }
            kind, warnings = str(content["kind"]), tuple(content["warnings"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"scaling: not an aetrig scaling ({error!r}); train again") from error
        for key, array in made.items():
            if array.shape != (len(names),):
                raise UserError(
                    f"scaling: '{key}' has shape {array.shape}, expected ({len(names)},), "
                    "one number a feature; train again"
                )
        return cls(kind=kind, names=names, warnings=warnings, **made)


def central_half_width(values: npt.NDArray[Any]) -> float:
    """Return sigma68: half the width of the central 68.27 percent; 0 where there are no values."""
    if values.size == 0:
        return 0.0
    low, high = np.quantile(values, [0.5 - CENTRAL / 2, 0.5 + CENTRAL / 2])
    return float(high - low) / 2


def fit_scaling(dataset: Dataset, rows: npt.NDArray[Any], scaling: Scaling) -> InputScaling:
    """Fit offset and shift of each feature on the given (training) rows.

    ``rows``: a mask or indices of events, normally the first result of `split`. Raises UserError
    where there are no rows.
    """
    training = dataset.select(rows)
    if len(training.x) == 0:
        raise UserError("scaling: no training events to fit on; check max_events and the labels")
    present = training.present()
    extra = _extra_shifts([feature.name for feature in dataset.features], scaling.extra_shift)
    fits = [
        _fit(feature, training.x[:, i].astype(np.float64), present[:, i], scaling, extra[i])
        for i, feature in enumerate(dataset.features)
    ]
    return InputScaling(
        kind=scaling.kind,
        names=tuple(feature.name for feature in dataset.features),
        offset=np.array([fit.offset for fit in fits], dtype=np.int64),
        shift=np.array([fit.shift for fit in fits], dtype=np.int64),
        center=np.array([fit.center for fit in fits]),
        factor=np.array([fit.factor for fit in fits]),
        constant=np.array([fit.constant for fit in fits], dtype=np.bool_),
        rounding_loss=np.array([fit.loss for fit in fits]),
        warnings=tuple(fit.warning for fit in fits if fit.warning),
    )


@dataclass(frozen=True)
class _Fit:
    offset: int
    shift: int
    center: float
    factor: float
    loss: float = 0.0
    constant: bool = False
    warning: str = ""


def _extra_shifts(names: Sequence[str], wanted: Mapping[str, int]) -> list[int]:
    """Return the sum of the matching patterns' shifts for each feature."""
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, names)
            raise UserError(f"scaling.extra_shift: no feature matches '{pattern}'{hint}")
    return [
        sum(shift for pattern, shift in wanted.items() if fnmatchcase(name, pattern))
        for name in names
    ]


def _fit(
    feature: Feature, x: Reals, present: npt.NDArray[np.bool_], scaling: Scaling, extra: int
) -> _Fit:
    name = feature.name
    if x.min() == x.max():
        value = int(x[0])
        text = (
            f"feature '{name}' is constant ({value}) in training: it becomes zero in the network, "
            "but a bit of it that is stuck one day does not: leave it out"
        )
        return _Fit(value, 0, value, 1.0, constant=True, warning=text)
    if scaling.kind == "unit":
        shift = _unit_shift(feature) + extra
        return _Fit(0, shift, 0.0, 2.0**-shift)
    entries = x[present]
    center = _center(entries, scaling, padded=len(entries) < len(x))
    spread, warning = _spread(name, entries, center, scaling)
    spread *= 2.0**extra
    offset = int(np.rint(center))
    shift = int(np.clip(np.rint(np.log2(spread)), LOWEST_SHIFT, HIGHEST_SHIFT))
    if scaling.kind == "shift":
        return _Fit(offset, shift, float(offset), 2.0**-shift, warning=warning)
    factor = 1.0 / spread
    difference = (entries - center) * factor - (entries - offset) * 2.0**-shift
    loss = float(np.mean(difference**2)) if len(entries) else 0.0
    return _Fit(offset, shift, center, factor, loss, warning=warning)


def _unit_shift(feature: Feature) -> int:
    """Return the shift that makes the grid's integers the values that they stand for."""
    mantissa, exponent = np.frexp(feature.grid.step)
    if mantissa != 0.5:
        raise UserError(
            f"scaling.kind is unit, but the step of '{feature.name}', {feature.grid.step:g}, is no "
            f"power of two; use {2.0 ** round(np.log2(feature.grid.step)):g}"
        )
    return int(1 - exponent)


def _spread(name: str, entries: Reals, center: float, scaling: Scaling) -> tuple[float, str]:
    """Return the feature's width, always positive, and a warning where it is not the usual one."""
    measures: dict[str, Callable[[Reals], Any]] = {
        "shift": lambda distance: np.quantile(distance, CENTRAL),
        "standard": _rms,
        "minmax": np.max,
    }
    distance = abs(entries - center)
    width = float(measures[scaling.kind](distance)) if len(entries) else 0.0
    if width > 0:
        return width, ""
    # most present entries are the center itself: a width below one step would blow up the others
    width = max(1.0, _rms(distance)) if len(entries) else 1.0
    return width, (
        f"feature '{name}': most of its {len(entries)} entries in training that are not padding "
        f"are {center:g}; scaled by {width:.3g} steps"
    )


def _rms(values: Reals) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _center(entries: Reals, scaling: Scaling, *, padded: bool) -> float:
    """Return what the network sees as zero: by the config, or by the kind of scaling."""
    if len(entries) == 0 or scaling.center == "zero" or (scaling.center == "auto" and padded):
        return 0.0
    if scaling.center == "median" or scaling.kind == "shift":
        # an integer offset: the median of an even count may lie between two
        median = float(np.median(entries))
        return float(np.rint(median)) if scaling.kind == "shift" else median
    return float(np.mean(entries) if scaling.kind == "standard" else np.min(entries))
