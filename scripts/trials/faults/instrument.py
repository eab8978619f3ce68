"""The generated RTL with a way to flip any bit of any register, and the proof that it forgets.

At each register's input an exclusive-or with a bit of `bench.flip` is put: where the bit is set at
a rising edge, the register holds the opposite value for that one clock, as after an upset. Nothing
else of the project is changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aetrig.errors import CheckFailedError

STAGE = re.compile(r"^(\s*)(\w+)\[(\d+):0\] <= (INTERNAL_logic(\d+)_outp\[\d+:0\]);", re.MULTILINE)
TAKEN = re.compile(r"assign INTERNAL_logic(\d+)_inp\[\d+:0\] = (\w+)\[\d+:0\];")
SHIFTED = "in_flight <= shifted[`LATENCY-1:0];"
HEAD = re.compile(r"reg (?:\[[^]]*\] )?(\w+)")


@dataclass(frozen=True)
class Register:
    """``first``: its lowest bit's place in `bench.flip`; ``stage``: 1 behind the first logic."""

    name: str
    first: int
    width: int
    stage: int


def feed_forward(source: Path) -> int:
    """Return the number of stages; raise CheckFailedError unless each takes the one before alone.

    That is read off the Verilog: register k takes logic k - 1, which takes register k - 1, and no
    other file has a clock. So nothing of an event is left after as many clocks as there are stages.
    """
    text = (source / "pipeline.v").read_text(encoding="utf-8")
    takes = {int(number): register for number, register in TAKEN.findall(text)}
    previous, stages = "model_inp", STAGE.findall(text)
    for place, (_, register, _, _, logic) in enumerate(stages):
        if int(logic) != place or takes.get(place) != previous:
            raise CheckFailedError(f"{source}/pipeline.v: '{register}' is not of the stage before")
        previous = register
    declared = set(HEAD.findall(text)) - {register for _, register, *_ in stages}
    others = [p for p in source.glob("*.v") if p.name not in ("pipeline.v", "trigger.v")]
    kept = [p.name for p in others if re.search("posedge|negedge", _code(p))]
    kept += [p.name for p in source.glob("logic*.v") if re.search(r"\breg\b", _code(p))]
    if previous != "model_out" or declared or kept:
        raise CheckFailedError(f"{source}: state outside the stages: {declared} {kept}")
    top = _code(source / "trigger.v")
    if "shifted = {in_flight, valid_in}" not in top or top.count("posedge") != 1:
        raise CheckFailedError(f"{source}/trigger.v: the valid bits are not a plain shift register")
    return len(stages)


def _code(path: Path) -> str:
    return re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def instrument(project: Path, driver: str) -> tuple[Register, ...]:
    """Put the exclusive-ors and another driver into a project; return its registers."""
    stages = feed_forward(project / "src")
    registers: list[Register] = []
    place = 0

    def crossed(found: re.Match[str]) -> str:
        nonlocal place
        indent, name, high, logic, number = found.groups()
        width = int(high) + 1
        registers.append(Register(name, place, width, int(number) + 1))
        text = f"{indent}{name}[{high}:0] <= {logic} ^ bench.flip[{place + width - 1}:{place}];"
        place += width
        return text

    pipeline = project / "src" / "pipeline.v"
    pipeline.write_text(STAGE.sub(crossed, pipeline.read_text(encoding="utf-8")), encoding="utf-8")
    registers += [Register("in_flight", place + bit, 1, bit + 1) for bit in range(stages)]
    top = project / "src" / "trigger.v"
    flipped = f"in_flight <= shifted[`LATENCY-1:0] ^ bench.flip[{place + stages - 1}:{place}];"
    _exchange(top, SHIFTED, flipped)
    words = max(3, -(-(place + stages) // 32))
    bench = project / "sim" / "bench.v"
    _exchange(bench, "    input  wire                     rst,\n",
              "    input  wire                     rst,\n"
              f"    input  wire [{32 * words - 1}:0] flip,\n")  # fmt: skip
    (project / "sim" / "driver.cpp").write_text(driver, encoding="utf-8")
    return tuple(registers)


def _exchange(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise CheckFailedError(f"{path.name} is not as this trial knows it: {old!r}")
    path.write_text(text.replace(old, new), encoding="utf-8")
