"""Single-bit faults: of weights, biases, tables and thresholds, and of the pipeline's registers.

    scripts/trust faults weights                        every network of models/, every stored bit
    scripts/trust faults weights models/l1-trigger --tried 2000 --vectors 20000
    scripts/trust faults registers models/l1-trigger    flips in the Verilated pipeline

`weights` flips one stored bit at a time in the exact integer arithmetic of the Program and asks:
does any result change, do the golden vectors show it, and how does the accept rate move. It fails
where fewer than 99 percent of the faults that change something show in the golden vectors.
`registers` flips one bit of one register at a random clock while an event comes in at every clock,
and fails where more than one event is wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from trials._large import add_option

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "models"
LEAST = 0.99


def main(words: list[str]) -> int:
    """Run one of the two trials; return 1 where it finds what must not be."""
    options = _parser().parse_args(words)
    chosen = options.networks or default_networks()
    if options.what == "weights":
        from trials.faults.weights import run
    else:
        from trials.faults.registers import run
    return run(chosen, options)


def default_networks() -> list[Path]:
    """Return the folders of models/ that hold their ONNX files."""
    return sorted(path.parent for path in MODELS.glob("*/model.qonnx.onnx"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/trust faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("weights", "registers"))
    parser.add_argument("networks", nargs="*", type=Path, help="default: all in models/")
    parser.add_argument("--seed", type=int, default=1)
    weights = parser.add_argument_group("weights")
    weights.add_argument(
        "--tried", type=int, default=40_000,
        help="weights', biases' and thresholds' bits: all up to so many, else a tenth drawn",
    )  # fmt: skip
    weights.add_argument("--tables", type=int, default=6_000, help="tables' bits, drawn")
    weights.add_argument("--jobs", type=int, default=1, help="networks at once")
    weights.add_argument("--vectors", type=int, default=200_000, help="inputs to look for a change")
    weights.add_argument("--background", type=int, default=6_000, help="events to count rates with")
    weights.add_argument("--record", type=Path, help="keep a network here; not done again if kept")
    weights.add_argument("--details", action="store_true", help="each network's layers and bits")
    weights.add_argument("--svg", type=Path, help="write the plot of rates against bits here")
    registers = parser.add_argument_group("registers")
    registers.add_argument("--flips", type=int, default=5_000, help="of each network")
    add_option(registers)
    return parser
