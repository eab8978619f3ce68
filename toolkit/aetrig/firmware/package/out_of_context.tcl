# Synthesize, place and route the trigger out of context:  vivado -mode batch -source out_of_context.tcl
set here [file dirname [file normalize [info script]]]
set rtl [file join $here rtl src]
file mkdir [file join $here vivado]
@READ@
read_xdc -mode out_of_context [file join $here trigger.xdc]
synth_design -mode out_of_context -top trigger -part @PART@ -include_dirs $rtl
opt_design
place_design
phys_opt_design
route_design
report_utilization -file [file join $here vivado utilization.rpt]
report_timing_summary -file [file join $here vivado timing.rpt]
write_checkpoint -force [file join $here vivado trigger.dcp]
