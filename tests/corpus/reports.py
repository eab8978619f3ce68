"""Reports of vendors' tools: synthesis, co-simulation, place and route."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from corpus.case import HARMLESS, ODD, Build, Case, Damage, Place, damages, never_a_file, resign
from hls.vendor_reports import VITIS_CSYNTH

LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {new} "{("&" + old + ";") * 10}">'
        for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><profile>&j;</profile>"
)
EXTERNAL = (
    '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><profile><UserAssignments><Part>&x;'
    "</Part></UserAssignments></profile>"
)
CSYNTH = "hls/myproject_prj/solution1/syn/report/myproject_csynth.xml"
COSIM = "hls/myproject_prj/solution1/sim/report/myproject_cosim.rpt"
UTILIZATION, TIMING = "hls/vivado_utilization.rpt", "hls/vivado_timing.rpt"
RULE = "+------------+------+-------+------+\n"
COSIM_TEXT = """\
Report time       : Mon Jan  1 00:00:00 UTC 2024.
+----------+----------+-----------------------------------------------+
|   RTL    |  Status  |  min  |  avg  |  max  |  min  |  avg  |  max  |
+----------+----------+-------+-------+-------+-------+-------+-------+
|      VHDL|        NA|     NA|     NA|     NA|     NA|     NA|     NA|
|   Verilog|      Pass|     12|     12|     12|      1|      1|      1|
+----------+----------+-------+-------+-------+-------+-------+-------+
"""
UTILIZATION_TEXT = """\
| Tool Version : Vivado v.2022.2 (lin64) Build 1
| Device       : xcvu9p
| Design State : Routed
| Site Type         |  Used | Fixed | Available | Util% |
| CLB LUTs          | 12345 |     0 |   1182240 |  1.04 |
| CLB Registers     |  2345 |     0 |   2364480 |  0.10 |
| Block RAM Tile    |     0 |     0 |      2160 |  0.00 |
| URAM              |     0 |     0 |       960 |  0.00 |
| DSPs              |     0 |     0 |      6840 |  0.00 |
"""
TIMING_TEXT = """\
| Tool Version : Vivado v.2022.2 (lin64) Build 1
| Design Timing Summary
| ---------------------
    WNS(ns)      TNS(ns)      WHS(ns)
    -------      -------      -------
      0.512        0.000        0.031
All user specified timing constraints are met.
"""
TEXTS = {
    CSYNTH: VITIS_CSYNTH,
    COSIM: COSIM_TEXT,
    UTILIZATION: UTILIZATION_TEXT,
    TIMING: TIMING_TEXT,
}
Spoil = Callable[[Path], None]


def _in_project(name: str, spoil: Spoil) -> Build:
    def build(place: Place) -> list[str]:
        run = place.run()
        for path in (CSYNTH, name):
            (run / path).parent.mkdir(parents=True, exist_ok=True)
            (run / path).write_text(TEXTS[path], encoding="utf-8")
        spoil(run / name)
        resign(run, "hls")
        return ["hls", "--run", "runs/small"]

    return build


def _given(spoil: Spoil) -> Build:
    def build(place: Place) -> list[str]:
        path = place / "csynth.xml"
        path.write_text(VITIS_CSYNTH, encoding="utf-8")
        spoil(path)
        return ["golden", "check", str(place.base / "golden"), "--csynth", "csynth.xml"]

    return build


def _damage(damage: Damage) -> Spoil:
    return lambda path: path.write_bytes(damage(path.read_bytes())) and None


def _text(text: str | bytes) -> Spoil:
    data = text.encode() if isinstance(text, str) else text
    return lambda path: path.write_bytes(data) and None


def _swap(old: str, new: str) -> Spoil:
    def spoil(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(old)
        path.write_text(text.replace(old, new), encoding="utf-8")

    return spoil


def _odd(kind: str) -> Spoil:
    return lambda path: never_a_file(path, kind)


def cases() -> Iterator[Case]:
    """Yield the cases of vendors' reports."""
    for kind, name, damage, _ in damages(flips=0):
        yield Case("csynth.xml", kind, name, _given(_damage(damage)), "csynth.xml")
    deep = "<a>" * 1_000_000
    for kind, name, spoil in (
        ("XML bomb", "billion-laughs", _text(LAUGHS)),
        ("links", "external-entity", _text(EXTERNAL)),
        ("deep nesting", "deep", _text(deep)),
        ("deep nesting", "deep-and-closed", _text(deep + "</a>" * 1_000_000)),
        ("wrong type", "html", _text("<html><body>403</body></html>")),
        ("odd text", "latin-1", _text(b"<profile>caf\xe9</profile>")),
        ("odd text", "unknown-encoding", _text('<?xml version="1.0" encoding="x-own"?><a/>')),
        ("odd text", "nul", _text("<profile>\0</profile>")),
        ("huge number", "latency", _swap(">15<", f">{'9' * 5000}<")),
        ("huge number", "clock", _swap(">5.00<", ">1e999<")),
        ("NaN and infinity", "nan-clock", _swap(">5.00<", ">nan<")),
        ("wrong dtype", "negative", _swap(">15<", ">-15<")),
        ("wrong dtype", "other-digits", _swap(">15<", ">\u0661\u0662<")),
        ("keys", "no-latency", _swap("SummaryOfOverallLatency", "Other")),
        ("wrong shape", "best-above-worst", _swap(">13<", ">99<")),
        ("wrong shape", "zero-interval", _swap("<Interval-min>1<", "<Interval-min>0<")),
    ):
        codes = HARMLESS if name in ("zero-interval", "best-above-worst") else (2,)
        if codes == HARMLESS:
            continue  # would run the whole check
        yield Case("csynth.xml", kind, name, _given(spoil), "csynth.xml", codes)
    for odd in ODD:
        yield Case("csynth.xml", "not a file", odd, _given(_odd(odd)), "csynth.xml")
    for path, family in ((COSIM, "cosim.rpt"), (UTILIZATION, "utilization"), (TIMING, "timing")):
        for kind, name, damage, usual in damages(flips=3, seed=len(family)):
            codes = HARMLESS if kind in ("truncated", "bit-flipped") else usual
            yield Case(family, kind, name, _in_project(path, _damage(damage)), "", codes)
        yield Case(family, "odd text", "latin-1", _in_project(path, _text(b"caf\xe9")), "")
        for odd in ODD:
            # a broken link is no report at all
            codes = (0, 2) if odd == "link-to-itself" else (2,)
            yield Case(family, "not a file", odd, _in_project(path, _odd(odd)), "", codes)
    for family, path, kind, name, spoil in (
        ("cosim.rpt", COSIM, "huge number", "latency", _swap("     12|", "9" * 5000 + "|")),
        ("cosim.rpt", COSIM, "wrong dtype", "text", _swap("     12|", "many|")),
        ("utilization", UTILIZATION, "huge number", "luts", _swap("12345", "9" * 400)),
        ("utilization", UTILIZATION, "wrong dtype", "text", _swap("12345", "many")),
        ("timing", TIMING, "NaN and infinity", "slack", _swap("0.512", "inf")),
        ("timing", TIMING, "keys", "no-verdict", _swap("All user", "Some user")),
    ):
        yield Case(family, kind, name, _in_project(path, spoil), "")
    failed = _in_project(COSIM, _swap("Pass", "Fail"))
    yield Case("cosim.rpt", "keys", "failed", failed, "cosim.rpt", (1,))
