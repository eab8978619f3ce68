// The trigger between ports of whole 32-bit words, at least three, as the C++ test bench wants them.
`default_nettype none
`include "trigger_config.vh"

module bench (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     valid_in,
    input  wire [32*`X_WORDS-1:0]   x,
    output wire                     valid_out,
    output wire [32*`Y_WORDS-1:0]   y,
    output wire [32*`SCORE_WORDS-1:0] score,
    output wire [32*`POINT_WORDS-1:0] accept,
    output wire [255:0]             network_digest
);
    wire [`Y_BITS-1:0] y_bits;
    wire [`SCORE_BITS-1:0] score_bits;
    wire [`POINTS-1:0] accept_bits;
    trigger dut (
        .clk(clk), .rst(rst), .valid_in(valid_in), .x(x[`X_BITS-1:0]),
        .valid_out(valid_out), .y(y_bits), .score(score_bits), .accept(accept_bits),
        .network_digest(network_digest)
    );
    assign y = {{(32*`Y_WORDS-`Y_BITS){1'b0}}, y_bits};
    assign score = {{(32*`SCORE_WORDS-`SCORE_BITS){1'b0}}, score_bits};
    assign accept = {{(32*`POINT_WORDS-`POINTS){1'b0}}, accept_bits};
endmodule
`default_nettype wire
