"""An activation's table in gates: alkaid's look-up tables, in the order of what is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from alkaid.trace.fixed_variable import FVariable, LookupTable

from aetrig.program.model import Table
from aetrig.rtl.variable import factor


def lookup(value: Any, table: Table, step: float) -> Any:
    """Return the entry of an alkaid variable, whose integers are in units of ``step``."""

    def entry(number: float) -> float:
        return float(int(table.values[round(number / step) - table.low]) * 2.0**table.exponent)

    if value.low == value.high:
        return FVariable.from_const(entry(value.low), value.hwconf)
    # alkaid wants the entries in the order of what is stored, which may be the negated number
    negated = factor(value) < 0
    stored = -value if negated else value
    count = round((stored.high - stored.low) / stored.step) + 1
    numbers = np.linspace(stored.low, stored.high, count)
    entries = np.array([entry(-number if negated else number) for number in numbers])
    if (entries == entries[0]).all():
        return FVariable.from_const(float(entries[0]), value.hwconf)
    return stored.lookup(LookupTable(entries))
