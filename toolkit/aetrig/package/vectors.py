"""Golden vectors in three forms: decimal, hexadecimal for $readmemh, hls4ml's text pattern."""

from __future__ import annotations

import numpy as np

from aetrig.program.evaluate import trace
from aetrig.program.model import ACCEPT, SCORE, Integers, Program
from aetrig.rtl.ports import DIGITS, Port, hexadecimal, input_port, output_ports

NAMES = {SCORE: "score", ACCEPT: "accept"}


def vector_files(program: Program, x: Integers) -> dict[str, str]:
    """Return the texts of the files by name; ``x``: events (events, features)."""
    values = trace(program, x)
    ports = output_ports(program)
    results = {NAMES.get(port.name, "y"): (port, values[port.name]) for port in ports}
    everything = {"x": (input_port(program), x), **results}
    files = {f"{name}.txt": _decimal(found) for name, (_, found) in everything.items()}
    files |= {f"{name}.hex": _hexadecimal(*pair) for name, pair in everything.items()}
    # hls4ml's test bench: inputs, and what the top function returns
    top = [found for name, (_, found) in results.items() if name != "y"] or [values[ports[0].name]]
    files["tb_input_features.dat"] = files["x.txt"]
    files["tb_output_predictions.dat"] = _decimal(np.concatenate(top, axis=1))
    # of which network they are: test benches compare it with the port
    files["network_digest.hex"] = files["tb_network_digest.dat"] = f"{hexadecimal(program)}\n"
    return files


def _decimal(values: Integers) -> str:
    return "".join(" ".join(map(str, row)) + "\n" for row in values.tolist())


def _hexadecimal(port: Port, values: Integers) -> str:
    """Return a port's word a line, the highest digit first."""
    digits = -(-port.width // 4)
    words = port.pack(values)[:, ::-1]
    lines = ("".join(f"{word:08x}" for word in row)[-digits:] for row in words.tolist())
    return "\n".join(lines) + "\n"


def layout(program: Program, features: tuple[str, ...]) -> str:
    """Return where each element lies in its port, as CSV."""
    rows = ["port,element,name,low,high,signed,exponent"]
    for port in (input_port(program), *output_ports(program)):
        low, role = 0, "x" if port.name == "x" else NAMES.get(port.name, "y")
        for index, (bits, signed) in enumerate(zip(port.bits, port.signed, strict=True)):
            place = f"{low},{low + bits - 1},{int(signed)},{port.exponent}"
            rows.append(f"{role},{index},{_name(program, port, index, features)},{place}")
            low += bits
    digest = f"network_digest,0,SHA-256 of the contract,0,{4 * DIGITS - 1},0,0"
    return "\n".join([*rows, digest]) + "\n"


def _name(program: Program, port: Port, index: int, features: tuple[str, ...]) -> str:
    if port.name == "x":
        return features[index]
    if port.name == ACCEPT and program.trigger is not None:
        return program.trigger.points[index].name
    return port.name
