# The clock that the pipeline was cut for, and the surroundings of an out-of-context run.
create_clock -period @CLOCK_NS@ -name clk [get_ports clk]
set_clock_uncertainty [expr 0.1 * @CLOCK_NS@] [get_clocks clk]
# x, valid_in and rst come from registers, the results go to registers
set_input_delay -clock clk [expr 0.1 * @CLOCK_NS@] [get_ports {x[*] valid_in rst}]
set_output_delay -clock clk [expr 0.1 * @CLOCK_NS@] [get_ports {valid_out y[*] score[*] accept[*]}]
