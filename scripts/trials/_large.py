"""Up to which size the trials make RTL of a network: making it takes the longest of all."""

from __future__ import annotations

import argparse

from aetrig.errors import UserError
from aetrig.program.model import Program
from aetrig.rtl.cost import digits

MOST = 20_000


def add_option(parser: argparse._ActionsContainer) -> None:
    """Add --digits."""
    parser.add_argument(
        "--digits", type=int, default=MOST,
        help="signed digits of the weights up to which there is RTL; default: %(default)s",
    )  # fmt: skip


def refuse_large(program: Program, most: int) -> None:
    """Raise UserError where the weights have more than so many signed digits."""
    if (found := digits(program)) > most:
        raise UserError(
            f"its weights have {found:,} signed digits, more than the {most:,} that this trial "
            "makes RTL of"
        )
