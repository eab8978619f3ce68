// Replays golden events through the trigger, one every clock, and compares what comes out.
// vectors/*.hex lie beside the simulation's working directory; prints PASS or FAIL and stops.
`timescale 1 ns / 1 ps
`default_nettype none
`include "trigger_config.vh"

module replay;
    localparam integer EVENTS = @EVENTS@;
    reg [`X_BITS-1:0] x_of [0:EVENTS-1];
    reg [`Y_BITS-1:0] y_of [0:EVENTS-1];
    reg [`SCORE_BITS-1:0] score_of [0:EVENTS-1];
    reg [`POINTS-1:0] accept_of [0:EVENTS-1];

    reg clk = 1'b0, rst = 1'b1, valid_in = 1'b0;
    reg [`X_BITS-1:0] x = 0;
    wire valid_out;
    wire [`Y_BITS-1:0] y;
    wire [`SCORE_BITS-1:0] score;
    wire [`POINTS-1:0] accept;
    wire [255:0] network_digest;
    reg [255:0] network [0:0];  // that these vectors are of
    integer sent = 0, received = 0, differing = 0;

    trigger dut (
        .clk(clk), .rst(rst), .valid_in(valid_in), .x(x),
        .valid_out(valid_out), .y(y), .score(score), .accept(accept),
        .network_digest(network_digest)
    );

    initial begin
        $readmemh("vectors/x.hex", x_of);
        $readmemh("vectors/y.hex", y_of);
        $readmemh("vectors/score.hex", score_of);
        $readmemh("vectors/accept.hex", accept_of);
        $readmemh("vectors/network_digest.hex", network);
        repeat (4) step;
        rst = 1'b0;
        while (received < EVENTS && sent < EVENTS + 1000) begin
            valid_in = sent < EVENTS;
            if (sent < EVENTS) x = x_of[sent];
            sent = sent + 1;
            step;
            if (valid_out) begin
                if (y !== y_of[received] || score !== score_of[received] || accept !== accept_of[received])
                    differing = differing + 1;
                received = received + 1;
            end
        end
        if (network_digest !== network[0]) $display("FAIL: the RTL is of network %h, the vectors of %h", network_digest, network[0]);
        else if (received == EVENTS && differing == 0) $display("PASS: %0d events", received);
        else $display("FAIL: %0d events, %0d differing", received, differing);
        $finish;
    end

    task step;
        begin
            #(@HALF@) clk = 1'b1;
            #(@HALF@) clk = 1'b0;
        end
    endtask
endmodule
`default_nettype wire
