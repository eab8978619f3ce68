"""The hls4ml firmware project and its emulation in csim."""
