// The trigger: raw hardware integers in, anomaly score and accept bits out, an event at every clock.
//
// An event that is taken in at one rising edge of clk, with valid_in high, has its results at the
// outputs `LATENCY edges later, with valid_out high. x must come from registers. A reset, of one
// clock or more, drops the events in flight and the one at the input.
//
// network_digest is a constant: the SHA-256 of the contract (the ONNX file that this was made from),
// as a number of 256 bits. Connect it to a register that software reads, whole or its highest 32
// bits (the first 8 digits); what is left open costs nothing.
`default_nettype none
`include "trigger_config.vh"

module trigger (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   valid_in,
    input  wire [`X_BITS-1:0]     x,
    output wire                   valid_out,
    output wire [`Y_BITS-1:0]     y,
    output wire [`SCORE_BITS-1:0] score,
    output wire [`POINTS-1:0]     accept,
    output wire [255:0]           network_digest
);
    // One bit an event in flight. The data registers need no reset: nothing calls them valid.
    reg [`LATENCY-1:0] in_flight;
    wire [`LATENCY:0] shifted = {in_flight, valid_in};

    always @(posedge clk)
        if (rst) in_flight <= {`LATENCY{1'b0}};
        else     in_flight <= shifted[`LATENCY-1:0];

    wire [`POINTS-1:0] above;
    network network (.clk(clk), .x(x), .y(y), .score(score), .accept(above));

    assign valid_out = in_flight[`LATENCY-1];
    // an accept bit is never high without an event of its own
    assign accept = above & {`POINTS{valid_out}};
    assign network_digest = `NETWORK_DIGEST;
endmodule
`default_nettype wire
