"""Area, depth and latency of a Program's pipeline from alkaid's models, without any simulation."""

from __future__ import annotations

from aetrig.config.model import Rtl
from aetrig.program.model import Program
from aetrig.rtl.stage import Estimate, described, within_budget


def estimate(program: Program, options: Rtl) -> Estimate:
    """Return the estimate of the pipeline that `aetrig rtl` would make with these options.

    Raises CheckFailedError where the latency budget cannot be met, saying what can.
    """
    # alkaid compiles with numba at import: only where something is made
    from aetrig.rtl.pipeline import search

    return described(within_budget(search(program, options.clock_ns, options.stage_delay), options))
