"""The VHDL of a project beside alkaid's: network.vhd and the trigger's configuration."""

from __future__ import annotations

from aetrig.program.model import Program
from aetrig.rtl.network import PIPELINE, Wire, inputs, output_bits, three_ports, wires
from aetrig.rtl.pipeline import Pipeline
from aetrig.rtl.ports import hexadecimal, input_port

SUFFIX = "vhd"
TRIGGER, BENCH = ("trigger.vhd",), ("bench.vhd",)


def generated(program: Program, pipeline: Pipeline) -> dict[str, str]:
    """Return the generated files' texts by name."""
    return {
        "network.vhd": _network(program, pipeline),
        "trigger_config.vhd": _config(program, pipeline.stages),
    }


def _config(program: Program, latency: int) -> str:
    y, score, accept = three_ports(program)
    constants = {
        "LATENCY": latency,
        "X_BITS": input_port(program).width,
        "Y_BITS": y.width,
        "SCORE_BITS": score.width,
        "POINTS": accept.width,
    }
    lines = [f"    constant {name} : positive := {value};" for name, value in constants.items()]
    kind = "std_logic_vector(255 downto 0)"
    lines.append(f'    constant DIGEST : {kind} := x"{hexadecimal(program)}";')
    head = ["library ieee;", "use ieee.std_logic_1164.all;", "package trigger_config is"]
    return "\n".join([*head, *lines, "end package trigger_config;", ""])


def _network(program: Program, pipeline: Pipeline) -> str:
    assigns = [f"    {_target(w)} <= {_value(w)};" for w in wires(program, pipeline)]
    if program.trigger is None:
        assigns += ["    score <= (others => '0');", "    accept <= (others => '0');"]
    taken = inputs(program, pipeline)
    used = " & ".join(f"x({high} downto {low})" for low, high in reversed(taken)) or '"0"'
    width = max(1, sum(high - low + 1 for low, high in taken))
    return f"""-- The network and its score, pipelined: ports as trigger.vhd wants them.
library ieee;
use ieee.std_logic_1164.all;
use work.trigger_config.all;

entity network is
    port (
        clk    : in  std_logic;
        x      : in  std_logic_vector(X_BITS - 1 downto 0);
        y      : out std_logic_vector(Y_BITS - 1 downto 0);
        score  : out std_logic_vector(SCORE_BITS - 1 downto 0);
        accept : out std_logic_vector(POINTS - 1 downto 0)
    );
end entity network;

architecture rtl of network is
    signal result : std_logic_vector({output_bits(pipeline) - 1} downto 0);
    signal used : std_logic_vector({width - 1} downto 0);  -- what the network uses of x
begin
    used <= {used};
    {PIPELINE} : entity work.{PIPELINE}
        port map (clk => clk, model_inp => used, model_out => result);
{chr(10).join(assigns)}
end architecture rtl;
"""


def _target(wire: Wire) -> str:
    return f"{wire.port}({wire.high} downto {wire.low})"


def _value(wire: Wire) -> str:
    parts = []
    if wire.sign and wire.signed:
        parts += [f"result({wire.last})"] * wire.sign
    elif wire.sign:
        parts.append(f'"{"0" * wire.sign}"')
    if wire.last >= wire.first:
        parts.append(f"result({wire.last} downto {wire.first})")
    if wire.zeros:
        parts.append(f'"{"0" * wire.zeros}"')
    return " & ".join(parts)
