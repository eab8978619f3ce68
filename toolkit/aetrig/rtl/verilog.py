"""The Verilog of a project beside alkaid's: network.v and the trigger's configuration."""

from __future__ import annotations

from aetrig.program.model import Program
from aetrig.rtl.network import PIPELINE, Wire, inputs, output_bits, three_ports, unused, wires
from aetrig.rtl.pipeline import Pipeline
from aetrig.rtl.ports import hexadecimal, input_port

SUFFIX = "v"
TRIGGER, BENCH = ("trigger.v",), ("bench.v", "driver.cpp")


def generated(program: Program, pipeline: Pipeline) -> dict[str, str]:
    """Return the generated files' texts by name."""
    return {
        "network.v": _network(program, pipeline),
        "trigger_config.vh": _config(program, pipeline.stages),
    }


def _config(program: Program, latency: int) -> str:
    x, (y, score, accept) = input_port(program), three_ports(program)
    defines = {
        "LATENCY": latency,
        "X_BITS": x.width,
        "X_WORDS": x.words,
        "Y_BITS": y.width,
        "Y_WORDS": y.words,
        "SCORE_BITS": score.width,
        "SCORE_WORDS": score.words,
        "POINTS": accept.width,
        "POINT_WORDS": accept.words,
    }
    lines = [f"`define {name} {value}" for name, value in defines.items()]
    lines.append(f"`define NETWORK_DIGEST 256'h{hexadecimal(program)}")
    return "\n".join(["`ifndef TRIGGER_CONFIG", "`define TRIGGER_CONFIG", *lines, "`endif", ""])


def _network(program: Program, pipeline: Pipeline) -> str:
    assigns = [f"    assign {_target(w)} = {_value(w)};" for w in wires(program, pipeline)]
    if program.trigger is None:
        assigns += ["    assign score = 1'b0;", "    assign accept = 1'b0;"]
    if spare := unused(program, pipeline):
        bits = ", ".join(f"out[{bit}]" for bit in spare)
        assigns += [
            "    // always zero, or copies of a sign",
            f"    wire unused = &{{1'b0, {bits}}};",
        ]
    taken = inputs(program, pipeline)
    used = ", ".join(f"x[{high}:{low}]" for low, high in reversed(taken)) or "1'b0"
    width = max(1, sum(high - low + 1 for low, high in taken))
    return f"""// The network and its score, pipelined: ports as trigger.v wants them.
`default_nettype none
`include "trigger_config.vh"

module network (
    input  wire                   clk,
    input  wire [`X_BITS-1:0]     x,
    output wire [`Y_BITS-1:0]     y,
    output wire [`SCORE_BITS-1:0] score,
    output wire [`POINTS-1:0]     accept
);
    wire [{output_bits(pipeline) - 1}:0] out;
    // what the network uses of x
    wire [{width - 1}:0] used = {{{used}}};
    {PIPELINE} {PIPELINE} (.clk(clk), .model_inp(used), .model_out(out));
{chr(10).join(assigns)}
endmodule
`default_nettype wire
"""


def _target(wire: Wire) -> str:
    return f"{wire.port}[{wire.high}:{wire.low}]"


def _value(wire: Wire) -> str:
    parts = []
    if wire.sign:
        bit = f"out[{wire.last}]" if wire.signed else "1'b0"
        parts.append(f"{{{wire.sign}{{{bit}}}}}")
    if wire.last >= wire.first:
        parts.append(f"out[{wire.last}:{wire.first}]")
    if wire.zeros:
        parts.append(f"{wire.zeros}'b0")
    return f"{{{', '.join(parts)}}}"
