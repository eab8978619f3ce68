"""The nanoseconds of alkaid's unit of delay: an assumption, its ground, and what speaks against."""

from __future__ import annotations

# What a stage is cut by. alkaid's units are its own: an adder of 8 to 16 bits is 1.27 to 1.48.
NS_PER_UNIT = 0.8
# Median period of the small published designs (2.78 ns) over their two adders (2.54 to 2.95 units).
# It contains clock-to-out and setup, which a longer stage pays once too: an upper estimate there.
PUBLISHED_NS_PER_UNIT = 1.0

GROUND = (
    "an assumption, not a measurement: alkaid's defaults, as the scripts for the 200 MHz results "
    "of arXiv 2507.04535, cut after 5 units at 5 ns, which leaves paths of up to about 6.25 units "
    "in a stage"
)
PUBLISHED = (
    "Vivado after routing, as published with arXiv 2508.15468 (official_result_reports of "
    "calad0i/JEDI-linear): 20 designs with two adders a stage on an xcvu13p, asked for 2 ns, "
    "reached 2.59 to 4.92 ns (median 3.26), the five below 55,000 LUTs 2.59 to 3.33 (median 2.78): "
    "about 1.0 ns a unit. At this value a stage at the assumed limit misses the clock by a quarter"
)
