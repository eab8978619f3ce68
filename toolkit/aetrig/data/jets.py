"""The embedded jet sample: 16 features of groomed jets near 1 TeV, five classes.

A stand-in, made by us with Pythia and FastJet, for the published `hls4ml_lhc_jets_hlf` data set,
whose columns it has; ``samples/jets.md`` says how it was made.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from aetrig.config.sources import Column, JetsSource, TableSource
from aetrig.data import arff_file, table
from aetrig.data.dataset import Dataset
from aetrig.data.files import Find
from aetrig.errors import UserError

SAMPLE = Path(__file__).parent / "samples" / "jets.parquet"
LABEL = "jet_type"
CLASSES = ("g", "q", "t", "w", "z")
# steps are at most 1.5 % of the half width of a feature's central 68 % (multiplicity is exact), and
# at most 50 of the 100,000 values of a feature lie beyond its bits
COLUMNS = (
    Column(name="zlogz", step=2**-8, bits=12),
    Column(name="c1_b0_mmdt", step=2**-11, bits=10, signed=False),
    Column(name="c1_b1_mmdt", step=2**-12, bits=11, signed=False),
    Column(name="c1_b2_mmdt", step=2**-13, bits=11, signed=False),
    Column(name="c2_b1_mmdt", step=2**-12, bits=11, signed=False),
    Column(name="c2_b2_mmdt", step=2**-13, bits=12, signed=False),
    Column(name="d2_b1_mmdt", step=2**-8, bits=11, signed=False),
    Column(name="d2_b2_mmdt", step=2**-7, bits=13, signed=False),
    Column(name="d2_a1_b1_mmdt", step=2**-8, bits=11, signed=False),
    Column(name="d2_a1_b2_mmdt", step=2**-11, bits=10, signed=False),
    Column(name="m2_b1_mmdt", step=2**-12, bits=10, signed=False),
    Column(name="m2_b2_mmdt", step=2**-12, bits=10, signed=False),
    Column(name="n2_b1_mmdt", step=2**-11, bits=10, signed=False),
    Column(name="n2_b2_mmdt", step=2**-11, bits=10, signed=False),
    Column(name="mass_mmdt", step=0.25, bits=12, signed=False, unit="GeV"),
    Column(name="multiplicity", step=1, bits=9, signed=False),
)


def load(source: JetsSource, find: Find) -> Dataset:
    """Return the sample: the classes in ``background``, the others as signals.

    ``source.file``: a file of the published data set, in any format that has these columns. Raises
    UserError for a class or feature that the sample does not have.
    """
    for name in source.background:
        if name not in CLASSES:
            raise UserError(f"data.background: no class '{name}'; there are {', '.join(CLASSES)}")
    columns = tuple(
        column
        for column in COLUMNS
        if any(fnmatchcase(column.name, pattern) for pattern in source.features)
    )
    if not columns:
        known = ", ".join(column.name for column in COLUMNS)
        raise UserError(f"data.features {list(source.features)} match none of {known}")
    given = TableSource(
        source="table",
        files=(source.file or SAMPLE,),
        columns=columns,
        label=LABEL if source.file is None else _label(find(source.file)),
        background=source.background,
        max_events=source.max_events,
    )
    return table.load(given, find)


def _label(path: Path) -> str:
    """Return the class column of the published file, which archives name differently."""
    if path.suffix.lower() != ".arff":
        return LABEL
    names = arff_file.attributes(path)
    return next((name for name in (LABEL, "class") if name in names), LABEL)
