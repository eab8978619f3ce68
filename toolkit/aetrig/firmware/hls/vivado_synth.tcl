# Synthesis, placement and routing of the top function out of context, and their reports.
# build_prj.tcl runs it in Vivado behind C synthesis, with the top function's name as its argument.
set tcldir [file dirname [info script]]
source [file join $tcldir project.tcl]
set top [lindex $argv 0]

set constraints [open clock.xdc w]
puts $constraints "create_clock -name ap_clk -period $clock_period \[get_ports ap_clk\]"
close $constraints

add_files ${project_name}_prj/solution1/syn/verilog
read_xdc -mode out_of_context clock.xdc
synth_design -top $top -part $part -mode out_of_context
opt_design -retarget -propconst -sweep -bram_power_opt -shift_register_opt
report_utilization -file vivado_synth.rpt
place_design
route_design
report_utilization -file vivado_utilization.rpt
report_timing_summary -file vivado_timing.rpt
