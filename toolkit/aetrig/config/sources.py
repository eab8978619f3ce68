"""Where events come from: one model a kind of data source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from aetrig.config.base import Model, Name


class L1Source(Model):
    """The embedded level-1-like sample: 57 integers an event in hardware units."""

    source: Literal["l1"] = "l1"
    signals: tuple[Name, ...] = Field(
        ("a_4l", "lq_btau", "h0_tautau", "hplus_taunu"), description="signal processes to evaluate"
    )
    features: tuple[str, ...] = Field(
        ("*",), min_length=1, description="inputs to use, by name or pattern ('*_pt')"
    )
    max_events: int | None = Field(None, ge=1, description="use only the first events")


class JetsSource(Model):
    """The embedded jet sample: 16 features of jets near 1 TeV, of classes g, q, t, w and z."""

    source: Literal["jets"]
    file: Path | None = Field(
        None, description="a file of the published data set in place of the embedded stand-in"
    )
    folder: Path | None = Field(None, description="where a relative file name is looked for")
    background: tuple[Name, ...] = Field(
        ("g", "q", "t", "w", "z"),
        min_length=1,
        description="classes to train on; the others are signals",
    )
    features: tuple[str, ...] = Field(
        ("*",), min_length=1, description="inputs to use, by name or pattern ('mass*')"
    )
    max_events: int | None = Field(None, ge=1, description="use only the first jets")


class Adc2021Source(Model):
    """HDF5 files of the ADC2021 challenge: key ``Particles``, shape (N, 19, 4)."""

    source: Literal["adc2021"]
    folder: Path | None = Field(None, description="where relative file names are looked for")
    background: tuple[Path, ...] = Field(min_length=1, description="files to train on")
    signals: dict[Name, Path] = Field(default_factory=dict, description="a file for each signal")
    max_events: int | None = Field(None, ge=1, description="events read from each file")


class Column(Model):
    """One feature of a table and the integer grid that it is put on.

    x is the column or an expression of columns, and the
    grid value = round((f(scale * x + add) - subtract) / divide / step), f the identity or log10.
    """

    name: str = Field(min_length=1, description="the feature, and its column in the file")
    expression: str | None = Field(
        None,
        description="of columns in the file, where it is none: sqrt(px**2 + py**2); in ROOT files "
        "Jet_pt[0] is the first jet's, and the feature is 0 where an event has no such jet",
    )
    transform: Literal["none", "log10"] = Field("none", description="host preprocessing")
    scale: float = Field(1.0, description="factor before the transform, e.g. 0.001 for MeV to GeV")
    add: float = Field(0.0, description="added after the factor, before the transform")
    subtract: float = Field(0.0, description="subtracted after the transform")
    divide: float = Field(1.0, gt=0, description="divisor after that")
    step: float = Field(gt=0, description="size of one grid step, after all of these")
    bits: int = Field(ge=1, le=24, description="bits of the grid's integers")
    signed: bool = Field(True, description="whether the grid has negative integers")
    unit: str = Field("1", description="unit of the grid value, for people")
    period: float | None = Field(
        None, gt=0, description="of an angle, as the file has it: 6.283185307179586 for radians"
    )


class TableSource(Model):
    """Parquet, CSV, HDF5, Arrow, .npz, pickled or ROOT tables of numbers, with named columns."""

    source: Literal["table"]
    folder: Path | None = Field(
        None, description="where relative file names are looked for; else $AETRIG_DATA, else here"
    )
    files: tuple[Path, ...] = Field(min_length=1, description="told apart by their endings")
    validation_files: tuple[Path, ...] = Field((), description="else a fraction of files")
    tree: str | None = Field(
        None, description="TTree or RNTuple of ROOT files; else the only one, else 'Events'"
    )
    rows: str | None = Field(
        None,
        description="collection of ROOT files that gives the rows, as Jet: one a jet, Jet_pt its "
        "pT; else one row an event",
    )
    columns: tuple[Column, ...] = Field(min_length=1, description="the features, in order")
    label: str | None = Field(None, description="column that names each row's class")
    background: tuple[str, ...] = Field(
        (), description="labels to train on; the others are signals"
    )
    minbias: tuple[str, ...] = Field(
        (), description="labels of minimum-bias crossings, which trigger rates are counted with"
    )
    cross_sections_pb: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="by label, for trigger rates from weighted processes"
    )
    select: str | None = Field(
        None,
        description="rows to keep: pt > 30 and abs(eta) < 2.5; objects that an event lacks count "
        "as 0 here",
    )
    max_events: int | None = Field(
        None,
        ge=1,
        description="read only the first rows of each file (the first events where 'rows' gives a "
        "collection), counted before 'select'",
    )
    split_by: tuple[str, ...] = Field(
        (),
        description="columns of integers that identify an event, as [run, event]: all its rows are "
        "in one part of a split, which depends on them alone with train.split: hash",
    )

    @model_validator(mode="after")
    def _labels_belong_together(self) -> TableSource:
        if bool(self.label) != bool(self.background):
            raise ValueError("'label' and 'background' go together: give both or neither")
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"column named twice in {names}")
        both = sorted(set(self.background) & set(self.minbias))
        if both:
            raise ValueError(f"'{both[0]}' is in 'background' and in 'minbias'")
        if (self.minbias or self.cross_sections_pb) and not self.label:
            raise ValueError("'minbias' and 'cross_sections_pb' need 'label'")
        return self

    @model_validator(mode="after")
    def _files_fit_the_options(self) -> TableSource:
        both = sorted(set(self.files) & set(self.validation_files))
        if both:
            raise ValueError(f"'{both[0]}' is in 'files' and in 'validation_files'")
        for key in ("tree", "rows"):
            others = [name for name in self.all_files if name.suffix.lower() != ".root"]
            if getattr(self, key) is not None and others:
                raise ValueError(f"'{key}' is for ROOT files, and '{others[0]}' is none")
        return self

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Files to train with, then those to validate with."""
        return (*self.files, *self.validation_files)


def _source(data: Any) -> str:
    """Return which source is meant; the embedded sample where none is named."""
    if isinstance(data, dict):
        return str(data.get("source", "l1"))
    return str(getattr(data, "source", data))


DataSource = Annotated[
    Annotated[L1Source, Tag("l1")]
    | Annotated[JetsSource, Tag("jets")]
    | Annotated[Adc2021Source, Tag("adc2021")]
    | Annotated[TableSource, Tag("table")],
    Discriminator(
        _source,
        custom_error_type="unknown_source",
        custom_error_message="'source' must be l1, jets, adc2021 or table",
    ),
]
