"""ARFF, the text format of OpenML: named attributes, then comma-separated rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv

from aetrig.errors import UserError

LONGEST, MOST_LINES = 1 << 16, 100_000  # of the header
_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s+\S", re.IGNORECASE)


def read(path: Path, wanted: Sequence[str]) -> pa.Table:
    """Return the wanted columns; '?' is a null. Raises UserError for a file that is no ARFF.

    Sparse rows (in braces) are refused.
    """
    with path.open("rb") as file:
        names = _header(path, file)
        if file.peek(1)[:1] == b"{":
            raise UserError(f"{path}: sparse ARFF rows in braces are not read; write it as CSV")
        try:
            return pa_csv.read_csv(
                file,
                read_options=pa_csv.ReadOptions(column_names=names),
                parse_options=pa_csv.ParseOptions(quote_char="'"),
                convert_options=pa_csv.ConvertOptions(
                    null_values=["?", ""], strings_can_be_null=True,
                    include_columns=[name for name in wanted if name in names],
                ),
            )  # fmt: skip
        except pa.ArrowException as error:
            raise UserError(f"{path}: not readable as ARFF ({error})") from error


def attributes(path: Path) -> list[str]:
    """Return the names of a file's columns."""
    with path.open("rb") as file:
        return _header(path, file)


def _header(path: Path, file: BinaryIO) -> list[str]:
    names: list[str] = []
    for _ in range(MOST_LINES):
        line = file.readline(LONGEST)
        if not line:
            break
        text = line.decode("utf-8", errors="replace").strip()
        found = _ATTRIBUTE.match(text)
        if found:
            names.append(next(part for part in found.groups() if part is not None))
        elif text.lower() == "@data":
            if not names:
                break
            return names
        elif text and not text.startswith("%") and not text.lower().startswith("@relation"):
            break
    raise UserError(
        f"{path}: not ARFF: expected '@attribute NAME TYPE' lines, then '@data'; download it again"
    )
